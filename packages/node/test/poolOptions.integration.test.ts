/** How many requests a connection serves, and for how long. */
import { assert, layer } from "@effect/vitest"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, candidate, fetchText, send, transport } from "./support/harness.ts"
import { ok, rawServer } from "./support/rawServer.ts"
import { tlsServer } from "./support/tlsServer.ts"
import { localCertificate } from "./support/localCertificate.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

/** A server that counts the requests of each connection, and closes where it is told to. */
const counting = Effect.gen(function* () {
  const requests: Array<number> = []
  const server = yield* rawServer((socket, index) => {
    requests[index] = 0
    socket.on("data", (data) => {
      requests[index] = (requests[index] ?? 0) + 1
      const last = /\r\nconnection: close\r\n/i.test(String(data))
      socket.write(ok("fine", last ? "connection: close\r\n" : ""))
    })
  })
  return { ...server, requests }
})

const closings = (events: ReadonlyArray<TelemetryEvent>) =>
  events.flatMap((event) => (event._tag === "ConnectionClosed" ? [[event.closed, event.requestsServed]] : []))

/** Runs with a transport, whose events are gathered. */
const watched = (pool: Dispatcher.PoolOptions) => {
  const events: Array<TelemetryEvent> = []
  const layer = NodeTransport.layer.pipe(
    Layer.provide(Dispatchers.swap(candidate.provider, Dispatcher.layerPool({ proxy: false, ...pool }))),
    Layer.provideMerge(Telemetry.layer)
  )
  const listen = Effect.flatMap(Telemetry.Telemetry, (telemetry) =>
    telemetry.listen((event) => void events.push(event))
  )
  return { events, layer, listen }
}

it("a connection", (it) => {
  it.effect("serves as many requests as it may and no more, and none is lost", () =>
    Effect.gen(function* () {
      const server = yield* counting
      const { events, layer, listen } = watched({ maxRequestsPerConnection: 3 })
      yield* Effect.gen(function* () {
        yield* listen
        const answers = yield* Effect.forEach(Array.from({ length: 200 }), () => fetchText(ask(server.origin)), {
          concurrency: 8
        })
        assert.isTrue(answers.every(({ status, text }) => status === 200 && text === "fine"))
      }).pipe(Effect.provide(layer))
      assert.strictEqual(
        server.requests.reduce((sum, count) => sum + count, 0),
        200
      )
      assert.isAtMost(Math.max(...server.requests), 3)
      assert.isAtLeast(server.requests.filter((count) => count === 3).length, 50)
      const full = closings(events).filter(([, served]) => served === 3)
      assert.isTrue(full.every(([closed]) => closed === "agreed"))
    }).pipe(Effect.scoped)
  )

  it.effect("is not used once it is too old, and no request on it is cut short", () =>
    Effect.gen(function* () {
      const server = yield* rawServer((socket) => {
        socket.once("data", () => {
          socket.write(ok())
          // The second answer takes longer than a connection may live.
          socket.once("data", () => setTimeout(() => socket.write(ok("late")), 600))
        })
      })
      const { events, layer, listen } = watched({ maxConnectionAge: "500 millis", connections: 1 })
      yield* Effect.gen(function* () {
        yield* listen
        yield* fetchText(ask(server.origin))
        assert.strictEqual((yield* fetchText(ask(server.origin))).text, "late")
        assert.strictEqual(server.sockets.length, 1)
        const { evidence, text } = yield* fetchText(ask(server.origin))
        assert.strictEqual(text, "fine")
        assert.deepInclude(evidence.connection, { reused: false })
        assert.strictEqual(server.sockets.length, 2)
        assert.deepStrictEqual(closings(events), [["local-limit", 2]])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped)
  )

  it.effect("of HTTP/2 is not used either once it is too old", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* Effect.promise(localCertificate)
      const server = yield* tlsServer({ cert, key })
      const origin = `https://localhost:${server.port}`
      yield* Effect.gen(function* () {
        yield* fetchText(ask(origin))
        yield* Effect.sleep("150 millis")
        const { evidence } = yield* fetchText(ask(origin))
        assert.deepInclude(evidence.connection, { reused: false })
      }).pipe(Effect.provide(transport({ http2: true, maxConnectionAge: "100 millis", tls: { ca: cert } })))
      assert.strictEqual(server.seen.length, 2)
    }).pipe(Effect.scoped)
  )
})

it("a redirect", (it) => {
  it.effect.each([301, 302, 303, 307, 308])("of status %d is the answer itself, and nobody follows it", (status) =>
    Effect.gen(function* () {
      const elsewhere = yield* counting
      const server = yield* rawServer((socket) =>
        socket.on("data", () =>
          socket.write(`HTTP/1.1 ${status} Moved\r\nlocation: ${elsewhere.origin}/\r\ncontent-length: 0\r\n\r\n`)
        )
      )
      const response = yield* send(ask(server.origin, { headers: { authorization: "Bearer secret" } }))
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers["location"], `${elsewhere.origin}/`)
      assert.strictEqual(elsewhere.sockets.length, 0)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )
})
