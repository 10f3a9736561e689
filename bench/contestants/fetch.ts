/** A WHATWG `fetch`: the built-in one, and Holdfast's. */
import * as Fetch from "@holdfast/node/Fetch"
import type { Asked, Client, Open } from "../contestant.ts"
import { promises } from "../contestant.ts"
import { apiKey, requestBody } from "../wire.ts"

const headers = { "content-type": "application/json", authorization: `Bearer ${apiKey}` }

/** A client of any fetch. */
const clientOf = (fetch: typeof globalThis.fetch, close: () => Promise<void>): Client => ({
  counted: "bytes",
  round: ({ base, streaming }: Asked) => {
    const body = requestBody(streaming)
    return promises(async () => {
      const response = await fetch(`${base}/chat/completions`, { method: "POST", headers, body })
      if (!streaming || response.body === null) return (await response.text()).length
      let bytes = 0
      for await (const chunk of response.body) bytes += chunk.byteLength
      return bytes
    })
  },
  close
})

export const builtIn: Open = async () => clientOf(globalThis.fetch, async () => undefined)

export const holdfast: Open = async () => {
  const made = await Fetch.make({ provider: "openai" })
  return clientOf(made.fetch, made.close)
}
