/** A TCP server in this process, for what needs no honest timing: it does what it is told with each socket. */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

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
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Net.Server; readonly raw: RawServer }>((resume) => {
      const sockets: Array<Net.Socket> = []
      const server = Net.createServer({ allowHalfOpen: false }, (socket) => {
        socket.on("error", () => undefined)
        sockets.push(socket)
        onSocket(socket, sockets.length - 1)
      })
      server.listen(0, host, () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const raw: RawServer = {
          port,
          origin: `http://${host}:${port}`,
          sockets,
          accepted: (count) => until(() => sockets.length >= count),
          allClosed: until(() => sockets.every((socket) => socket.destroyed))
        }
        resume(Effect.succeed({ server, raw }))
      })
    }),
    ({ raw, server }) =>
      Effect.sync(() => {
        for (const socket of raw.sockets) socket.destroy()
        server.close()
      })
  ).pipe(Effect.map(({ raw }) => raw))

/** Waits for a condition; one that never comes fails the test by its time limit. */
export const until = (is: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (is() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(is))))

/** A whole answer with a length. */
export const ok = (body = "fine", headers = ""): string =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
