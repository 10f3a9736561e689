/** Where in a turn of the event loop something is done, and a loop that stands still. */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Does nothing else for a while. */
export const busy = (ms: number): void => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Runs in an I/O callback: a socket pair on which a byte is written, and read. */
export const inIoCallback = (f: () => void): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Net.Server; readonly socket: Net.Socket }>((resume) => {
      const server = Net.createServer((peer) => peer.on("error", () => undefined).end("x"))
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const socket = Net.connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1")
        socket.once("data", () => {
          f()
          resume(Effect.succeed({ server, socket }))
        })
      })
    }),
    ({ server, socket }) =>
      Effect.sync(() => {
        socket.destroy()
        server.close()
      })
  )

/** Runs in a timer's callback. */
export const inTimer = (f: () => void): Effect.Effect<void> =>
  Effect.callback((resume) => {
    setTimeout(() => {
      f()
      resume(Effect.void)
    }, 1)
  })

/** Runs in the check phase. */
export const inCheckPhase = (f: () => void): Effect.Effect<void> =>
  Effect.callback((resume) => {
    setImmediate(() => {
      f()
      resume(Effect.void)
    })
  })
