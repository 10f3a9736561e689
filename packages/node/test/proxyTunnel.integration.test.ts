/** Calls through a tunnel: what it carries, over either HTTP, and how its end is told. */
import Dns from "node:dns"
import type * as Net from "node:net"
import { assert, layer } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { vi } from "vitest"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, candidate, failureOf, fetchText, prepare, send, transport, truthOf } from "./support/harness.ts"
import { assertNoSecrets, credentials, encoded, provider, scripted, servers } from "./support/proxied.ts"
import { watchedProxy } from "./support/proxies.ts"
import { code, rawHttp2 } from "./support/rawHttp2.ts"
import { rawServer } from "./support/rawServer.ts"

const { afterEvents, afterRequest, cut } = FaultScript

layer(servers, { excludeTestServices: true })("a tunnel through a proxy", (it) => {
  it.effect(
    "carries calls one after another on one connection, with the provider's name for the proxy to look up",
    () =>
      Effect.gen(function* () {
        const { ca, origin, port } = yield* provider
        const proxy = yield* watchedProxy(port)
        const lookups = vi.spyOn(Dns, "lookup")
        const answers = yield* Effect.gen(function* () {
          const first = yield* fetchText(ask(origin))
          const second = yield* fetchText(ask(origin))
          return [first, second]
        }).pipe(Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
        assert.deepStrictEqual(lookups.mock.calls, [])
        lookups.mockRestore()
        assert.deepStrictEqual(
          answers.map(({ evidence, status }) => [status, evidence.proxied, evidence.connection?.reused]),
          [
            [200, true, false],
            [200, true, true]
          ]
        )
        assert.deepStrictEqual(proxy.targets, [`localhost:${port}`])
        assert.deepStrictEqual(proxy.authorizations, [undefined])
        const { counts } = yield* truthOf()
        assert.deepInclude(counts, { connections: 1, ran: 2 })
      })
  )

  it.effect("resumes the provider's TLS session on a fresh connection", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const hellos: Array<number> = []
      const proxy = yield* watchedProxy(port, (client) => {
        client.once("data", (hello: Buffer) => hellos.push(hello.length))
      })
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* Effect.sleep("20 millis")
        yield* fetchText(ask(origin, { connection: "fresh" }))
      }).pipe(Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
      assert.strictEqual(proxy.targets.length, 2)
      const [full = 0, resumed = 0] = hellos
      // A hello that resumes carries the ticket.
      assert.isAbove(resumed, full + 50)
    })
  )

  it.effect.each(["fin", "reset"] as const)("carries a stream as it comes, and says where it was cut: %s", (how) =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const tunnels: Array<Net.Socket> = []
      const proxy = yield* watchedProxy(port, (client) => tunnels.push(client))
      yield* prepare([FaultScript.on({ request: 2 }, cut("stall", afterEvents(2)))])
      const failure = yield* Effect.gen(function* () {
        const whole = yield* fetchText(ask(origin, { streaming: true }))
        assert.include(whole.text, "message_stop")
        const response = yield* send(ask(origin, { streaming: true }))
        return yield* response.body.pipe(
          Stream.tap(() => Effect.sync(() => (how === "fin" ? tunnels[0]?.end() : tunnels[0]?.resetAndDestroy()))),
          Stream.runDrain,
          Effect.flip
        )
      }).pipe(Effect.scoped, Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
      if (!Failure.isFailure(failure)) return assert.fail("no failure")
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "body", how })
      assert.deepInclude(failure.evidence, {
        phase: "responding",
        proxied: true,
        closed: `peer-${how}`,
        status: 200
      })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("sends credentials with CONNECT alone, and shows them nowhere", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const proxy = yield* watchedProxy(port)
      const events: Array<TelemetryEvent> = []
      yield* Effect.gen(function* () {
        const telemetry = yield* Telemetry.Telemetry
        yield* telemetry.listen((event) => {
          events.push(event)
        })
        yield* fetchText(ask(origin))
      }).pipe(
        Effect.scoped,
        Effect.provide(
          NodeTransport.layer.pipe(
            Layer.provide(
              Dispatchers.swap(
                candidate.provider,
                Dispatcher.layerPool({ tls: { ca }, proxy: { url: `http://127.0.0.1:${proxy.port}`, ...credentials } })
              )
            ),
            Layer.provideMerge(Telemetry.layer)
          )
        )
      )
      assert.deepStrictEqual(proxy.authorizations, [`Basic ${encoded}`])
      const opened = events.find(({ _tag }) => _tag === "ConnectionOpened")
      assert.deepInclude(opened, { origin, proxy: `127.0.0.1:${proxy.port}` })
      assertNoSecrets(events)
      const { connections } = yield* truthOf()
      assertNoSecrets(connections)
    })
  )

  it.effect("tells a stale tunnel from one that was refused", () =>
    Effect.gen(function* () {
      const { ca, origin, port } = yield* provider
      const proxy = yield* watchedProxy(port)
      yield* prepare([FaultScript.on({ request: 2 }, cut("fin", afterRequest))])
      const failure = yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* Effect.sleep("20 millis")
        return yield* failureOf(ask(origin))
      }).pipe(Effect.provide(transport({ tls: { ca }, proxy: `http://127.0.0.1:${proxy.port}` })))
      assert.deepInclude(failure.reason, { _tag: "StaleConnection", how: "fin" })
      assert.deepInclude(failure.evidence, { proxied: true, closed: "peer-fin" })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )
})

layer(Layer.empty, { excludeTestServices: true })("HTTP/2 through a tunnel", (it) => {
  it.effect("carries calls as streams of one connection; what the peer says of them may be the proxy's word", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => (stream < 5 ? peer.answer(stream) : peer.rst(stream, code.refusedStream))
      })
      const proxy = yield* watchedProxy(server.port)
      const [first, second, failure] = yield* Effect.gen(function* () {
        const first = yield* fetchText(ask(server.origin))
        const second = yield* fetchText(ask(server.origin))
        return [first, second, yield* failureOf(ask(server.origin))] as const
      }).pipe(
        Effect.provide(transport({ tls: { ca: server.ca }, http2: true, proxy: `http://127.0.0.1:${proxy.port}` }))
      )
      assert.deepStrictEqual([first.status, second.status], [200, 200])
      assert.deepInclude(second.evidence, { proxied: true })
      assert.strictEqual(proxy.targets.length, 1)
      assert.deepInclude(failure.evidence, { unprocessed: "refused-stream", proxied: true })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("is refused and bounded as HTTP/1.1 is", () =>
    Effect.gen(function* () {
      const refusing = yield* scripted((socket) => socket.write("HTTP/1.1 403 Forbidden\r\n\r\n"))
      const silent = yield* rawServer((socket) => socket.resume())
      const limits = TimeLimits.resolve({ connect: "100 millis" })
      const [refused, bounded] = yield* Effect.forEach([{}, { limits }], (asked, index) =>
        Effect.provide(
          failureOf(ask("https://api.test", asked)),
          transport({ http2: true, proxy: [refusing, silent][index]?.origin ?? false })
        )
      )
      assert.deepInclude(refused?.reason, { _tag: "ProxyFailure", status: 403, step: "tunnelling" })
      assert.deepInclude(bounded?.reason, { _tag: "ConnectTimeout", proxy: `127.0.0.1:${silent.port}` })
      for (const failure of [refused, bounded]) {
        assert.deepInclude(failure?.evidence, { phase: "proxying", bytesWritten: 0, proxied: true })
        assert.strictEqual(failure?._tag, "ReplaySafe")
      }
      yield* refusing.allClosed
      yield* silent.allClosed
    })
  )
})
