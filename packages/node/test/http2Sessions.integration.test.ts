/** The HTTP/2 connections of a provider: made, shared, bounded and waited for. */
import { assert, layer } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { ask, failureOf, fetchText } from "./support/harness.ts"
import { answering, holding, many, over, peerOf } from "./support/http2Peers.ts"
import type { Peer } from "./support/rawHttp2.ts"
import { rawHttp2 } from "./support/rawHttp2.ts"
import { until } from "./support/rawServer.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

it("HTTP/2 connections", (it) => {
  it.effect("carry many requests at a time, and one after another", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      yield* Effect.gen(function* () {
        const first = yield* fetchText(ask(server.origin))
        yield* Effect.forEach(many(50, String), (text) => fetchText(ask(server.origin, { text })), {
          concurrency: "unbounded"
        })
        yield* Effect.sleep("30 millis")
        const last = yield* fetchText(ask(server.origin))
        assert.deepInclude(first.evidence.connection, { reused: false, idleMs: 0, requestsServed: 0 })
        assert.deepInclude(last.evidence.connection, { reused: true, requestsServed: 51 })
        assert.isAtLeast(last.evidence.connection?.idleMs ?? 0, 25)
      }).pipe(Effect.provide(over(server)))
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(server.received(), 52)
    })
  )

  it.effect("are one where many ask at once before there is any", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      yield* Effect.forEach(many(20, String), () => fetchText(ask(server.origin)), { concurrency: "unbounded" }).pipe(
        Effect.provide(over(server))
      )
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("are more where the peer lets one carry few", () =>
    Effect.gen(function* () {
      const server = yield* holding({ maxConcurrent: 2 })
      const calls = yield* Effect.forkScoped(
        Effect.forEach(many(6, String), () => fetchText(ask(server.origin)), { concurrency: "unbounded" }).pipe(
          Effect.provide(over(server))
        )
      )
      yield* until(() => server.received() === 6)
      assert.deepStrictEqual(
        server.peers.map((peer) => peer.requests.size),
        [2, 2, 2]
      )
      for (const peer of server.peers) for (const stream of peer.requests.keys()) peer.answer(stream)
      assert.strictEqual((yield* Fiber.join(calls)).length, 6)
    })
  )

  it.effect("are no more than the limit: the rest wait for others to end, or are given up at once", () =>
    Effect.gen(function* () {
      const server = yield* holding({ maxConcurrent: 2 })
      const context = yield* Layer.build(over(server, { connections: 1 }))
      // A connect limit does not hold for those who wait for others.
      const limits = TimeLimits.resolve({ connect: "100 millis" })
      const fork = (tag: string) =>
        Effect.forkScoped(Effect.provide(fetchText(ask(server.origin, { limits, tag })), context))
      const first = yield* Effect.forEach(many(2, String), fork)
      yield* until(() => server.received() === 2)
      const third = yield* fork("third")
      const fourth = yield* fork("fourth")
      yield* Effect.sleep("250 millis")
      yield* Fiber.interrupt(third)
      const peer = peerOf(server)
      for (const stream of peer.requests.keys()) peer.answer(stream)
      for (const fiber of first) yield* Fiber.join(fiber)
      yield* until(() => server.received() === 3)
      peer.answer(5)
      assert.strictEqual((yield* Fiber.join(fourth)).status, 200)
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(server.received(), 3)
    })
  )

  it.effect("that may carry nothing are waited for no longer than for a connection", () =>
    Effect.gen(function* () {
      const server = yield* holding({ maxConcurrent: 0 })
      const limits = TimeLimits.resolve({ connect: "200 millis" })
      const failures = yield* Effect.forEach(many(3, String), () => failureOf(ask(server.origin, { limits })), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(over(server)))
      for (const failure of failures) {
        assert.strictEqual(failure.reason._tag, "ConnectTimeout")
        assert.strictEqual(failure._tag, "ReplaySafe")
        assert.deepInclude(failure.evidence, { phase: "queued", bytesWritten: 0 })
      }
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(peerOf(server).begun.length, 0)
    })
  )

  it.effect("carry more once the peer lets them", () =>
    Effect.gen(function* () {
      const server = yield* answering({ maxConcurrent: 0 })
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), over(server)))
      yield* until(() => server.peers.length === 1)
      yield* Effect.sleep("50 millis")
      peerOf(server).settings({ maxConcurrent: 5 })
      assert.strictEqual((yield* Fiber.join(call)).status, 200)
    })
  )

  it.effect.each([
    ["says nothing", () => undefined, "ConnectTimeout"],
    ["closes", (peer: Peer) => peer.fin(), "ConnectFailure"],
    ["resets", (peer: Peer) => peer.reset(), "TlsFailure"],
    ["talks nonsense", (peer: Peer) => peer.garbage(), "ConnectFailure"]
  ] as const)("carry nothing before the peer's settings, where it %s", ([, deed, reason]) =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => void deed(peer), { settings: false })
      const limits = TimeLimits.resolve({ connect: "300 millis" })
      const failure = yield* Effect.provide(failureOf(ask(server.origin, { limits })), over(server))
      assert.strictEqual(failure.reason._tag, reason)
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase: "securing", bytesWritten: 0, bytesRead: 0 })
      assert.deepStrictEqual(peerOf(server).begun, [])
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("that wait for a certificate of ours refuse without a request", () =>
    Effect.gen(function* () {
      const server = yield* answering({ tls: { requestCert: true, rejectUnauthorized: true } })
      const failure = yield* Effect.provide(failureOf(ask(server.origin)), over(server))
      assert.strictEqual(failure.reason._tag, "TlsFailure")
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.strictEqual(server.received(), 0)
    })
  )

  it.effect("are not waited for by who comes after they were given up", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const { send } = yield* Effect.provide(HttpTransport, yield* Layer.build(over(server)))
      const call = Effect.scoped(Effect.flatMap(send(ask(server.origin)), ({ text }) => text))
      const first = yield* Effect.forkScoped(call, { startImmediately: true })
      yield* Effect.sleep("1 millis")
      first.interruptUnsafe()
      assert.strictEqual(yield* call, "fine")
      assert.strictEqual(server.received(), 1)
    })
  )

  it.effect("carry no head that HTTP/2 does not allow, and say so", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const headers = { "content-type": "text/plain", "Content-Type": "text/html" }
      const error = yield* Effect.provide(Effect.flip(fetchText(ask(server.origin, { headers }))), over(server))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.strictEqual(server.received(), 0)
    })
  )

  it.effect("are given up when nobody waits for them any more", () =>
    Effect.gen(function* () {
      const server = yield* holding({ settings: false })
      const context = yield* Layer.build(over(server))
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.peers.length === 1)
      yield* Fiber.interrupt(call)
      yield* until(() => peerOf(server).socket.destroyed)
    })
  )

  it.effect("are made anew for a request that insists, beside the others", () =>
    Effect.gen(function* () {
      const server = yield* holding()
      const context = yield* Layer.build(over(server))
      const held = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.received() === 1)
      const fresh = yield* Effect.forkScoped(
        Effect.provide(fetchText(ask(server.origin, { connection: "fresh" })), context)
      )
      yield* until(() => server.received() === 2)
      peerOf(server, 1).answer(1)
      const { evidence } = yield* Fiber.join(fresh)
      assert.deepInclude(evidence.connection, { reused: false, requestsServed: 0 })
      yield* until(() => peerOf(server, 1).socket.destroyed)
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(held)).text, "fine")
      const next = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => peerOf(server).requests.size === 2)
      peerOf(server).answer(3)
      assert.deepInclude((yield* Fiber.join(next)).evidence.connection, { reused: true, requestsServed: 1 })
      assert.strictEqual(server.peers.length, 2)
    })
  )
})
