/** A server's idle limit, learnt on real sockets from a process of its own. */
import { assert, layer } from "@effect/vitest"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import type * as FaultScript from "@holdfast/testing/FaultScript"
import { always, idleClose } from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Undici from "undici"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as Dispatchers from "../src/Dispatchers.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { ask, candidate, fetchText, prepare, truthOf, untilTruth } from "./support/harness.ts"

/** A transport over dispatchers that can be asked for their connections. */
const watched = (pool: Dispatcher.PoolOptions = {}) =>
  NodeTransport.layerNoDeps().pipe(
    Layer.provideMerge(Layer.effect(Dispatchers.Dispatchers, Dispatchers.make)),
    Layer.provide(Dispatchers.swap(candidate.provider, Dispatcher.layerPool(pool))),
    Layer.provideMerge(Telemetry.layer)
  )

/** A clock that can be put forward while no connection is open. */
const movable = () => {
  let aheadMs = 0
  const real = Effect.runSync(Effect.service(Clock.Clock))
  const clock: Clock.Clock = Object.assign(Object.create(real) as Clock.Clock, {
    currentTimeMillisUnsafe: () => real.currentTimeMillisUnsafe() + aheadMs
  })
  return { clock, forward: (ms: number) => void (aheadMs += ms) }
}

const heard = Effect.gen(function* () {
  const events: Array<TelemetryEvent> = []
  const telemetry = yield* Telemetry.Telemetry
  yield* telemetry.listen((event) => void events.push(event))
  const of = <Tag extends TelemetryEvent["_tag"]>(tag: Tag) =>
    events.filter((event): event is Extract<TelemetryEvent, { readonly _tag: Tag }> => event._tag === tag)
  return { of }
})

const until = (is: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (is() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(is))))

/** Calls the model, and waits until the connection is gone. */
const closedOne = (origin: string, { of }: Effect.Success<typeof heard>) =>
  Effect.suspend(() => {
    const before = of("ConnectionClosed").length
    return Effect.andThen(
      fetchText(ask(origin)),
      until(() => of("ConnectionClosed").length > before)
    )
  })

/**
 * Lets connections be closed until as many limits have been learnt. Three closes are enough, unless a busy machine makes
 * one of them late.
 */
const learn = (
  origin: string,
  events: Effect.Success<typeof heard>,
  times = 1
): Effect.Effect<void, unknown, NodeTransport.HttpTransport> =>
  events.of("IdleLimitLearnt").length === times
    ? Effect.void
    : Effect.andThen(
        closedOne(origin, events),
        Effect.suspend(() => learn(origin, events, times))
      )

const closes = (afterMs: number, options?: { readonly keepAliveHint: number }): FaultScript.Script => [
  always(idleClose("fin", afterMs, options))
]

layer(FaultServer.layer({ endpoints: { a: {} } }), { excludeTestServices: true })("an idle limit", (it) => {
  it.effect("is learnt from three closes, told, readable, and kept to from the fourth connection on", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare(closes(300))
      const events = yield* heard
      const { of } = events
      yield* learn(origin, events)
      const seen = of("ConnectionClosed").map(({ closed, idle }) => [closed, idle])
      assert.isAtLeast(seen.length, 3)
      for (const close of seen) assert.deepStrictEqual(close, ["peer-fin", true])
      const [learnt] = of("IdleLimitLearnt")
      assert.deepInclude(learnt, { provider: candidate.provider, origin, observed: 3 })
      const { evictAfterMs = 0, limitMs = 0 } = learnt ?? {}
      assert.isAtLeast(limitMs, 290)
      assert.strictEqual(evictAfterMs, limitMs - 50)

      yield* fetchText(ask(origin))
      const readable = { origin, idleLimit: { limitMs, evictAfterMs, observed: 3 } }
      assert.deepStrictEqual(yield* Dispatchers.connections(candidate.provider), [{ ...readable, open: 1, idle: 1 }])
      yield* until(() => of("ConnectionClosed").length > seen.length)
      assert.deepStrictEqual(yield* Dispatchers.connections(candidate.provider), [{ ...readable, open: 0, idle: 0 }])
      assert.deepStrictEqual(
        of("ConnectionClosed")
          .slice(seen.length)
          .map(({ closed, idle }) => [closed, idle]),
        [["local-limit", true]]
      )
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.strictEqual(counts.answeredFull, seen.length + 1)
    }).pipe(Effect.scoped, Effect.provide(watched()))
  )

  it.effect("is learnt from closes of every sort", () =>
    Effect.forEach(["half-fin", "reset", "408"] as const, (how) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(idleClose(how, 200))])
        const events = yield* heard
        yield* learn(origin, events)
        yield* closedOne(origin, events)
        assert.deepInclude(events.of("ConnectionClosed").at(-1) ?? {}, { closed: "local-limit" })
      }).pipe(Effect.scoped, Effect.provide(watched()))
    )
  )

  it.effect("is learnt anew where the server's becomes lower", () =>
    Effect.gen(function* () {
      const events = yield* heard
      yield* learn((yield* prepare(closes(600))).origin, events)
      yield* learn((yield* prepare(closes(200))).origin, events, 2)
      const [before, after] = events.of("IdleLimitLearnt").map(({ limitMs }) => limitMs)
      assert.isAtLeast(before ?? 0, 590)
      assert.isBelow(after ?? 600, 550)
    }).pipe(Effect.scoped, Effect.provide(watched()))
  )

  it.effect("is forgotten where the server's becomes higher", () => {
    const { clock, forward } = movable()
    return Effect.gen(function* () {
      const { origin } = yield* prepare(closes(300))
      const events = yield* heard
      const { of } = events
      yield* learn(origin, events)
      yield* prepare(closes(5000))
      yield* closedOne(origin, events)
      assert.strictEqual(of("IdleLimitForgotten").length, 0)
      // It has not been confirmed for a while: a connection is let outlive it, and is found open.
      forward(6 * 60_000)
      yield* Effect.repeat(closedOne(origin, events), { until: () => of("IdleLimitForgotten").length > 0 })
      assert.deepInclude(of("IdleLimitForgotten")[0] ?? {}, { origin, limitMs: of("IdleLimitLearnt")[0]?.limitMs })
      assert.deepStrictEqual(
        (yield* Dispatchers.connections(candidate.provider)).map(({ idleLimit }) => idleLimit),
        [undefined]
      )
      // From now on connections are kept for longer again.
      yield* fetchText(ask(origin))
      yield* Effect.sleep("500 millis")
      assert.deepInclude((yield* fetchText(ask(origin))).evidence.connection, { reused: true, requestsServed: 1 })
    }).pipe(Effect.scoped, Effect.provide(watched()), Effect.provideService(Clock.Clock, clock))
  })

  it.effect("is not learnt where the server says it itself, nor where it is not to be", () =>
    Effect.forEach(
      [
        [watched({ keepAlive: "10 seconds" }), closes(150, { keepAliveHint: 5 })],
        [watched({ learnIdleLimit: false }), closes(150)]
      ] as const,
      ([transport, script]) =>
        Effect.gen(function* () {
          const { origin } = yield* prepare(script)
          const { of } = yield* heard
          for (let nth = 1; nth <= 4; nth++) {
            yield* fetchText(ask(origin))
            yield* until(() => of("ConnectionClosed").length === nth)
          }
          assert.deepStrictEqual(
            of("ConnectionClosed").map(({ closed }) => closed),
            ["peer-fin", "peer-fin", "peer-fin", "peer-fin"]
          )
          assert.strictEqual(of("IdleLimitLearnt").length, 0)
        }).pipe(Effect.scoped, Effect.provide(transport))
    )
  )

  it.effect("is not learnt from a server that closes all at one moment, again and again", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { origin } = yield* prepare([])
      const { of } = yield* heard
      for (let round = 1; round <= 4; round++) {
        yield* Effect.forEach([1, 2, 3], () => fetchText(ask(origin)), { concurrency: "unbounded" })
        yield* Effect.sleep("150 millis")
        // One of the three; they have been idle for different times now.
        yield* fetchText(ask(origin))
        yield* Effect.sleep("150 millis")
        yield* server.closeIdle("a", "fin")
        yield* untilTruth(({ counts }) => counts.open === 0)
      }
      assert.isAtLeast(of("ConnectionClosed").length, 12)
      assert.strictEqual(of("IdleLimitLearnt").length, 0)
    }).pipe(Effect.scoped, Effect.provide(watched()))
  )

  it.effect("is known of no connections of a dispatcher that is not watched", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([])
      const raw = new Undici.Agent()
      yield* Effect.addFinalizer(() => Effect.promise(() => raw.destroy()))
      const transport = NodeTransport.layerNoDeps().pipe(
        Layer.provideMerge(Layer.effect(Dispatchers.Dispatchers, Dispatchers.make)),
        Layer.provide(Dispatchers.swap(candidate.provider, Dispatcher.layerFrom(raw))),
        Layer.provide(Telemetry.layer)
      )
      const known = Effect.gen(function* () {
        const { text } = yield* Effect.flatMap(NodeTransport.HttpTransport, ({ send }) =>
          Effect.flatMap(send(ask(origin)), (response) => Effect.map(response.text, (text) => ({ text })))
        ).pipe(Effect.scoped)
        assert.isNotEmpty(text)
        return yield* Dispatchers.connections(candidate.provider)
      })
      assert.deepStrictEqual(yield* Effect.provide(known, transport), [])
      assert.strictEqual((yield* truthOf()).counts.requests, 1)
    }).pipe(Effect.scoped)
  )
})
