/** The peers of rows: the fault server, a process of its own, and servers in this one that write what no script says. */
import type * as Net from "node:net"
import * as FaultScript from "@holdfast/testing/FaultScript"
import type { FaultServer } from "@holdfast/testing/FaultServer"
import type * as FaultTruth from "@holdfast/testing/FaultTruth"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { prepare, truthOf } from "../support/harness.ts"
import { ok, rawServer } from "../support/rawServer.ts"
import type { Cell, Scene, Seen, Stage } from "./row.ts"

export type Extra = Pick<Stage, "pool" | "asked" | "attempt">

/** The fault server, where the attempt meets a fault. */
export const faulted =
  (fault: FaultScript.Fault, extra: Extra = {}): Scene =>
  (cells) =>
    Effect.map(prepare(cells.map(({ tag }) => FaultScript.on({ tag }, fault))), ({ origin }) => ({
      origin,
      isWhole,
      seen: seenBy("a"),
      ...extra
    }))

/** What an attempt is sent to instead of the fault server, where the next request goes. */
export interface Elsewhere extends Extra {
  readonly origin: string
  /** Unless told, nothing there knows of requests. */
  readonly seen?: Stage["seen"]
}

/** A place where no request gets to; what follows goes to the fault server. */
export const elsewhere =
  (place: Effect.Effect<Elsewhere, unknown, FaultServer | Scope.Scope>): Scene =>
  () =>
    Effect.gen(function* () {
      const { origin: healthy } = yield* prepare([])
      const there = yield* place
      return {
        healthy,
        isWhole,
        seen: () => Effect.succeed({ requests: 0, complete: 0, ran: 0, open: false }),
        ...there
      }
    })

/** The fault server, by rules of its own; they are given what an attempt's request and the one before it are tagged. */
export const scripted =
  (rules: (tag: string, before: string) => FaultScript.Script, extra: Extra = {}): Scene =>
  (cells) =>
    Effect.map(prepare(cells.flatMap(({ tag }) => rules(tag, `${tag}, before`))), ({ origin }) => ({
      origin,
      isWhole,
      seen: seenBy("a"),
      ...extra
    }))

/** Whether a text is all that the model of the fault server says. */
export const isWhole = (text: string, { streaming }: Cell): boolean =>
  streaming ? text.includes('"type":"message_stop"') : /^\{.*"stop_reason":"end_turn".*\}$/s.test(text)

/** What an endpoint of the fault server has seen of an attempt. */
export const seenBy =
  (endpoint: string) =>
  (tag: string): Effect.Effect<Seen, unknown, FaultServer> =>
    Effect.map(truthOf(endpoint), ({ connections }) => {
      const requests = connections.flatMap(({ requests }) => requests).filter((request) => request.tag === tag)
      return {
        requests: requests.length,
        complete: requests.filter(({ complete }) => complete).length,
        ran: requests.filter(({ ran }) => ran).length,
        bytes: requests.reduce((sum, { bytes }) => sum + bytes, 0),
        open: connections.some((connection) => connection.closed === undefined && carries(connection, tag))
      }
    })

const carries = ({ requests }: FaultTruth.Connection, tag: string): boolean =>
  requests.some((request) => request.tag === tag)

/** What is done with the connection of an attempt; it is kept open where nothing is told. */
export type Ends = "fin" | "reset" | "open"

/** Bytes that answer an attempt, and what then becomes of its connection. */
export interface Reply {
  readonly write: string
  readonly ends: Ends
  /** When: once the whole request has come, unless told, or once its head has, of which no more is read then. */
  readonly at?: "head"
  /** It is the proxy to which requests to another origin are handed. */
  readonly proxies?: string
}

/** A server in this process that answers the attempt by bytes, and anything else well. */
export const raw =
  ({ at, ends, proxies, write }: Reply, extra: Extra = {}): Scene =>
  () =>
    Effect.gen(function* () {
      const carried = new Map<string, Carried>()
      const server = yield* rawServer((socket) => {
        let pending = ""
        let over = false
        const answer = () => {
          over = at === "head"
          if (at === "head") leave(socket)
          if (write !== "") socket.write(write, "latin1")
          if (ends === "fin") socket.end()
          else if (ends === "reset") socket.resetAndDestroy()
        }
        socket.on("data", (data) => {
          pending += data.toString("latin1")
          const request = parse(pending)
          if (request === undefined || over) return
          const { complete, tag } = request
          const isAttempt = !/, (before|after)$/.test(tag)
          const seen = carried.get(tag) ?? { socket, requests: 0, complete: 0 }
          if (seen.requests === 0) seen.requests = 1
          carried.set(tag, seen)
          if (complete) {
            pending = ""
            seen.complete++
          }
          if (!isAttempt) {
            if (complete) socket.write(ok())
          } else if (complete || at === "head") {
            answer()
          }
        })
      })
      const seen = (tag: string) =>
        Effect.sync((): Seen => {
          const { complete = 0, requests = 0, socket } = carried.get(tag) ?? {}
          // It runs whatever it has.
          return { requests, complete, ran: complete, open: socket?.destroyed === false }
        })
      const where = proxies === undefined ? server : { origin: proxies, pool: { proxy: server.origin } }
      return { ...where, isWhole: (text: string) => text === "fine", seen, ...extra }
    })

// What comes behind the head stays in the kernel for a while, and is then thrown away, so that a close is seen.
const leave = (socket: Net.Socket): void => {
  socket.pause()
  const later = setTimeout(() => socket.removeAllListeners("data").resume(), 100)
  socket.once("close", () => clearTimeout(later))
}

interface Carried {
  readonly socket: Net.Socket
  requests: number
  complete: number
}

/** A request, once its head has come. */
const parse = (text: string): { readonly tag: string; readonly complete: boolean } | undefined => {
  const head = text.indexOf("\r\n\r\n")
  if (head < 0) return undefined
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
  const chunked = /transfer-encoding: chunked/i.test(text.slice(0, head))
  return {
    tag: /x-fault-tag: ([^\r]*)/i.exec(text)?.[1] ?? "",
    complete: chunked ? text.endsWith("0\r\n\r\n") : text.length >= head + 4 + length
  }
}

/** A long body that is made as it is sent. */
export async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < 128; index++) yield Buffer.alloc(64 * 1024, 120)
}
