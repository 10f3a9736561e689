/** A TCP server in this process, for what needs no honest timing: it does what it is told with each socket. */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { listening } from "./listener.ts"

export interface RawServer {
  readonly port: number
  readonly origin: string
  readonly sockets: ReadonlyArray<Net.Socket>
  /** Waits until as many connections have come. */
  readonly accepted: (count: number) => Effect.Effect<void>
  /** Waits until the client has closed every connection so far. */
  readonly allClosed: Effect.Effect<void>
}

export const rawServer = (
  onSocket: (socket: Net.Socket, index: number) => void,
  host = "127.0.0.1"
): Effect.Effect<RawServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    let index = 0
    const server = Net.createServer((socket) => onSocket(socket, index++))
    const { port, sockets } = yield* listening(server, host)
    return {
      port,
      origin: `http://${host}:${port}`,
      sockets,
      accepted: (count) => until(() => sockets.length >= count),
      allClosed: until(() => sockets.every((socket) => socket.destroyed))
    }
  })

/** Waits for a condition; one that never comes fails the test by its time limit. */
export const until = (is: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (is() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(is))))

/** A whole answer with a length. */
export const ok = (body = "fine", headers = ""): string =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
