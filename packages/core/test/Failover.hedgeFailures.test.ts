/** What fails of two attempts that are under way at the same time. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Reason from "@holdfast/core/Reason"
import * as Rerun from "@holdfast/core/Rerun"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { eventsFromHere, givenUp, patiently } from "./failoverScript.ts"
import { opus, overloaded, rateLimited, truncated, unreachable, unsafe } from "./fixtures.ts"
import { attempts, chain, hedge, layer, repeatable } from "./hedgeScript.ts"
import type { Step } from "./hedgeScript.ts"

const unclassified = (failure: Failure.Failure) =>
  Failure.amend(failure, { reason: new Reason.Unclassified({ rule: "none", status: 400 }) })

const told = (events: ReadonlyArray<TelemetryEvent>) =>
  events.flatMap((event) => {
    if (event._tag === "AttemptFailed") return [`failed ${event.attempt} ${event.reason} ${event.verdict}`]
    if (event._tag === "Decided") {
      const { decision } = event
      return [
        `${decision._tag} after ${event.attempt}${"why" in decision ? ` ${decision.why}` : ` ${decision.ground}`}`
      ]
    }
    if (event._tag === "CallSucceeded" || event._tag === "CallFailed") return [`${event._tag} of ${event.attempts}`]
    return event._tag === "AttemptAborted" ? [`aborted ${event.attempt}`] : []
  })

/** How a call of which the attempts end so is given up, what was told of it, and which attempts were made. */
const gaveUp = (...steps: ReadonlyArray<Step<Failure.Failure>>) =>
  Effect.gen(function* () {
    const failover = yield* Failover.Failover
    const events = yield* eventsFromHere
    const { attempt, made } = attempts(...steps)
    const failure = yield* briefly(givenUp(failover.run({ ...repeatable, attempt })))
    return { failure, made, events, told: told(events) }
  })

/** Runs an effect for 20 s of its clock, in which it ends. */
const briefly = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("20 seconds")
    return yield* Fiber.join(fiber)
  })

const held = Effect.flatMap(ProviderHealth, ({ snapshot }) =>
  Effect.map(snapshot, (entries) => entries.map(({ key, reason }) => `${key} ${reason}`))
)

/** For how many milliseconds more the model cools down. */
const coolsFor = Effect.gen(function* () {
  const { standing } = yield* ProviderHealth
  return ((yield* standing(opus))?.untilMs ?? 0) - (yield* Clock.currentTimeMillis)
})

describe("a call of which both attempts fail", () => {
  it.effect("is not made again where the first of them must not be", () =>
    Effect.gen(function* () {
      const { failure, made, told } = yield* gaveUp(
        { afterMs: 3_000, fails: unsafe() },
        { afterMs: 4_000, fails: overloaded() }
      )
      assert.deepStrictEqual(made, ["1 claude-opus-4-7", "2 claude-opus-4-7"])
      assert.strictEqual(failure._tag, "ReplayUnsafe")
      assert.strictEqual(failure.declaration, "provider-tools")
      assert.deepStrictEqual(
        failure.attempts.map(({ attempt, elapsedMs, reason, verdict }) => [attempt, elapsedMs, reason._tag, verdict]),
        [
          [1, 3_000, "ConnectionLost", "Unsafe"],
          [2, 4_000, "Overloaded", "Safe"]
        ]
      )
      assert.deepStrictEqual(told, [
        "failed 1 ConnectionLost Unsafe",
        "failed 2 Overloaded Safe",
        "Surface after 2 unsafe",
        "CallFailed of 2"
      ])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("is decided on the worse ground of the two, in whichever order they fail", () =>
    Effect.gen(function* () {
      const safe = { afterMs: 3_000, fails: unclassified(unreachable()) }
      const ambiguous = { afterMs: 3_000, fails: unclassified(truncated()) }
      for (const order of [
        [ambiguous, safe],
        [safe, ambiguous]
      ]) {
        const { failure, made, told } = yield* gaveUp(...order)
        assert.lengthOf(made, 2)
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.include(told, "Surface after 2 ambiguous")
      }
      const { made, told } = yield* gaveUp(safe, safe, { afterMs: 0, fails: unsafe() })
      assert.deepStrictEqual(made, ["1 claude-opus-4-7", "2 claude-opus-4-7", "3 gpt-5.5"])
      assert.include(told, "NextCandidate after 2 proven")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("is decided on the worse declaration of the two", () =>
    Effect.gen(function* () {
      const repeatableOne = { afterMs: 3_000, fails: truncated() }
      const unknownOne = { afterMs: 3_000, fails: truncated({ declaration: "unknown" }) }
      for (const order of [
        [unknownOne, repeatableOne],
        [repeatableOne, unknownOne]
      ]) {
        const { failure, told } = yield* gaveUp(...order)
        assert.strictEqual(failure.declaration, "unknown")
        assert.include(told, "Surface after 2 ambiguous")
      }
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("is made again on the app's word where that was given for both", () =>
    Effect.gen(function* () {
      const ambiguous = truncated({ declaration: "unknown" })
      if (!Failure.isReplayAmbiguous(ambiguous)) return assert.fail(ambiguous._tag)
      const assumed = { afterMs: 3_000, fails: Failure.assumeSafe(ambiguous) }
      const { made, told } = yield* gaveUp(assumed, assumed, { afterMs: 0, fails: unsafe() })
      assert.include(told, "RetryHere after 2 assumed")
      assert.lengthOf(made, 3)
      const { told: mixed } = yield* gaveUp(assumed, { afterMs: 3_000, fails: ambiguous })
      assert.include(mixed, "Surface after 2 ambiguous")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("holds each against whom it is about", () =>
    Effect.gen(function* () {
      const limited = rateLimited({ retryAfterMs: 600_000 })
      yield* gaveUp({ afterMs: 3_000, fails: limited }, { afterMs: 4_000, fails: unsafe() })
      assert.sameMembers(yield* held, ["anthropic/claude-opus-4-7 RateLimited", "api.anthropic.com:443 ConnectionLost"])
      assert.isAbove(yield* coolsFor, 500_000, "as long as the provider asked for")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("is decided alike when its journal is read", () =>
    Effect.gen(function* () {
      const unsafeFirst = yield* gaveUp({ afterMs: 3_000, fails: unsafe() }, { afterMs: 4_000, fails: overloaded() })
      const calls = yield* Stream.fromIterable(unsafeFirst.events).pipe(
        Rerun.calls(FailoverPolicy.make(hedge)),
        Stream.runCollect
      )
      assert.deepStrictEqual(
        calls.map(({ difference, exact, same }) => ({ difference, exact, same })),
        [{ difference: undefined, exact: true, same: 1 }]
      )
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect(
    "fails as one attempt of a ladder, whose failures are counted once whatever the program makes of them",
    () =>
      Effect.gen(function* () {
        for (const change of [
          (failure: Failure.Failure) => failure,
          (failure: Failure.Failure) => Failure.amend(failure, {})
        ]) {
          const failover = yield* Failover.Failover
          const events = yield* eventsFromHere
          const { attempt } = attempts({ afterMs: 3_000, fails: unsafe() }, { afterMs: 4_000, fails: overloaded() })
          const ladder = yield* failover.open(repeatable)
          const failure = yield* patiently(Effect.flip(Failover.attempt(ladder, attempt)))
          assert.strictEqual(failure._tag, "ReplayUnsafe")
          const whole = yield* givenUp(Failover.next(ladder, change(failure)))
          assert.strictEqual(whole._tag, "ReplayUnsafe")
          assert.deepStrictEqual(
            whole.attempts.map(({ attempt }) => attempt),
            [1, 2]
          )
          assert.include(told(events), "Surface after 2 unsafe")
          yield* (yield* ProviderHealth).reset()
        }
      }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

const answered = (...steps: ReadonlyArray<Step<Failure.Failure>>) =>
  Effect.gen(function* () {
    const failover = yield* Failover.Failover
    const events = yield* eventsFromHere
    const answer = yield* briefly(failover.run({ ...repeatable, attempt: attempts(...steps).attempt }))
    const records = yield* Stream.runCollect(FallbackDecision.fromEvents(Stream.fromIterable(events)))
    return {
      answer: answer.value,
      failed: answer.failed.map(({ attempt, elapsedMs, reason }) => [attempt, elapsedMs, reason._tag]),
      told: told(events),
      records: records.map(({ attemptOfCall, decision, previousAttempts }) => [
        decision,
        attemptOfCall,
        previousAttempts?.map(({ reason }) => reason)
      ])
    }
  })

describe("a call of which one attempt fails and the other answers", () => {
  it.effect("tells of the first that failed, holds it, and has it in the answer", () =>
    Effect.gen(function* () {
      const limited = rateLimited({ retryAfterMs: 600_000 })
      assert.deepStrictEqual(yield* answered({ afterMs: 3_000, fails: limited }, { afterMs: 4_000 }), {
        answer: "answer 2",
        failed: [[1, 3_000, "RateLimited"]],
        told: ["failed 1 RateLimited Safe", "CallSucceeded of 2"],
        records: [["candidate_succeeded", 2, ["rate_limit"]]]
      })
      assert.deepStrictEqual(yield* held, ["anthropic/claude-opus-4-7 RateLimited"])
      assert.isAbove(yield* coolsFor, 500_000)
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("tells of the second as well, and counts how many were made", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* answered({ afterMs: 5_000 }, { afterMs: 1_000, fails: overloaded() }), {
        answer: "answer 1",
        failed: [[2, 1_000, "Overloaded"]],
        told: ["failed 2 Overloaded Safe", "CallSucceeded of 2"],
        records: [["candidate_succeeded", 1, ["overloaded"]]]
      })
      assert.deepStrictEqual(yield* held, ["anthropic/claude-opus-4-7 Overloaded"])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("counts an attempt that was ended", () =>
    Effect.gen(function* () {
      const { told } = yield* answered({ afterMs: 3_000 }, { afterMs: 10_000 })
      assert.deepStrictEqual(told, ["aborted 2", "CallSucceeded of 2"])
      assert.deepStrictEqual(yield* held, [])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("ends at once where one fails of something that is no failed attempt", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const events = yield* eventsFromHere
      const { attempt } = attempts<string>({ afterMs: 3_000, fails: "no such thing" }, { afterMs: 10_000 })
      const fiber = yield* Effect.forkChild(Effect.flip(failover.run({ ...repeatable, attempt })))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "no such thing")
      assert.deepStrictEqual(told(events), ["aborted 2"])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )
})

describe("a call whose time is up", () => {
  it.effect("is not asked a second time", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      for (const [totalMs, count] of [
        [2_000, 1],
        [2_001, 2]
      ] as const) {
        const { attempt, made } = attempts({ afterMs: 60_000 }, { afterMs: 60_000 })
        const failure = yield* patiently(givenUp(failover.run({ ...repeatable, totalMs, attempt })))
        assert.strictEqual(failure.reason._tag, "TotalTimeout")
        assert.lengthOf(made, count)
        assert.lengthOf(failure.attempts, count)
      }
    }).pipe(Effect.provide(layer()))
  )
})

describe("an attempt that probes", () => {
  it.effect("has none beside it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const call = { ...repeatable, chain: [opus] } as const
      yield* patiently(
        givenUp(failover.run({ ...call, attempt: attempts({ afterMs: 0, fails: overloaded() }).attempt }))
      )
      const probe = attempts({ afterMs: 60_000 }, { afterMs: 0 })
      assert.strictEqual((yield* patiently(failover.run({ ...call, attempt: probe.attempt }))).value, "answer 1")
      assert.lengthOf(probe.made, 1)
      const next = attempts({ afterMs: 60_000 }, { afterMs: 0 })
      yield* patiently(failover.run({ ...call, attempt: next.attempt }))
      assert.lengthOf(next.made, 2, "the probe has closed what was open")
    }).pipe(Effect.provide(layer({ ...hedge, retry: { capacity: Schedule.recurs(0) } })))
  )

  it.effect("is no reason to ask a second time whom others have found to be down meanwhile", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const slow = attempts({ afterMs: 10_000 }, { afterMs: 0 })
      const fiber = yield* Effect.forkChild(failover.run({ ...repeatable, attempt: slow.attempt }))
      yield* TestClock.adjust("1 second")
      yield* failover
        .run({ chain, attempt: attempts({ afterMs: 0, fails: overloaded() }).attempt })
        .pipe(Effect.forkChild)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).value, "answer 1")
      assert.lengthOf(slow.made, 1)
    }).pipe(Effect.provide(layer({ ...hedge, retry: { capacity: Schedule.recurs(0) } })))
  )
})
