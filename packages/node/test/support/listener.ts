/** What the servers of this process share: a port of their own on loopback, and no socket left when their scope ends. */
import type * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Listener {
  readonly port: number
  /** Every connection so far as TCP has it, beneath whatever TLS. */
  readonly sockets: ReadonlyArray<Net.Socket>
}

/** Has a server listen for the life of the scope. */
export const listening = (server: Net.Server, host = "127.0.0.1"): Effect.Effect<Listener, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets: Array<Net.Socket> = []
    // Before what the server does with them.
    server.prependListener("connection", (socket: Net.Socket) => {
      sockets.push(socket)
      socket.on("error", () => undefined)
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, host, () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        })
    )
    const address = server.address()
    return { port: typeof address === "object" && address !== null ? address.port : 0, sockets }
  })
