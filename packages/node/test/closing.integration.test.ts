import type * as Net from "node:net"
import { assert, layer } from "@effect/vitest"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import { isFailure } from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type * as Dispatcher from "../src/Dispatcher.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { deafServer } from "./support/deafServer.ts"
import type { Asked } from "./support/harness.ts"
import { ask, failureOf, fetchText, observed, prepare, registry, send, transport } from "./support/harness.ts"
import { truthOf, untilTruth } from "./support/harness.ts"
import { ok, rawServer, until } from "./support/rawServer.ts"

const { afterHead, afterRequest, always, cut, drip } = FaultScript

interface Opened {
  readonly services: Context.Context<HttpTransport>
  readonly close: Effect.Effect<void>
}

/** A transport that a test closes by hand. */
const open = (pool: Dispatcher.PoolOptions): Effect.Effect<Opened, InvalidInput> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const services = yield* Layer.buildWithScope(transport(pool), scope)
    return { services, close: Scope.close(scope, Exit.void) }
  })

layer(FaultServer.layer({ endpoints: { a: {}, tls: { tls: "good" } } }), { excludeTestServices: true })(
  "a transport whose scope closes",
  (it) => {
    it.effect("lets an answer on the way finish, and then closes its connection", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(drip(40))])
        const { close, services } = yield* open({})
        const going = yield* Effect.forkChild(Effect.provide(fetchText(ask(origin, { streaming: true })), services))
        yield* untilTruth(({ counts }) => counts.answeredPartial === 1)
        yield* close
        // The close waited for it.
        assert.isDefined(going.pollUnsafe())
        const { text } = yield* Fiber.join(going)
        assert.include(text, "message_stop")
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
        assert.deepInclude(counts, { answeredFull: 1, closedByClient: 1 })
      })
    )

    it.effect("lets requests that wait for a connection finish too", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(drip(10))])
        const { close, services } = yield* open({ connections: 1 })
        const going = yield* Effect.forkChild(
          Effect.forEach([1, 2, 3], () => fetchText(ask(origin, { streaming: true })), {
            concurrency: "unbounded"
          }).pipe(Effect.provide(services))
        )
        yield* untilTruth(({ counts }) => counts.requests === 1)
        yield* close
        assert.strictEqual((yield* Fiber.join(going)).length, 3)
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
        assert.deepInclude(counts, { connections: 1, answeredFull: 3 })
      })
    )

    it.effect.each([
      ["an answer that does not come", afterRequest],
      ["an answer that does not end", afterHead]
    ] as const)("ends %s when the time to drain is over", ([, at]) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("stall", at))])
        const { close, services } = yield* open({ drain: "100 millis" })
        const going = yield* Effect.forkChild(Effect.provide(failureOf(ask(origin, { streaming: true })), services))
        yield* untilTruth(({ connections }) => connections[0]?.requests[0]?.fault !== undefined)
        const before = performance.now()
        yield* close
        const elapsedMs = performance.now() - before
        assert.isAtLeast(elapsedMs, 95)
        assert.isBelow(elapsedMs, 5000)
        const failure = yield* Fiber.join(going)
        assert.deepInclude(failure.evidence, { closed: "local-abort" })
        assert.deepInclude(failure.reason, { _tag: "ConnectionLost", how: "unknown" })
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
        assert.strictEqual(counts.closedByClient, 1)
      })
    )

    it.effect("closes the pools of all providers together, and not one after another", () =>
      Effect.gen(function* () {
        let answering = false
        const busy = new Set<Net.Socket>()
        const server = yield* rawServer((socket) => {
          socket.on("data", (data) => {
            if (!data.includes("x-fault-tag: busy")) return socket.write(ok())
            busy.add(socket)
            const timer = setInterval(() => {
              if (answering) socket.write(ok(), () => clearInterval(timer))
            }, 5)
            return socket.on("close", () => clearInterval(timer))
          })
        })
        const scope = yield* Scope.make()
        const pools = NodeTransport.layer.pipe(Layer.provide(Telemetry.layer), Layer.provide(registry(60_000)))
        const services = yield* Layer.buildWithScope(pools, scope)
        const candidates = ["anthropic", "openai", "google"].map((provider) => ({ provider, model: "x" }))
        const all = (more: Asked) =>
          Effect.forEach(candidates, (candidate) => fetchText(ask(server.origin, { candidate, ...more })), {
            concurrency: "unbounded"
          }).pipe(Effect.provide(services))
        yield* all({})
        const going = yield* Effect.forkChild(all({ tag: "busy" }))
        yield* until(() => busy.size === 3)
        // Each has one connection that is idle, and one on which an answer is awaited.
        yield* all({})
        assert.strictEqual(server.sockets.length, 6)
        const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* until(() => server.sockets.filter((socket) => socket.destroyed).length === 3)
        assert.isTrue([...busy].every((socket) => !socket.destroyed))
        assert.isUndefined(closing.pollUnsafe())
        answering = true
        yield* Fiber.join(closing)
        assert.strictEqual((yield* Fiber.join(going)).length, 3)
      }).pipe(Effect.scoped)
    )

    it.effect("ends a connection in the making when the time to drain is over", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("stall", FaultScript.atAccept))], "tls")
        const port = yield* deafServer()
        const { close, services } = yield* open({ drain: "50 millis" })
        const limits = TimeLimits.resolve({ connect: false })
        const going = yield* Effect.forkChild(
          Effect.forEach([origin, `http://127.0.0.1:${port}`], (to) => failureOf(ask(to, { limits })), {
            concurrency: "unbounded"
          }).pipe(Effect.provide(services))
        )
        yield* untilTruth(({ counts }) => counts.open === 1, "tls")
        yield* Effect.sleep("20 millis")
        yield* close
        const failures = yield* Fiber.join(going)
        assert.deepStrictEqual(
          failures.map(({ evidence }) => observed(evidence).phase),
          ["securing", "connecting"]
        )
        assert.deepStrictEqual(
          failures.map(({ _tag }) => _tag),
          ["ReplaySafe", "ReplaySafe"]
        )
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0, "tls")
        assert.strictEqual(counts.closedByClient, 1)
      }).pipe(Effect.scoped)
    )

    it.effect("closes at once where nothing is on the way, idle connections and all", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([])
        const { close, services } = yield* open({})
        yield* Effect.provide(fetchText(ask(origin)), services)
        yield* Effect.provide(fetchText(ask(origin, { connection: "fresh" })), services)
        const before = performance.now()
        yield* close
        assert.isBelow(performance.now() - before, 1000)
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
        assert.deepInclude(counts, { connections: 2 })
      })
    )

    it.effect("sends nothing more, and says so in a failure that is safe to replay", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([])
        const { close, services } = yield* open({})
        yield* Effect.provide(fetchText(ask(origin)), services)
        yield* close
        const known = yield* Effect.provide(failureOf(ask(origin)), services)
        const candidate = { provider: "never-called", model: "x" }
        const unknown = yield* Effect.provide(failureOf(ask(origin, { candidate })), services)
        for (const failure of [known, unknown]) {
          assert.strictEqual(failure._tag, "ReplaySafe")
          assert.deepInclude(failure.evidence, { phase: "queued", bytesWritten: 0 })
        }
        assert.deepInclude(unknown, { candidate })
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.requests, 1)
      })
    )

    it.effect("says so too where the close came between the request and its connection", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([])
        const { close, services } = yield* open({})
        yield* Effect.provide(fetchText(ask(origin)), services)
        const exits = yield* Effect.all(
          [Effect.exit(Effect.provide(Effect.scoped(send(ask(origin))), services)), close],
          { concurrency: "unbounded" }
        )
        const [exit] = exits
        if (Exit.isFailure(exit)) {
          const error = yield* Effect.flip(exit)
          assert.isTrue(isFailure(error))
          if (isFailure(error)) assert.strictEqual(error._tag, "ReplaySafe")
        }
        const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
        assert.strictEqual(counts.requests, Exit.isSuccess(exit) ? 2 : 1)
      })
    )
  }
)
