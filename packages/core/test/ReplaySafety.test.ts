import { assert, describe, it } from "@effect/vitest"
import type * as Failure from "@holdfast/core/Failure"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { overloaded, stale, truncated, unreachable, unsafe } from "./fixtures.ts"

/** An effect that fails with each cause in turn and then succeeds, and counts how often it ran. */
const failing = (...causes: ReadonlyArray<Cause.Cause<Failure.Failure>>) => {
  const ranAt: Array<number> = []
  const effect = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const cause = causes[ranAt.length]
    ranAt.push(now)
    return cause === undefined ? Effect.succeed("done") : Effect.failCause(cause)
  })
  return { effect, ranAt }
}

const failingWith = (...failures: ReadonlyArray<Failure.Failure>) =>
  failing(...failures.map((each) => Cause.fail(each)))

const together = (...causes: ReadonlyArray<Cause.Cause<Failure.Failure>>): Cause.Cause<Failure.Failure> =>
  Cause.fromReasons(causes.flatMap((cause) => cause.reasons))

const backup = (failure: Failure.ReplaySafe) => Effect.succeed(`backup after ${failure.reason._tag}`)

/** A safe failure that did not come alone. */
const mixed: ReadonlyArray<readonly [string, Cause.Cause<Failure.Failure>]> = [
  ["an unsafe one", together(Cause.fail(unreachable()), Cause.fail(unsafe()))],
  ["an unsafe one before it", together(Cause.fail(unsafe()), Cause.fail(unreachable()))],
  ["an ambiguous one", together(Cause.fail(unreachable()), Cause.fail(stale()))],
  ["a defect", together(Cause.fail(unreachable()), Cause.die("defect"))],
  ["a defect before it", together(Cause.die("defect"), Cause.fail(unreachable()))]
]

describe("retryWhenSafe", () => {
  it.effect("retries safe failures until the effect succeeds", () =>
    Effect.gen(function* () {
      const { effect, ranAt } = failingWith(unreachable(), overloaded(), unreachable())
      const answer = yield* ReplaySafety.retryWhenSafe(Schedule.recurs(5))(effect)
      assert.strictEqual(answer, "done")
      assert.strictEqual(ranAt.length, 4)
    })
  )

  it.effect("leaves the last failure when the schedule ends", () =>
    Effect.gen(function* () {
      const failures = [unreachable(), overloaded(), unreachable(), unreachable()]
      const { effect, ranAt } = failingWith(...failures)
      const left = yield* Effect.flip(ReplaySafety.retryWhenSafe(Schedule.recurs(2))(effect))
      assert.strictEqual(left, failures[2])
      assert.strictEqual(ranAt.length, 3)
    })
  )

  it.effect("waits between tries as long as the schedule says", () =>
    Effect.gen(function* () {
      const { effect, ranAt } = failingWith(unreachable(), unreachable(), unreachable())
      const fiber = yield* Effect.forkChild(ReplaySafety.retryWhenSafe(Schedule.exponential("1 second"))(effect))
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(ranAt, [0])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "done")
      assert.deepStrictEqual(ranAt, [0, 1000, 3000, 7000])
    })
  )

  it.effect("gives the schedule every failure it retries", () =>
    Effect.gen(function* () {
      const failures = [unreachable(), overloaded()]
      const seen: Array<Failure.ReplaySafe> = []
      const schedule = Schedule.recurs(5).pipe(
        Schedule.setInputType<Failure.ReplaySafe>(),
        Schedule.tap(({ input }) => Effect.sync(() => seen.push(input)))
      )
      yield* ReplaySafety.retryWhenSafe(schedule)(failingWith(...failures).effect)
      assert.deepStrictEqual(seen, failures)
    })
  )

  it.effect("starts its schedule anew each time the effect is run", () =>
    Effect.gen(function* () {
      const { effect, ranAt } = failingWith(unreachable(), unreachable(), unreachable())
      const retried = ReplaySafety.retryWhenSafe(Schedule.recurs(1))(effect)
      yield* Effect.flip(retried)
      assert.strictEqual(yield* retried, "done")
      assert.strictEqual(ranAt.length, 4)
    })
  )

  it.effect("stops at the first failure that is not safe, and leaves it", () =>
    Effect.gen(function* () {
      for (const stop of [stale(), truncated(), unsafe()]) {
        const { effect, ranAt } = failingWith(unreachable(), stop, unreachable())
        const left = yield* Effect.flip(ReplaySafety.retryWhenSafe(Schedule.recurs(5))(effect))
        assert.strictEqual(left, stop)
        assert.strictEqual(ranAt.length, 2)
      }
    })
  )

  it.effect.each(mixed)("does not retry a safe failure that came together with %s", ([, cause]) =>
    Effect.gen(function* () {
      const { effect, ranAt } = failing(cause)
      const exit = yield* Effect.exit(ReplaySafety.retryWhenSafe(Schedule.recurs(5))(effect))
      assert.deepStrictEqual(exit, Exit.failCause(cause))
      assert.strictEqual(ranAt.length, 1)
    })
  )

  it.effect("retries a safe failure whose siblings were interrupted because of it", () =>
    Effect.gen(function* () {
      const { effect, ranAt } = failingWith(unreachable())
      const both = Effect.all([effect, Effect.as(Effect.sleep("1 second"), "sibling")], { concurrency: "unbounded" })
      const fiber = yield* Effect.forkChild(ReplaySafety.retryWhenSafe(Schedule.recurs(1))(both))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["done", "sibling"])
      assert.strictEqual(ranAt.length, 2)
    })
  )

  it.effect("does not retry errors of other kinds", () =>
    Effect.gen(function* () {
      let runs = 0
      const effect = Effect.suspend(() => Effect.fail(`error ${++runs}`))
      assert.strictEqual(yield* Effect.flip(ReplaySafety.retryWhenSafe(Schedule.recurs(5))(effect)), "error 1")
    })
  )

  it.effect("lets an interruption from within pass", () =>
    Effect.gen(function* () {
      const { effect, ranAt } = failing(Cause.interrupt(7))
      const exit = yield* Effect.exit(ReplaySafety.retryWhenSafe(Schedule.recurs(5))(effect))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      assert.strictEqual(ranAt.length, 1)
    })
  )

  it.effect("is interrupted while it waits, and tries no more", () =>
    Effect.gen(function* () {
      const { effect, ranAt } = failingWith(unreachable(), unreachable())
      const fiber = yield* Effect.forkChild(ReplaySafety.retryWhenSafe(Schedule.spaced("1 second"))(effect))
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(ranAt, [0])
    })
  )
})

describe("orElseWhenSafe", () => {
  it.effect("falls back when the effect fails safely, and hands over the failure", () =>
    Effect.gen(function* () {
      const { effect } = failingWith(overloaded())
      assert.strictEqual(yield* ReplaySafety.orElseWhenSafe(backup)(effect), "backup after Overloaded")
    })
  )

  it.effect("leaves a success alone", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ReplaySafety.orElseWhenSafe(backup)(Effect.succeed("done")), "done")
    })
  )

  it.effect("leaves every failure that is not safe", () =>
    Effect.gen(function* () {
      for (const failure of [stale(), truncated(), unsafe()]) {
        const exit = yield* Effect.exit(ReplaySafety.orElseWhenSafe(backup)(Effect.fail(failure)))
        assert.strictEqual(Exit.isFailure(exit) && Cause.squash(exit.cause), failure)
      }
    })
  )

  it.effect.each(mixed)("does not fall back from a safe failure that came together with %s", ([, cause]) =>
    Effect.gen(function* () {
      let fellBack = false
      const exit = yield* Effect.failCause(cause).pipe(
        ReplaySafety.orElseWhenSafe(() => Effect.sync(() => (fellBack = true))),
        Effect.exit
      )
      assert.isFalse(fellBack)
      const others = cause.reasons.filter(
        (reason) => !(Cause.isFailReason(reason) && reason.error._tag === "ReplaySafe")
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual<unknown>(
        Exit.isFailure(exit) && exit.cause.reasons,
        others,
        "all but the safe failure stay"
      )
    })
  )

  it.effect("does not fall back from an interruption", () =>
    Effect.gen(function* () {
      const { effect } = failing(Cause.interrupt(7))
      const exit = yield* Effect.exit(ReplaySafety.orElseWhenSafe(backup)(effect))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
    })
  )

  it.effect("fails with what the fallback fails with", () =>
    Effect.gen(function* () {
      const { effect } = failingWith(unreachable())
      const left = yield* Effect.flip(ReplaySafety.orElseWhenSafe(() => Effect.fail("no backup"))(effect))
      assert.strictEqual(left, "no backup")
    })
  )
})
