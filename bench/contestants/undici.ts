/** undici as it is: its `request`, and `dispatch` with the least handler that collects an answer. */
import * as Undici from "undici"
import type { Asked, Client, Open } from "../contestant.ts"
import { promises } from "../contestant.ts"
import { apiKey, requestBody } from "../wire.ts"

const headers = { "content-type": "application/json", authorization: `Bearer ${apiKey}` }

const client = (call: (agent: Undici.Agent, asked: Asked, body: string) => () => Promise<number>): Client => {
  const agent = new Undici.Agent({ allowH2: false })
  return {
    counted: "bytes",
    round: (asked) => promises(call(agent, asked, requestBody(asked.streaming))),
    close: () => agent.destroy()
  }
}

export const request: Open = async () =>
  client((dispatcher, { base, streaming }, body) => async () => {
    const response = await Undici.request(`${base}/chat/completions`, { dispatcher, method: "POST", headers, body })
    if (!streaming) return (await response.body.text()).length
    let bytes = 0
    for await (const chunk of response.body) bytes += (chunk as Buffer).byteLength
    return bytes
  })

export const dispatch: Open = async () =>
  client((agent, { base, streaming }, body) => {
    const { origin, pathname } = new URL(`${base}/chat/completions`)
    const options: Undici.Dispatcher.DispatchOptions = { origin, path: pathname, method: "POST", headers, body }
    return () =>
      new Promise((resolve, reject) => {
        agent.dispatch(options, streaming ? new Counting(resolve, reject) : new Collecting(resolve, reject))
      })
  })

/** The least that a handler is. */
abstract class Handler implements Undici.Dispatcher.DispatchHandler {
  private readonly resolve: (counted: number) => void
  private readonly reject: (error: Error) => void

  constructor(resolve: (counted: number) => void, reject: (error: Error) => void) {
    this.resolve = resolve
    this.reject = reject
  }

  abstract take(chunk: Buffer): void
  abstract counted(): number

  onRequestStart(): void {}

  onResponseStart(): void {}

  onResponseData(_: Undici.Dispatcher.DispatchController, chunk: Buffer): void {
    this.take(chunk)
  }

  onResponseEnd(): void {
    this.resolve(this.counted())
  }

  onResponseError(_: Undici.Dispatcher.DispatchController, error: Error): void {
    this.reject(error)
  }
}

class Counting extends Handler {
  private bytes = 0

  take(chunk: Buffer): void {
    this.bytes += chunk.byteLength
  }

  counted(): number {
    return this.bytes
  }
}

class Collecting extends Handler {
  private readonly chunks: Array<Buffer> = []

  take(chunk: Buffer): void {
    this.chunks.push(chunk)
  }

  counted(): number {
    return Buffer.concat(this.chunks).toString("utf8").length
  }
}
