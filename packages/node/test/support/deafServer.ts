/** A listener on loopback whose queue is full: the kernel drops every further attempt to connect, as a black hole does. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

// It blocks its own event loop, so that it never accepts.
const program = `
  const server = require("node:net").createServer()
  server.listen({ port: Number(process.argv[2] ?? 0), host: process.argv[1], backlog: 1 }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n")
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
    process.exit()
  })
`

/** Gives the port. */
export const deafServer = (host = "127.0.0.1"): Effect.Effect<number, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, ["-e", program, host], { stdio: ["ignore", "pipe", "inherit"] })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const [line]: ReadonlyArray<unknown> = yield* Effect.promise(() => once(child.stdout, "data"))
    const port = Number(String(line))
    yield* Effect.forEach([1, 2, 3], () => fill(port, host), { concurrency: "unbounded" })
    return port
  })

/** A connection that fills a place in the queue, or finds it full. */
const fill = (port: number, host: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket>((resume) => {
      const socket = Net.connect({ port, host })
      const done = () => resume(Effect.succeed(socket))
      socket.on("error", done)
      socket.once("connect", done)
      setTimeout(done, 200)
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )
