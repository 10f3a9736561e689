/** A call's own time: over all attempts and the waits between them, and nobody is asked when it is up. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Reason from "@holdfast/core/Reason"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { Part, Step } from "./failoverScript.ts"
import {
  answers,
  eventsFromHere,
  fails,
  layer,
  meta,
  patiently,
  received,
  says,
  script,
  givenUp
} from "./failoverScript.ts"
import { gpt, opus, overloaded, rateLimited, stale } from "./fixtures.ts"

/** A step that takes its time first. */
const after =
  <A, E>(ms: number, step: Step<A, E>): Step<A, E> =>
  (candidate) =>
    Effect.delay(step(candidate), ms)

/** An attempt that ends itself when what is left of the call's time is over, as a transport does, and notes it. */
const obedient = (given: Array<number>) => (attempt: Failover.Attempt) => {
  given.push(attempt.totalMs)
  return Effect.delay(
    Effect.fail(
      Failure.make({
        reason: new Reason.TotalTimeout({ limitMs: attempt.totalMs }),
        evidence: { _tag: "Observed", phase: "waiting", bytesWritten: 9, bytesRead: 0, closed: "local-limit" },
        candidate: attempt.candidate,
        declaration: "repeatable"
      })
    ),
    attempt.totalMs
  )
}

/** How long an effect takes, and the failure that it ends in. */
const failing = <A, R>(effect: Effect.Effect<A, Failover.GivenUp, R>) =>
  patiently(
    Effect.gen(function* () {
      const before = yield* Clock.currentTimeMillis
      const failure = yield* givenUp(effect)
      return { failure, tookMs: (yield* Clock.currentTimeMillis) - before }
    })
  )

const slow = (told: Failover.Attempt) => Effect.as(Effect.sleep("30 minutes"), told.totalMs)

const texts = (...chunks: ReadonlyArray<Part>) => Stream.fromIterable(chunks).pipe(Stream.rechunk(1))

describe("run", () => {
  it.effect("tells each attempt what is left, and fails with TotalTimeout of the call's limit when it is up", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const given: Array<number> = []
      const obey = obedient(given)
      const attempt = (told: Failover.Attempt) =>
        told.attempt === 1 ? Effect.andThen(Effect.sleep(4_000), Effect.fail(stale())) : obey(told)
      const { failure, tookMs } = yield* failing(failover.run({ chain: [opus, gpt], totalMs: 10_000, attempt }))
      assert.deepStrictEqual(given, [6_000])
      assert.strictEqual(tookMs, 10_000)
      assert.deepInclude(failure.reason, { _tag: "TotalTimeout", limitMs: 10_000 })
      // The evidence of the attempt that ended itself is kept, and so is every attempt.
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-limit" })
      assert.deepStrictEqual(
        failure.attempts.map(({ attempt, reason }) => `${attempt} ${reason._tag}`),
        ["1 StaleConnection", "2 TotalTimeout"]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is neither retried nor swapped when its time is up, whatever the policy says of TotalTimeout", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const events = yield* eventsFromHere
      const given: Array<number> = []
      const { failure } = yield* failing(failover.run({ chain: [opus, gpt], totalMs: 1_000, attempt: obedient(given) }))
      assert.deepStrictEqual(given, [1_000])
      assert.strictEqual(failure.reason._tag, "TotalTimeout")
      const decided = events.find(({ _tag }) => _tag === "Decided")
      assert.deepInclude(decided, { _tag: "Decided" })
      if (decided?._tag === "Decided") assert.deepInclude(decided.decision, { _tag: "Surface", why: "deadline" })
    }).pipe(
      Effect.scoped,
      Effect.provide(layer({ table: { TotalTimeout: FailoverPolicy.defaults.table.StaleConnection } }))
    )
  )

  it.effect("interrupts an attempt that does not end itself, a little after its time, and knows nothing of it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      let interrupted = false
      const attempt = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (interrupted = true)))
      const { failure, tookMs } = yield* failing(failover.run({ chain: [opus, gpt], totalMs: 1_000, attempt }))
      assert.isTrue(interrupted)
      assert.isAtLeast(tookMs, 1_000)
      assert.isAtMost(tookMs, 1_100)
      assert.deepInclude(failure.reason, { _tag: "TotalTimeout", limitMs: 1_000 })
      assert.strictEqual(failure.evidence._tag, "Unknown")
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not begin a wait that would outlast it, and asks the next candidate at once instead", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { attempt, made, at } = script(fails(rateLimited, { retryAfterMs: 5_000 }), answers("hello"))
      yield* patiently(failover.run({ chain: [opus, gpt], totalMs: 5_000, attempt }))
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any", "2 openai/gpt-5.5 any"])
      assert.deepStrictEqual(at, [0, 0])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("surfaces the failure itself at once, and says why, where nobody is left but after such a wait", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const events = yield* eventsFromHere
      const { attempt } = script(fails(rateLimited, { retryAfterMs: 5_000 }))
      const { failure, tookMs } = yield* failing(failover.run({ chain: [opus], totalMs: 4_000, attempt }))
      assert.strictEqual(tookMs, 0)
      assert.strictEqual(failure.reason._tag, "RateLimited")
      assert.strictEqual(failure._tag, "ReplaySafe")
      const decided = events.find(({ _tag }) => _tag === "Decided")
      if (decided?._tag === "Decided") assert.deepInclude(decided.decision, { _tag: "Surface", why: "deadline" })
      else assert.fail("no decision was published")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("waits where the wait fits", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { attempt, made, at } = script(fails(rateLimited, { retryAfterMs: 5_000 }), answers("hello"))
      yield* patiently(failover.run({ chain: [opus, gpt], totalMs: 5_001, attempt }))
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any", "2 anthropic/claude-opus-4-7 any"])
      assert.deepStrictEqual(at, [0, 5_000])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("has the class of its worst attempt", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const attempt = script(
        after(400, fails(stale)),
        after(400, fails(overloaded)),
        after(400, fails(overloaded))
      ).attempt
      const { failure } = yield* failing(failover.run({ chain: [opus, gpt], totalMs: 1_000, attempt }))
      assert.strictEqual(failure.reason._tag, "TotalTimeout")
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.isAbove(failure.attempts.length, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps an attempt's own limit apart from the call's", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const own = Failure.make({
        reason: new Reason.TotalTimeout({ limitMs: 70 }),
        evidence: { _tag: "Unknown" },
        candidate: opus,
        declaration: "repeatable"
      })
      const { failure } = yield* failing(
        failover.run({ chain: [opus], totalMs: 1_000, attempt: () => Effect.fail(own) })
      )
      assert.deepInclude(failure.reason, { _tag: "TotalTimeout", limitMs: 70 })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("has no limit where it is 0 or not given", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const untimed = yield* patiently(failover.run({ chain: [opus], attempt: slow }))
      const zero = yield* patiently(failover.run({ chain: [opus], totalMs: 0, attempt: slow }))
      assert.deepStrictEqual([untimed.value, zero.value], [0, 0])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is up at once where the limit is below zero", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { tookMs } = yield* failing(failover.run({ chain: [opus], totalMs: -5, attempt: () => Effect.never }))
      assert.isAtMost(tookMs, 100)
    }).pipe(Effect.provide(layer()))
  )
})

describe("stream", () => {
  it.effect("keeps what was given out, and fails with the call's limit", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const given: Array<number> = []
      const obey = obedient(given)
      const { texts: seen, failure } = yield* patiently(
        received(
          failover.stream({
            chain: [opus, gpt],
            totalMs: 2_000,
            exposure: (part: Part) => part.gives,
            attempt: (told) => Stream.concat(texts(meta("head"), says("A"), says("B")), Stream.fromEffect(obey(told)))
          })
        )
      )
      assert.deepStrictEqual(given, [2_000])
      assert.deepStrictEqual(seen, ["head", "A", "B"])
      assert.strictEqual(failure?._tag, "ReplayUnsafe")
      assert.deepInclude(failure?.reason, { _tag: "TotalTimeout", limitMs: 2_000 })
      assert.deepStrictEqual(failure?.partial, [meta("head"), says("A"), says("B")])
    }).pipe(Effect.provide(layer()))
  )

  for (const where of ["before its first part", "between two parts"] as const) {
    it.effect(`interrupts and closes an attempt that does not end itself ${where}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover.Failover
        const log: Array<string> = []
        const hangs = Stream.fromEffect(
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => void log.push("interrupted")))
        )
        const attempt = () =>
          Stream.unwrap(
            Effect.as(
              Effect.acquireRelease(Effect.void, () => Effect.sync(() => void log.push("closed"))),
              where === "before its first part" ? hangs : Stream.concat(texts(says("A")), hangs)
            )
          )
        const fiber = yield* Effect.forkChild(
          received(
            failover.stream({ chain: [opus, gpt], totalMs: 1_000, exposure: (part: Part) => part.gives, attempt })
          )
        )
        yield* TestClock.adjust(999)
        assert.deepStrictEqual(log, [])
        yield* TestClock.adjust(200)
        const { texts: seen, failure } = yield* Fiber.join(fiber)
        assert.deepStrictEqual(log, ["interrupted", "closed"])
        assert.deepStrictEqual(seen, where === "before its first part" ? [] : ["A"])
        assert.deepInclude(failure?.reason, { _tag: "TotalTimeout", limitMs: 1_000 })
        assert.strictEqual(failure?.attempts.length, 1)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("gives what has come although its consumer asks after the time is up", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const stream = failover.stream({
        chain: [opus],
        totalMs: 1_000,
        exposure: (part: Part) => part.gives,
        attempt: () => texts(says("A"), says("B"))
      })
      const seen: Array<string> = []
      yield* patiently(
        Stream.runForEach(stream, ({ text }) =>
          Effect.delay(
            Effect.sync(() => void seen.push(text)),
            5_000
          )
        )
      )
      assert.deepStrictEqual(seen, ["A", "B"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("leaves no timer behind when it ends", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const stream = failover.stream({
        chain: [opus],
        totalMs: 1_000,
        exposure: (part: Part) => part.gives,
        attempt: () => Stream.fromEffect(Effect.as(Effect.yieldNow, says("A")))
      })
      const clock = yield* Clock.Clock
      const log: Array<string> = []
      const watched: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        sleep: (duration) =>
          Effect.onExit(
            Effect.suspend(() => {
              log.push("asleep")
              return clock.sleep(duration)
            }),
            () => Effect.sync(() => void log.push("gone"))
          )
      }
      yield* Effect.provideService(Stream.runDrain(stream), Clock.Clock, watched)
      assert.deepStrictEqual(log, ["asleep", "gone"])
    }).pipe(Effect.provide(layer()))
  )
})
