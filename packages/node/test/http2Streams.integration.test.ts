/** Streams that share an HTTP/2 connection: given up alone, and with bodies that wait for their readers. */
import { assert, layer } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ask, failureOf, fetchText, send } from "./support/harness.ts"
import { answering, holding, over, peerOf } from "./support/http2Peers.ts"
import { code, rawHttp2 } from "./support/rawHttp2.ts"
import { until } from "./support/rawServer.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

/** A body that breaks off. */
const breaking = async function* () {
  yield new Uint8Array(10)
  await Promise.reject(new Error("no more"))
}

it("an attempt given up over HTTP/2", (it) => {
  it.effect.each(["before the head", "in the body"])("resets its stream and nothing else: %s", (when) =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (body === "held" || when === "before the head") return
          peer.head(stream, 200)
          peer.data(stream, "abc")
        }
      })
      const context = yield* Layer.build(over(server))
      const neighbour = yield* Effect.forkScoped(
        Effect.provide(fetchText(ask(server.origin, { body: "held" })), context)
      )
      yield* until(() => server.received() === 1)
      const scope = yield* Scope.make()
      const given = yield* Effect.forkScoped(
        send(ask(server.origin)).pipe(
          Effect.flatMap((response) => response.text),
          Effect.provide(context),
          Scope.provide(scope)
        )
      )
      yield* until(() => server.received() === 2)
      yield* Effect.sleep("30 millis")
      yield* Fiber.interrupt(given)
      yield* Scope.close(scope, Exit.void)
      yield* until(() => peerOf(server).resets.length === 1)
      assert.deepStrictEqual(peerOf(server).resets, [[3, code.cancel]])
      peerOf(server).answer(1)
      assert.strictEqual((yield* Fiber.join(neighbour)).text, "fine")
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("is not begun on a connection that was waited for", () =>
    Effect.gen(function* () {
      const server = yield* answering({ settings: false })
      const context = yield* Layer.build(over(server))
      const kept = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      const given = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin)), context))
      yield* until(() => server.peers.length === 1)
      yield* Fiber.interrupt(given)
      peerOf(server).settings({})
      assert.strictEqual((yield* Fiber.join(kept)).status, 200)
      assert.deepStrictEqual(peerOf(server).begun, [1])
    })
  )

  it.effect("by a limit of ours says so", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (body === "head") peer.head(stream, 200)
        }
      })
      const headers = TimeLimits.resolve({ headers: "150 millis" })
      const liveness = TimeLimits.resolve({ liveness: "150 millis" })
      const total = TimeLimits.resolve({ total: "150 millis" })
      const failures = yield* Effect.all(
        [
          failureOf(ask(server.origin, { streaming: true, limits: headers })),
          failureOf(ask(server.origin, { body: "head", limits: liveness })),
          failureOf(ask(server.origin, { limits: total }))
        ],
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(over(server)))
      assert.deepStrictEqual(
        failures.map(({ reason }) => reason._tag),
        ["HeadersTimeout", "StreamStalled", "TotalTimeout"]
      )
      for (const { evidence } of failures) assert.deepInclude(evidence, { closed: "local-limit" })
      yield* until(() => peerOf(server).resets.length === 3)
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("does not count the time in which its reader takes nothing", () =>
    Effect.gen(function* () {
      const piece = Buffer.alloc(16_384, "x")
      const pieces = 16
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => {
          peer.head(stream, 200)
          for (let index = 0; index < pieces; index++) peer.data(stream, piece, index === pieces - 1)
        }
      })
      const limits = TimeLimits.resolve({ liveness: "100 millis" })
      const read = yield* Effect.gen(function* () {
        const response = yield* send(ask(server.origin, { limits }))
        yield* Effect.sleep("300 millis")
        return yield* response.text
      }).pipe(Effect.scoped, Effect.provide(over(server)))
      assert.strictEqual(read.length, piece.byteLength * pieces)
    })
  )
})

it("bodies over HTTP/2", (it) => {
  it.effect("are asked for no more than the peer takes, and ended with the attempt", () =>
    Effect.gen(function* () {
      const server = yield* holding({ window: 50_000 })
      let asked = 0
      let ended = false
      const body = async function* () {
        try {
          for (;;) {
            asked++
            yield new Uint8Array(10_000)
          }
        } finally {
          ended = true
        }
      }
      const context = yield* Layer.build(over(server))
      const call = yield* Effect.forkScoped(Effect.provide(fetchText(ask(server.origin, { body: body() })), context))
      yield* until(() => server.peers.length === 1 && peerOf(server).bytesOfBody === 50_000)
      yield* Effect.sleep("50 millis")
      assert.isBelow(asked, 40)
      peerOf(server).window(0, 20_000)
      peerOf(server).window(1, 20_000)
      yield* until(() => peerOf(server).bytesOfBody > 50_000)
      yield* Fiber.interrupt(call)
      yield* until(() => ended)
      yield* until(() => peerOf(server).resets.length === 1)
    })
  )

  it.effect("that break off break the attempt, and not its connection", () =>
    Effect.gen(function* () {
      const server = yield* answering()
      const context = yield* Layer.build(over(server))
      const failure = yield* Effect.provide(failureOf(ask(server.origin, { body: breaking() })), context)
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.deepInclude(failure.evidence, { closed: "local-abort" })
      assert.strictEqual((yield* Effect.provide(fetchText(ask(server.origin)), context)).status, 200)
      assert.strictEqual(server.peers.length, 1)
    })
  )

  it.effect("of 32 MB go there and back", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => peer.answer(stream, String(body.length))
      })
      const { text } = yield* Effect.provide(
        fetchText(ask(server.origin, { body: new Uint8Array(32 * 1024 ** 2) })),
        over(server)
      )
      assert.strictEqual(text, String(32 * 1024 ** 2))
    })
  )

  it.effect("are whole for a slow reader too, though their connection has gone", () =>
    Effect.gen(function* () {
      const piece = Buffer.alloc(16_000, "x")
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => {
          peer.together(() => {
            peer.head(stream, 200)
            for (let index = 0; index < 14; index++) peer.data(stream, piece, index === 13)
            peer.goaway(stream, code.internalError)
          })
          peer.fin()
        }
      })
      const read = yield* Effect.gen(function* () {
        const response = yield* send(ask(server.origin))
        yield* until(() => peerOf(server).socket.destroyed)
        yield* Effect.sleep("30 millis")
        return yield* Stream.runFold(
          response.body,
          () => 0,
          (sum, chunk) => sum + chunk.byteLength
        )
      }).pipe(Effect.scoped, Effect.provide(over(server)))
      assert.strictEqual(read, piece.byteLength * 14)
    })
  )

  it.effect("are held back for a slow reader, who is not in the way of others", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream, body) => {
          if (body !== "long") return peer.answer(stream)
          peer.head(stream, 200)
          peer.flood(stream)
        }
      })
      yield* Effect.gen(function* () {
        const slow = yield* send(ask(server.origin, { body: "long" }))
        yield* until(() => peerOf(server).floodHeld)
        const flooded = peerOf(server).flooded
        assert.isBelow(flooded, 1024 * 1024)
        assert.strictEqual((yield* fetchText(ask(server.origin))).text, "fine")
        yield* slow.body.pipe(
          Stream.scan(
            () => 0,
            (sum, chunk) => sum + chunk.byteLength
          ),
          Stream.takeUntil((sum) => sum > flooded * 2),
          Stream.runDrain
        )
        assert.isAbove(peerOf(server).flooded, flooded)
      }).pipe(Effect.scoped, Effect.provide(over(server)))
    })
  )
})
