import Dns from "node:dns"
import { assert, layer } from "@effect/vitest"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { vi } from "vitest"
import * as Layer from "effect/Layer"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as NodeTransport from "../src/HttpTransport.ts"
import { deafServer } from "./support/deafServer.ts"
import { ask, fetchText, prepare, registry, send, transport, truthOf, untilTruth } from "./support/harness.ts"
import { rawServer, until } from "./support/rawServer.ts"

const { afterEvents, afterHead, afterHeadBytes, afterRequest, always, atAccept, cut, on } = FaultScript

const servers = FaultServer.layer({ endpoints: { a: {}, tls: { tls: "good" } } })

/** What keeps this process alive: sockets, look-ups, connects, timers that hold it. */
const held = (): ReadonlyArray<string> =>
  process
    .getActiveResourcesInfo()
    .filter((name) => /TCPSocket|TLS|TCPConnect|GetAddrInfo|Immediate/.test(name))
    .toSorted()

/** How the one who aborts does it. */
const ways = ["interruption", "the caller's signal", "the closing of the scope"] as const
type Way = (typeof ways)[number]

interface Going {
  readonly stop: Effect.Effect<void>
}

/** Starts an attempt that will not come to its end by itself. */
const start = (request: HttpRequest, way: Way): Effect.Effect<Going, never, HttpTransport> =>
  Effect.gen(function* () {
    const controller = new AbortController()
    const closing = yield* Deferred.make<void>()
    const asked = way === "the caller's signal" ? { ...request, signal: controller.signal } : request
    const reading = Effect.gen(function* () {
      const response = yield* send(asked)
      yield* Stream.runDrain(response.body)
    })
    const going =
      way === "the closing of the scope"
        ? Effect.raceFirst(Effect.exit(reading), Deferred.await(closing)).pipe(Effect.scoped)
        : Effect.scoped(reading)
    const fiber = yield* Effect.forkDetach(going, { startImmediately: true })
    const stop = Effect.gen(function* () {
      const before = performance.now()
      switch (way) {
        case "interruption":
          yield* Fiber.interrupt(fiber)
          break
        case "the caller's signal":
          controller.abort()
          break
        case "the closing of the scope":
          yield* Deferred.succeed(closing, undefined)
      }
      const exit = yield* Fiber.await(fiber)
      if (way === "the closing of the scope") assert.isTrue(Exit.isSuccess(exit))
      else assert.isTrue(Exit.hasInterrupts(exit), String(exit))
      // At once: not when the connection stands, and not when a limit strikes.
      assert.isBelow(performance.now() - before, 500)
    })
    return { stop }
  })

layer(servers, { excludeTestServices: true })("interruption", (it) => {
  it.effect.each(ways)("takes a request out of the queue by %s, and the queue goes on", (way) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ tag: "busy" }, cut("stall", afterRequest))])
      const busy = yield* start(ask(origin, { tag: "busy" }), "interruption")
      yield* untilTruth(({ counts }) => counts.complete === 1)
      const queued = yield* start(ask(origin, { tag: "queued" }), way)
      yield* Effect.sleep("20 millis")
      const next = yield* Effect.forkChild(fetchText(ask(origin, { tag: "next" })))
      yield* Effect.sleep("20 millis")
      yield* queued.stop
      yield* busy.stop
      assert.strictEqual((yield* Fiber.join(next)).status, 200)
      const { connections, counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 2, requests: 2 })
      assert.deepStrictEqual(
        connections.flatMap(({ requests }) => requests.map(({ tag }) => tag)),
        ["busy", "next"]
      )
      assert.deepInclude(connections[0]?.closed, { by: "client" })
    }).pipe(Effect.provide(transport({ connections: 1 })))
  )

  it.effect("makes no connection for a request that left the queue, even as the last one in it", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ tag: "busy" }, cut("stall", afterRequest))])
      const busy = yield* start(ask(origin, { tag: "busy" }), "interruption")
      yield* untilTruth(({ counts }) => counts.complete === 1)
      const queued = yield* start(ask(origin), "interruption")
      yield* Effect.sleep("20 millis")
      yield* queued.stop
      yield* busy.stop
      yield* untilTruth(({ counts }) => counts.closedByClient === 1)
      yield* Effect.sleep("50 millis")
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 1, requests: 1, open: 0 })
    }).pipe(Effect.provide(transport({ connections: 1 })))
  )

  it.effect.each(ways)("leaves an idle connection alone by %s before the request is on it", (way) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      yield* fetchText(ask(origin))
      const going = yield* start(ask(origin, { tag: "never" }), way)
      yield* going.stop
      const { evidence } = yield* fetchText(ask(origin))
      assert.deepInclude(evidence.connection, { reused: true, requestsServed: 1 })
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 1, requests: 2, closedByClient: 0 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(ways)("gives up a look-up by %s", (way) =>
    Effect.gen(function* () {
      const before = held()
      // A resolver that never answers.
      const lookup = vi.spyOn(Dns, "lookup").mockImplementation((() => undefined) as unknown as typeof Dns.lookup)
      yield* Effect.addFinalizer(() => Effect.sync(() => lookup.mockRestore()))
      const going = yield* start(ask("http://provider.invalid"), way)
      yield* until(() => lookup.mock.calls.length === 1)
      yield* going.stop
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(held(), before)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect.each(ways)("gives up a connect by %s", (way) =>
    Effect.gen(function* () {
      const port = yield* deafServer()
      const before = held()
      const going = yield* start(ask(`http://127.0.0.1:${port}`), way)
      yield* until(() => held().length > before.length)
      yield* Effect.sleep("50 millis")
      yield* going.stop
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(held(), before)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect.each(ways)("gives up a TLS handshake by %s", (way) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", atAccept))], "tls")
      const going = yield* start(ask(origin), way)
      yield* untilTruth(({ counts }) => counts.open === 1, "tls")
      yield* Effect.sleep("20 millis")
      yield* going.stop
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0, "tls")
      assert.deepInclude(counts, { connections: 1, requests: 0, closedByClient: 1 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(ways)("stops sending by %s", (way) =>
    Effect.gen(function* () {
      let received = 0
      const server = yield* rawServer((socket) => {
        socket.on("data", (chunk) => {
          received += chunk.byteLength
        })
        socket.pause()
      })
      const body = new Uint8Array(32 * 1024 * 1024)
      const going = yield* start(ask(server.origin, { body }), way)
      yield* server.accepted(1)
      yield* Effect.sleep("50 millis")
      yield* going.stop
      for (const socket of server.sockets) socket.resume()
      yield* server.allClosed
      assert.isBelow(received, body.byteLength)
    }).pipe(Effect.provide(transport()), Effect.scoped)
  )

  it.effect.each(ways)("closes the connection while an answer is waited for, by %s", (way) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", afterRequest))])
      const going = yield* start(ask(origin), way)
      yield* untilTruth(({ counts }) => counts.complete === 1)
      yield* going.stop
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.deepInclude(counts, { connections: 1, requests: 1, closedByClient: 1 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each([
    ["a part of the head", afterHeadBytes(9)],
    ["the head", afterHead],
    ["an event", afterEvents(1)]
  ] as const)("closes the connection after %s of an answer", ([, at]) =>
    Effect.forEach(ways, (way) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("stall", at))])
        const going = yield* start(ask(origin, { streaming: true }), way)
        yield* untilTruth(({ connections }) => (connections[0]?.bytesSent ?? 0) > 0)
        yield* Effect.sleep("20 millis")
        yield* going.stop
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
        assert.deepInclude(counts, { connections: 1, closedByClient: 1 })
      }).pipe(Effect.provide(transport()))
    )
  )

  it.effect("ends one of many and leaves the others", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ tag: "stalls" }, cut("stall", afterHead)), always(FaultScript.drip(20))])
      const stalled = yield* start(ask(origin, { tag: "stalls", streaming: true }), "interruption")
      const others = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], () => fetchText(ask(origin, { streaming: true })), { concurrency: "unbounded" })
      )
      yield* untilTruth(({ counts }) => counts.complete === 4)
      yield* stalled.stop
      const answers = yield* Fiber.join(others)
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [200, 200, 200]
      )
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 4, answeredFull: 3, closedByClient: 1 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("sees a signal that aborts while the connections are still being prepared", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const controller = new AbortController()
      const fiber = yield* Effect.forkChild(fetchText(ask(origin, { signal: controller.signal })))
      yield* Effect.sleep("20 millis")
      controller.abort()
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasInterrupts(exit))
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 0, requests: 0 })
    }).pipe(Effect.provide(NodeTransport.layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(registry(1000, 50)))))
  )

  it.effect("listens to the caller's signal no longer than the attempt lives", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const { signal } = new AbortController()
      const added = vi.spyOn(signal, "addEventListener")
      const removed = vi.spyOn(signal, "removeEventListener")
      yield* fetchText(ask(origin, { signal }))
      assert.isAbove(added.mock.calls.length, 0)
      assert.deepStrictEqual(
        removed.mock.calls.map(([, listener]) => listener),
        added.mock.calls.map(([, listener]) => listener)
      )
    }).pipe(Effect.provide(transport()))
  )
})
