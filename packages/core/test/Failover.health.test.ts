/** Failover among providers that cool down, and within their retry budgets. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as Failover from "@holdfast/core/Failover"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { answers, eventsFromHere, fails, givenUp, meta, patiently, received, says, script } from "./failoverScript.ts"
import { gemini, gpt, opus, opusAtHome, opusOlder, overloaded, rateLimited, stale, unauthorized } from "./fixtures.ts"

const once: FailoverPolicy.Overrides = {
  retry: { capacity: Schedule.recurs(0), connection: Schedule.recurs(0), reach: Schedule.recurs(0) }
}

/** Failover with health and budgets, whose candidates are left at their first failure unless told otherwise. */
const layer = (policy: FailoverPolicy.Overrides = once, budget?: { ratio: number; floorPerSecond: number }) =>
  Layer.orDie(Failover.layerMemory({ policy, ...(budget === undefined ? undefined : { budget }) })).pipe(
    Layer.provideMerge(Telemetry.layer)
  )

const suits = ({ provider }: Candidate.Candidate) => provider !== "openai"

const whoAnswers = (chain: Failover.CallOptions["chain"], more?: Partial<Failover.CallOptions>) =>
  Effect.flatMap(Failover.Failover, (failover) =>
    Effect.map(failover.run({ chain, ...more, attempt: ({ candidate }) => Effect.succeed(candidate) }), (answer) => ({
      at: Candidate.label(answer.value),
      swap: answer.swap?.why
    }))
  )

const streamOf = (text: string) => Stream.make(says(text))

/** One call in which the first candidate is overloaded. */
const opusOverloaded = Effect.flatMap(Failover.Failover, (failover) =>
  failover.run({ chain: [opus, gpt], attempt: script(fails(overloaded), answers("hello")).attempt })
)

describe("a candidate that is cooling down", () => {
  it.effect("is passed over by the next call, which says so, until its time is over", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      const told: Array<string | undefined> = []
      const onSwap = ({ swap }: Failover.Answered) => Effect.sync(() => void told.push(swap?.why))
      assert.deepStrictEqual(yield* whoAnswers([opus, gpt], { onSwap }), { at: "openai/gpt-5.5", swap: "Overloaded" })
      assert.deepStrictEqual(told, ["Overloaded"])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* whoAnswers([opus, gpt]), { at: "anthropic/claude-opus-4-7", swap: undefined })
      assert.deepStrictEqual(yield* whoAnswers([opus, gpt]), { at: "anthropic/claude-opus-4-7", swap: undefined })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not take others of its provider with it", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      assert.strictEqual((yield* whoAnswers([opusOlder, gpt])).at, "anthropic/claude-opus-4-6")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is one credential alone where that failed: another of the same model is used", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { attempt, made } = script(fails(unauthorized), answers("hello"))
      const answer = yield* failover.run({ chain: [opus, opusAtHome], attempt })
      assert.strictEqual(answer.answered, opusAtHome)
      assert.isUndefined(answer.swap, "another credential is no swap")
      assert.lengthOf(made, 2)
      assert.strictEqual((yield* whoAnswers([opus, opusAtHome])).at, Candidate.label(opusAtHome))
    }).pipe(Effect.provide(layer()))
  )

  describe("under one credential, whose limit on the model it has reached", () => {
    const opusAtWork = { ...opus, credential: "work" }
    const chain = [opusAtWork, opusAtHome, gpt] as const

    it.effect("answers under another at once, in this call and in those that follow", () =>
      Effect.gen(function* () {
        const failover = yield* Failover.Failover
        const events = yield* eventsFromHere
        // Longer than any wait that the schedule allows.
        const { attempt, made } = script(fails(rateLimited, { retryAfterMs: 120_000 }), answers("hello"))
        const { answered, swap } = yield* failover.run({ chain, attempt })
        assert.strictEqual(answered, opusAtHome)
        assert.isUndefined(swap, "another credential is no swap")
        assert.lengthOf(made, 2)
        const decided = events.flatMap((event) => (event._tag === "Decided" ? [event.decision._tag] : []))
        assert.deepStrictEqual(decided, ["RotateCredential"])
        assert.deepStrictEqual(yield* whoAnswers(chain), { at: Candidate.label(opusAtHome), swap: undefined })
        yield* TestClock.adjust("119 seconds")
        assert.strictEqual((yield* whoAnswers(chain)).at, Candidate.label(opusAtHome))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* whoAnswers(chain)).at, Candidate.label(opusAtWork))
      }).pipe(Effect.scoped, Effect.provide(layer({})))
    )

    it.effect("is left for another model where the other credential has reached its own", () =>
      Effect.gen(function* () {
        const failover = yield* Failover.Failover
        const limit = fails(rateLimited, { retryAfterMs: 120_000 })
        const { attempt, made } = script(limit, limit, answers("hello"))
        const { answered, swap } = yield* failover.run({ chain, attempt })
        assert.strictEqual(answered, gpt)
        assert.strictEqual(swap?.why, "RateLimited")
        assert.lengthOf(made, 3)
        assert.strictEqual((yield* whoAnswers(chain)).at, Candidate.label(gpt))
      }).pipe(Effect.provide(layer({})))
    )

    it.effect("is left out under the other too where it is overloaded", () =>
      Effect.gen(function* () {
        const failover = yield* Failover.Failover
        const { attempt, made } = script(fails(overloaded), answers("hello"))
        const { answered } = yield* failover.run({ chain, attempt })
        assert.strictEqual(answered, gpt)
        assert.lengthOf(made, 2)
        assert.deepStrictEqual(yield* whoAnswers(chain), { at: Candidate.label(gpt), swap: "Overloaded" })
      }).pipe(Effect.provide(layer()))
    )
  })

  it.effect("is waited for where the swap rule leaves nobody else and the time suffices", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      const mid = { moment: { at: "mid", answered: Candidate.ref(opus) } } as const
      const fiber = yield* Effect.forkChild(whoAnswers([opus, gpt], mid))
      yield* TestClock.adjust("29 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).at, "anthropic/claude-opus-4-7")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails a call that cannot wait so long, unsent, and says when", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      const failover = yield* Failover.Failover
      const events = yield* eventsFromHere
      const failure = yield* givenUp(
        failover.run({ chain: [opus], totalMs: 10_000, attempt: () => Effect.die("nothing is sent") })
      )
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepInclude(failure.reason, { _tag: "Overloaded", rule: "cooling-down", retryAfterMs: 30_000 })
      assert.include(failure.reason.advice, "claude-opus-4-7 for 30 s")
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Decided", "CallFailed"]
      )
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("fails with what was denied where only the swap rule is against the rest", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      const failover = yield* Failover.Failover
      const mid = { at: "mid", answered: Candidate.ref(opus) } as const
      const error = yield* Effect.flip(
        failover.run({ chain: [opus, gpt], moment: mid, totalMs: 1_000, attempt: () => Effect.die("nothing is sent") })
      )
      assert.strictEqual(Failover.failureOf(error).reason._tag, "Overloaded")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is probed by one call at a time, and the others go elsewhere meanwhile", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      yield* TestClock.adjust("31 seconds")
      const failover = yield* Failover.Failover
      const call = (ms: number) =>
        Effect.map(
          failover.run({
            chain: [opus, gpt],
            attempt: ({ candidate }) => Effect.as(Effect.sleep(ms), candidate.provider)
          }),
          ({ value }) => value
        )
      const probe = yield* Effect.forkChild(call(5_000), { startImmediately: true })
      const others = yield* Effect.forkChild(Effect.all([call(1), call(1)], { concurrency: 2 }), {
        startImmediately: true
      })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(others), ["openai", "openai"])
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(probe), "anthropic")
      assert.strictEqual((yield* whoAnswers([opus, gpt])).at, "anthropic/claude-opus-4-7")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("can be probed again where the probe was interrupted, streamed or not", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const hangs: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        failover.run({ chain: [opus, gpt], attempt: () => Effect.never }),
        Stream.runDrain(failover.stream({ chain: [opus, gpt], exposure: () => "output", attempt: () => Stream.never }))
      ]
      for (const hang of hangs) {
        yield* opusOverloaded
        yield* TestClock.adjust("10 minutes")
        const probe = yield* Effect.forkChild(hang, { startImmediately: true })
        assert.strictEqual((yield* whoAnswers([opus, gpt])).at, "openai/gpt-5.5", "somebody is probing")
        yield* Fiber.interrupt(probe)
        assert.strictEqual((yield* whoAnswers([opus, gpt])).at, "anthropic/claude-opus-4-7")
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is passed over by a stream as well", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      const failover = yield* Failover.Failover
      const asked: Array<string> = []
      const { texts } = yield* received(
        failover.stream({
          chain: [opus, gpt],
          exposure: ({ gives }) => gives,
          announce: ({ swap }, held) => [meta(`instead: ${swap?.why}`), ...held],
          attempt: ({ candidate }) => {
            asked.push(candidate.provider)
            return streamOf("hello")
          }
        })
      )
      assert.deepStrictEqual(asked, ["openai"])
      assert.deepStrictEqual(texts, ["instead: Overloaded", "hello"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not stood in for by one that the call does not suit", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      assert.strictEqual((yield* whoAnswers([opus, gpt, gemini], { suits })).at, "google/gemini-3-pro")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("that is refused however often it is asked for ends the call", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const failure = yield* givenUp(failover.run({ chain: [opus], attempt: () => Effect.die("nothing is sent") }))
      assert.deepInclude(failure.reason, { _tag: "Overloaded", rule: "cooling-down" })
    }).pipe(
      Effect.provide(
        Failover.layer.pipe(
          Layer.fresh,
          Layer.provide(
            Layer.succeed(ProviderHealth, {
              isQuiet: () => false,
              standing: () => Effect.undefined,
              admit: () =>
                Effect.succeed({
                  _tag: "CoolingDown",
                  untilMs: 0,
                  scope: "model",
                  key: "anthropic/claude-opus-4-7",
                  reason: "Overloaded"
                }),
              snapshot: Effect.succeed([]),
              reset: () => Effect.void,
              lastUsed: () => undefined
            })
          ),
          Layer.provide(layer())
        )
      )
    )
  )

  it.effect("comes back at once where it is reset", () =>
    Effect.gen(function* () {
      yield* opusOverloaded
      const health = yield* ProviderHealth
      assert.lengthOf(
        (yield* health.snapshot).filter(({ state }) => state === "open"),
        1
      )
      yield* health.reset()
      assert.strictEqual((yield* whoAnswers([opus, gpt])).at, "anthropic/claude-opus-4-7")
    }).pipe(Effect.provide(layer()))
  )
})

describe("credentials", () => {
  it.effect("are used in their order, or the one that was used longest ago first", () =>
    Effect.gen(function* () {
      const labels = Effect.fnUntraced(function* () {
        const seen: Array<string> = []
        for (let call = 0; call < 4; call++) {
          seen.push((yield* whoAnswers([opus, opusAtHome])).at)
          yield* TestClock.adjust("1 second")
        }
        return seen
      })
      const [work, home] = [Candidate.label(opus), Candidate.label(opusAtHome)]
      assert.deepStrictEqual(yield* Effect.provide(labels(), layer()), [work, work, work, work])
      const rotating = layer({ ...once, rotation: "least-recently-used" })
      assert.deepStrictEqual(yield* Effect.provide(labels(), rotating), [work, home, work, home])
    })
  )
})

describe("a retry budget", () => {
  it.effect("that is spent keeps a call from asking a provider again, and it goes on elsewhere", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { attempt, made } = script(fails(stale), answers("hello"))
      const { value, answered } = yield* failover.run({ chain: [opus, opusOlder, gpt], attempt })
      assert.strictEqual(value, "hello")
      assert.strictEqual(answered, gpt)
      assert.lengthOf(made, 2)
      const alone = script(fails(stale))
      const events = yield* eventsFromHere
      yield* givenUp(failover.run({ chain: [opus], attempt: alone.attempt }))
      assert.lengthOf(alone.made, 1)
      const decided = events.find((event) => event._tag === "Decided")
      assert.deepInclude(decided?._tag === "Decided" ? decided.decision : {}, { _tag: "Surface", why: "budget-spent" })
    }).pipe(Effect.scoped, Effect.provide(layer({}, { ratio: 0, floorPerSecond: 0 })))
  )

  it.effect("bounds what a fleet sends to a provider that is down", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      let sent = 0
      const call = failover.run({
        chain: [opus],
        attempt: () =>
          Effect.suspend(() => {
            sent++
            return Effect.fail(stale())
          })
      })
      yield* patiently(
        Effect.all(
          Array.from({ length: 500 }, () => Effect.exit(call)),
          { concurrency: "unbounded" }
        )
      )
      assert.isAtMost(sent, 500 + 100 + 10)
      assert.isAbove(sent, 500)
    }).pipe(Effect.provide(layer({}, { ratio: 0.2, floorPerSecond: 1 })))
  )
})
