import { assert, layer } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import type { Swap } from "./support/harness.ts"
import {
  ask,
  candidate,
  failureOf,
  fetchText,
  prepare,
  registry,
  swapped,
  send,
  transport,
  truthOf,
  untilTruth
} from "./support/harness.ts"
import { ok, rawServer } from "./support/rawServer.ts"

const { afterRequest, always, cut, drip, on } = FaultScript

const servers = FaultServer.layer({ endpoints: { a: {}, tls: { tls: "good" }, nobody: { refuse: true } } })

const openai = { provider: "openai", model: "gpt-5.5" }

/** Two requests one after the other to each provider, and how many connections that took. */
const connectionsOf = Effect.fnUntraced(function* (candidates: ReadonlyArray<typeof candidate>) {
  const counts: Array<number> = []
  for (const candidate of candidates) {
    const { origin } = yield* prepare([])
    yield* fetchText(ask(origin, { candidate }))
    yield* fetchText(ask(origin, { candidate }))
    counts.push((yield* truthOf()).counts.connections)
  }
  return counts
})

const notKept = Dispatcher.layerPool({ keepAlive: false })

layer(servers, { excludeTestServices: true })("dispatchers", (it) => {
  it.effect("are one per provider, though two share an endpoint", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const first = yield* fetchText(ask(origin))
      const other = yield* fetchText(ask(origin, { candidate: openai }))
      const again = yield* fetchText(ask(origin))
      assert.deepStrictEqual(
        [first, other, again].map(({ evidence }) => evidence.connection?.reused),
        [false, false, true]
      )
      assert.strictEqual((yield* truthOf()).counts.connections, 2)
    }).pipe(Effect.provide(swapped()))
  )

  it.effect("are swapped for one provider and left for the others", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* connectionsOf([candidate, openai]), [2, 1])
    }).pipe(Effect.provide(swapped(Dispatchers.swap("anthropic", notKept))))
  )

  it.effect("are swapped for two providers by two swaps, in either order", () =>
    Effect.gen(function* () {
      const both: [Swap, Swap] = [Dispatchers.swap("anthropic", notKept), Dispatchers.swap("openai", notKept)]
      const other = { provider: "google", model: "x" }
      for (const swaps of [both, both.toReversed()]) {
        const counts = yield* Effect.provide(connectionsOf([candidate, openai, other]), swapped(...swaps))
        assert.deepStrictEqual(counts, [2, 2, 1])
      }
      // Side by side in one Layer, too.
      const merged = swapped(Layer.mergeAll(...both))
      assert.deepStrictEqual(yield* Effect.provide(connectionsOf([candidate, openai, other]), merged), [2, 2, 1])
    })
  )

  it.effect("are the swap nearest the transport where a provider is swapped twice", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* connectionsOf([candidate]), [1])
    }).pipe(
      Effect.provide(
        swapped(Dispatchers.swap("anthropic", Dispatcher.layerPool()), Dispatchers.swap("anthropic", notKept))
      )
    )
  )

  it.effect("keep no connection where keepAlive is off", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const answers = yield* Effect.forEach([1, 2, 3], () => fetchText(ask(origin)))
      for (const { evidence } of answers) {
        assert.deepInclude(evidence.connection, { reused: false, requestsServed: 0 })
      }
      const { connections } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.deepStrictEqual(
        connections.map(({ requests }) => requests.length),
        [1, 1, 1]
      )
    }).pipe(Effect.provide(transport({ keepAlive: false })))
  )

  it.effect.each([
    ["its own option", transport({ keepAlive: "100 millis" })],
    ["the registry", NodeTransport.layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(registry(100)))]
  ] as const)("evict an idle connection before the server does, by %s", ([, transport]) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(FaultScript.idleClose("fin", 3000))])
      yield* fetchText(ask(origin))
      const { connections, counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.deepInclude(counts, { closedByClient: 1, closedWhileIdle: 0 })
      assert.deepInclude(connections[0]?.closed, { by: "client", whileIdle: true })
    }).pipe(Effect.provide(transport))
  )

  it.effect("keep no connection where the registry says so", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* connectionsOf([candidate]), [2])
    }).pipe(Effect.provide(NodeTransport.layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(registry(0)))))
  )

  it.effect("heed a server's hint that is shorter than their own limit", () =>
    Effect.gen(function* () {
      // undici allows two seconds for the way: a hint of two is none at all.
      const { origin } = yield* prepare([always(FaultScript.idleClose("fin", 2000, { keepAliveHint: 2 }))])
      yield* fetchText(ask(origin))
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.strictEqual(counts.closedByClient, 1)
    }).pipe(Effect.provide(transport({ keepAlive: "60 seconds" })))
  )

  it.effect("never keep a connection longer than their own limit, whatever the server's hint", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(FaultScript.idleClose("fin", 30_000, { keepAliveHint: 600 }))])
      yield* fetchText(ask(origin))
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.strictEqual(counts.closedByClient, 1)
    }).pipe(Effect.provide(transport({ keepAlive: "100 millis" })))
  )

  it.effect("queue what is more than their connections", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(drip(5))])
      const answers = yield* Effect.forEach([1, 2, 3, 4], () => fetchText(ask(origin, { streaming: true })), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        answers.map(({ evidence }) => evidence.connection?.requestsServed),
        [0, 1, 2, 3]
      )
      assert.strictEqual((yield* truthOf()).counts.connections, 1)
    }).pipe(Effect.provide(transport({ connections: 1 })))
  )

  it.effect("go on with what is queued behind a request that died with its connection", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ nth: 1 }, cut("reset", afterRequest))])
      const [failure, answer] = yield* Effect.all([failureOf(ask(origin)), fetchText(ask(origin))], {
        concurrency: "unbounded"
      })
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.deepInclude(answer.evidence.connection, { reused: false })
    }).pipe(Effect.provide(transport({ connections: 1 })))
  )

  it.effect("reuse one connection for one request after another", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const answers = yield* Effect.forEach(Array.from({ length: 20 }), () => fetchText(ask(origin)))
      assert.deepStrictEqual(
        answers.map(({ evidence }) => evidence.connection?.requestsServed),
        answers.map((_, index) => index)
      )
      assert.strictEqual((yield* truthOf()).counts.connections, 1)
    }).pipe(Effect.provide(transport()))
  )

  it.effect("give a fresh connection where one is insisted on, and leave the others as they are", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      yield* fetchText(ask(origin, { tag: "kept" }))
      const fresh = yield* fetchText(ask(origin, { tag: "fresh", connection: "fresh" }))
      const after = yield* fetchText(ask(origin, { tag: "kept" }))
      assert.deepInclude(fresh.evidence.connection, { reused: false, idleMs: 0, requestsServed: 0 })
      assert.deepInclude(after.evidence.connection, { reused: true, requestsServed: 1 })
      const { connections } = yield* untilTruth(({ counts }) => counts.open === 1)
      assert.deepStrictEqual(
        connections.map(({ closed, requests }) => [requests.map(({ tag }) => tag), closed !== undefined]),
        [
          [["kept", "kept"], false],
          [["fresh"], true]
        ]
      )
    }).pipe(Effect.provide(transport()))
  )

  it.effect("make a fresh connection at once even where all connections are taken", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ tag: "slow" }, cut("stall", afterRequest))])
      yield* Effect.forkScoped(send(ask(origin, { tag: "slow" })))
      yield* untilTruth(({ counts }) => counts.complete === 1)
      const { status } = yield* fetchText(ask(origin, { connection: "fresh" }))
      assert.strictEqual(status, 200)
    }).pipe(Effect.scoped, Effect.provide(transport({ connections: 1 })))
  )

  it.effect.each([
    ["and as many again for one request each where they are kept", {}, 4],
    ["and no more than those where none is kept", { keepAlive: false }, 2]
  ] as const)("open as many connections as they are allowed, %s", ([, pool, most]) =>
    Effect.gen(function* () {
      let answering = false
      const server = yield* rawServer((socket) => {
        socket.on("data", () => {
          const timer = setInterval(() => {
            if (!answering) return
            clearInterval(timer)
            socket.write(ok())
          }, 5)
          socket.on("close", () => clearInterval(timer))
        })
      })
      const asked = [1, 2, 3, 4, 5].flatMap(() => [ask(server.origin), ask(server.origin, { connection: "fresh" })])
      const going = yield* Effect.forkChild(Effect.forEach(asked, fetchText, { concurrency: "unbounded" }))
      yield* server.accepted(most)
      yield* Effect.sleep("100 millis")
      assert.strictEqual(server.sockets.length, most)
      answering = true
      for (const { status } of yield* Fiber.join(going)) assert.strictEqual(status, 200)
    }).pipe(Effect.scoped, Effect.provide(transport({ connections: 2, ...pool })))
  )

  it.effect("trust the certificates they are given", () =>
    Effect.gen(function* () {
      const { ca, origin } = yield* prepare([], "tls")
      if (ca === undefined) return assert.fail("no certificate")
      const [first, second] = yield* Effect.forEach([1, 2], () => fetchText(ask(origin))).pipe(
        Effect.provide(transport({ tls: { ca } }))
      )
      assert.deepInclude(first?.evidence.connection, { reused: false })
      assert.deepInclude(second?.evidence.connection, { reused: true })
      const { connections } = yield* truthOf("tls")
      assert.strictEqual(first?.evidence.bytesWritten, connections[0]?.requests[0]?.bytes)
      return assert.strictEqual(connections[0]?.handshake, "done")
    })
  )

  it.effect("are refused for options that cannot be, all at once, when the Layer is built", () =>
    Effect.gen(function* () {
      const options = { keepAlive: "a while", connections: 0, tls: { ca: "no certificate" }, drain: -1 }
      const layer = swapped(Dispatchers.swap("anthropic", Dispatcher.layerPool(options as Dispatcher.PoolOptions)))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      if (!isInvalidInput(error)) return assert.fail(String(error))
      return assert.deepStrictEqual(
        error.problems.map(({ kind, place }) => [kind, place]),
        [
          ["InvalidOption", "dispatchers.anthropic.keepAlive"],
          ["InvalidOption", "dispatchers.anthropic.drain"],
          ["InvalidOption", "dispatchers.anthropic.connections"],
          ["InvalidOption", "dispatchers.anthropic.tls.ca"]
        ]
      )
    })
  )
})
