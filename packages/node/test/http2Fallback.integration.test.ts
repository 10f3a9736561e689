/** Origins that are offered HTTP/2 and speak HTTP/1.1: nothing is lost, and no connection is wasted. */
import { assert, layer } from "@effect/vitest"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TransportSuite from "@holdfast/testing/TransportSuite"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as HttpTransport from "../src/HttpTransport.ts"
import { ask, failureOf, fetchText, transport } from "./support/harness.ts"
import { ok, rawServer, until } from "./support/rawServer.ts"
import { rawTls } from "./support/rawTls.ts"
import { rawHttp2 } from "./support/rawHttp2.ts"

TransportSuite.suiteOverTls("HttpTransport.layer, HTTP/2 offered in vain", (ca) =>
  HttpTransport.layer.pipe(
    Layer.provide(Dispatchers.swap("law", Dispatcher.layerPool({ http2: true, tls: { ca } }))),
    Layer.provide(Telemetry.layer)
  )
)

const it = layer(Layer.empty, { excludeTestServices: true })

it("an origin that speaks HTTP/1.1", (it) => {
  it.effect("serves on the connection that was to speak HTTP/2, and is remembered", () =>
    Effect.gen(function* () {
      const server = yield* rawTls(["http/1.1"], (socket) => socket.on("data", () => socket.write(ok())))
      yield* Effect.gen(function* () {
        const first = yield* fetchText(ask(server.origin))
        yield* Effect.sleep("30 millis")
        const second = yield* fetchText(ask(server.origin))
        assert.deepInclude(first.evidence.connection, { reused: false, requestsServed: 0 })
        assert.deepInclude(second.evidence.connection, { reused: true, requestsServed: 1 })
        yield* fetchText(ask(server.origin, { connection: "fresh" }))
      }).pipe(Effect.provide(transport({ tls: { ca: server.ca }, http2: true })))
      assert.deepStrictEqual(server.offered, [["h2", "http/1.1"], ["http/1.1"]])
      assert.strictEqual(server.sockets.length, 2)
    })
  )

  it.effect("is asked by all who waited, each on a connection", () =>
    Effect.gen(function* () {
      const held: Array<() => void> = []
      const server = yield* rawTls(["http/1.1"], (socket) => {
        socket.on("data", () => held.push(() => socket.write(ok())))
      })
      const calls = yield* Effect.forkScoped(
        Effect.forEach([1, 2, 3, 4], () => fetchText(ask(server.origin)), { concurrency: "unbounded" }).pipe(
          Effect.provide(transport({ tls: { ca: server.ca }, http2: true }))
        )
      )
      yield* until(() => held.length === 4)
      for (const answer of held) answer()
      assert.strictEqual((yield* Fiber.join(calls)).length, 4)
      assert.strictEqual(server.sockets.length, 4)
    })
  )

  it.effect("serves a first request that insists on a fresh connection on the one that was made", () =>
    Effect.gen(function* () {
      const server = yield* rawTls(["http/1.1"], (socket) => socket.on("data", () => socket.write(ok())))
      const { evidence } = yield* Effect.provide(
        fetchText(ask(server.origin, { connection: "fresh" })),
        transport({ tls: { ca: server.ca }, http2: true })
      )
      assert.deepInclude(evidence.connection, { reused: false, requestsServed: 0 })
      assert.strictEqual(server.sockets.length, 1)
    })
  )

  it.effect("may choose nothing at all", () =>
    Effect.gen(function* () {
      const server = yield* rawTls(undefined, (socket) => socket.on("data", () => socket.write(ok())))
      const { status } = yield* Effect.provide(
        fetchText(ask(server.origin)),
        transport({ tls: { ca: server.ca }, http2: true })
      )
      assert.strictEqual(status, 200)
    })
  )

  it.effect("fails on a lost answer as without the offer", () =>
    Effect.gen(function* () {
      const server = yield* rawTls(["http/1.1"], (socket) => socket.on("data", () => socket.end()))
      const failures = yield* Effect.forEach([true, false], (http2) =>
        Effect.provide(failureOf(ask(server.origin)), transport({ tls: { ca: server.ca }, http2 }))
      )
      const [offered, plain] = failures.map(({ _tag, reason, evidence }) => ({
        verdict: _tag,
        reason: reason.message,
        phase: evidence._tag === "Observed" ? evidence.phase : undefined
      }))
      assert.deepStrictEqual(offered, plain)
    })
  )

  it.effect("is never offered HTTP/2 in the clear", () =>
    Effect.gen(function* () {
      let head = ""
      const server = yield* rawServer((socket) => {
        socket.on("data", (chunk) => {
          head += String(chunk)
          socket.write(ok())
        })
      })
      yield* Effect.provide(fetchText(ask(server.origin)), transport({ http2: true }))
      assert.match(head, /^POST \/v1\/messages HTTP\/1\.1\r\n/)
      assert.notInclude(head.toLowerCase(), "upgrade")
    })
  )

  it.effect("is asked over HTTP/1.1 once it has said that it wants that", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => (peer.onRequest = (stream) => peer.rst(stream, 13)), {
        protocols: ["h2", "http/1.1"]
      })
      const offers: Array<string | false | null> = []
      const failures = yield* Effect.forEach(
        [1, 2],
        () =>
          failureOf(ask(server.origin)).pipe(
            Effect.tap(() => {
              for (const { socket } of server.peers)
                offers.push("alpnProtocol" in socket ? String(socket.alpnProtocol) : null)
              return Effect.void
            })
          ),
        {}
      ).pipe(Effect.provide(transport({ tls: { ca: server.ca }, http2: true })))
      assert.strictEqual(failures[0]?._tag, "ReplayAmbiguous")
      assert.deepStrictEqual(offers, ["h2", "h2", "http/1.1"])
    })
  )
})
