/** Proxies that go wrong at some step, and the provider behind them. */
import * as Net from "node:net"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PoolOptions } from "../../src/Dispatcher.ts"
import { prepare } from "../support/harness.ts"
import { rawServer } from "../support/rawServer.ts"
import type { Placed, Scene, Stage } from "./row.ts"
import type { Extra } from "./scenes.ts"
import { isWhole, seenBy } from "./scenes.ts"

/** A server of the fault server's, as another address. */
export const endpoint = (name: string) => Effect.flatMap(FaultServer.FaultServer, (server) => server.endpoint(name))

/** The provider behind TLS, by a name that the proxy looks up; a fault strikes the attempts. */
export const provider = (cells: ReadonlyArray<Placed> = [], fault?: FaultScript.Fault) =>
  Effect.map(
    prepare(fault === undefined ? [] : cells.map(({ tag }) => FaultScript.on({ tag }, fault)), "tls"),
    ({ ca = "", port }) => ({ origin: `https://localhost:${port}`, port, ca, isWhole, seen: seenBy("tls") })
  )

/** Through a proxy at a URL. */
export const through =
  (
    proxyAt: Effect.Effect<NonNullable<PoolOptions["proxy"]>, unknown, FaultServer.FaultServer | Scope.Scope>,
    extra: Extra = {}
  ): Scene =>
  () =>
    Effect.gen(function* () {
      const { ca, ...stage } = yield* provider()
      return { ...stage, pool: { tls: { ca }, proxy: yield* proxyAt }, ...extra } satisfies Stage
    })

export type Deed = (socket: Net.Socket) => unknown

/** A proxy that does something else than it should on its first connection, and leads to the provider on all others. */
export const spoilt =
  (scheme: "http" | "socks5", begin: (socket: Net.Socket) => unknown, serve: Serve, extra: Extra = {}): Scene =>
  () =>
    Effect.gen(function* () {
      const { ca, ...stage } = yield* provider()
      const proxy = yield* rawServer((socket, index) => {
        if (index === 0) begin(socket)
        else serve(socket, stage.port)
      })
      const isOpen = () => proxy.sockets[0]?.destroyed === false
      return {
        ...stage,
        seen: (tag) => Effect.map(stage.seen(tag), (seen) => ({ ...seen, open: isOpen() })),
        pool: { tls: { ca }, proxy: `${scheme}://127.0.0.1:${proxy.port}` },
        ...extra
      } satisfies Stage
    })

export type Serve = (socket: Net.Socket, port: number) => void

/** Once it is asked. */
export const asked =
  (deed: Deed): Deed =>
  (socket) =>
    socket.once("data", () => deed(socket))

const lead = (socket: Net.Socket, port: number): void => {
  const upstream = Net.connect(port, "127.0.0.1")
  upstream.on("error", () => socket.destroy())
  socket.once("close", () => upstream.destroy())
  socket.pipe(upstream).pipe(socket)
}

export const connect: Serve = (socket, port) => {
  socket.once("data", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
    lead(socket, port)
  })
}

export const socks: Serve = (socket, port) => {
  socket.once("data", () => {
    socket.write(Buffer.of(5, 0))
    socket.once("data", () => {
      socket.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0))
      lead(socket, port)
    })
  })
}

/** A proxy that says these things, one after another as it is spoken to. */
export const says =
  (...replies: ReadonlyArray<Buffer | "fin" | "reset">): Deed =>
  (socket) => {
    const left = [...replies]
    socket.on("data", () => {
      const next = left.shift()
      if (next === "fin") socket.end()
      else if (next === "reset") socket.resetAndDestroy()
      else if (next !== undefined) socket.write(next)
    })
  }
