/**
 * The server, as a process of its own: it looks at the path and writes fixed bytes, so that as much of the machine as
 * possible is left to the client.
 */
import * as Net from "node:net"
import { serve } from "./child.ts"
import type { Vendor } from "./wire.ts"
import { answer, eventsPerWrite, heldWrites, writes } from "./wire.ts"

type Answer = (socket: Net.Socket) => void

/** Held streams that have begun and not ended. */
let held = 0

const whole =
  (bytes: Buffer): Answer =>
  (socket) => {
    socket.write(bytes)
  }

/** One write a turn of the event loop: several in one would reach the client as one. */
const streamed =
  (all: ReadonlyArray<Buffer>): Answer =>
  (socket) => {
    let next = 0
    const write = () => {
      const bytes = all[next++]
      if (bytes === undefined || socket.destroyed) return
      socket.write(bytes)
      setImmediate(write)
    }
    write()
  }

const dripped =
  (all: ReadonlyArray<Buffer>, everyMs: number): Answer =>
  (socket) => {
    held++
    let next = 0
    const write = () => {
      const bytes = all[next++]
      if (bytes !== undefined) socket.write(bytes)
      if (next < all.length) return
      clearInterval(timer)
      if (next === all.length) held--
    }
    const timer = setInterval(write, everyMs)
    socket.once("close", () => {
      clearInterval(timer)
      if (next < all.length) held--
    })
    write()
  }

const answers = new Map<string, Answer>()

/** The answer to a path, made once. */
const answerTo = (path: string): Answer => {
  const known = answers.get(path)
  if (known !== undefined) return known
  const made = makeAnswer(path)
  answers.set(path, made)
  return made
}

const makeAnswer = (path: string): Answer => {
  const vendor: Vendor = path.endsWith("/messages") ? "anthropic" : "openai"
  const [, workload = ""] = path.split("/")
  if (workload === "stream1" || workload === "stream10") return streamed(writes(vendor, eventsPerWrite[workload]))
  const [, seconds, everySeconds] = /^hold-(\d+)-(\d+)$/.exec(workload) ?? []
  if (seconds === undefined || everySeconds === undefined) return whole(answer(vendor))
  const hold = { seconds: Number(seconds), everySeconds: Number(everySeconds) }
  return dripped(heldWrites(hold), hold.everySeconds * 1000)
}

const endOfHead = "\r\n\r\n"

const accept = (socket: Net.Socket): void => {
  let pending = ""
  socket.setNoDelay(true)
  // A client that goes away is none of the server's business.
  socket.on("error", () => socket.destroy())
  socket.on("data", (bytes) => {
    pending += bytes.toString("latin1")
    while (true) {
      const end = pending.indexOf(endOfHead)
      if (end === -1) return
      const head = pending.slice(0, end)
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
      const whole = end + endOfHead.length + length
      if (pending.length < whole) return
      pending = pending.slice(whole)
      answerTo(head.slice(head.indexOf(" ") + 1, head.indexOf(" HTTP/")))(socket)
    }
  })
}

const server = Net.createServer(accept)
// As many as may want to connect at the same moment.
server.listen({ host: "127.0.0.1", port: 0, backlog: 8192 })

const questions = {
  origin: () => {
    const address = server.address()
    if (address === null || typeof address === "string") throw new Error("the server does not listen")
    return `http://127.0.0.1:${address.port}`
  },
  /** How many held streams are open. */
  held: () => held
}

/** What the server's process can be asked. */
export type Questions = typeof questions

serve(questions)
