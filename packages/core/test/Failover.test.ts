/** Failover.run: which attempts are made, where, when and on what connection. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as InvalidInput from "@holdfast/core/InvalidInput"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { answers, fails, layer, patiently, script, givenUp } from "./failoverScript.ts"
import {
  gemini,
  gpt,
  opus,
  opusOlder,
  overloaded,
  stale,
  truncated,
  unauthorized,
  unreachable,
  unsafe
} from "./fixtures.ts"

describe("a call that succeeds at once", () => {
  it.effect("makes one attempt at the first candidate and says that it answered", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(answers("hello"))
      const answer = yield* failover.run({ chain: [opus, gpt], attempt })
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any"])
      assert.deepStrictEqual(answer, { value: "hello", requested: opus, answered: opus, swap: undefined, failed: [] })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("has a name of its own, the same in all its attempts", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const calls: Array<string> = []
      for (const failures of [1, 0]) {
        const { attempt } = script(...Array.from({ length: failures }, () => fails(stale)), answers("hello"))
        yield* failover.run({
          chain: [opus],
          attempt: (a) =>
            Effect.andThen(
              Effect.sync(() => calls.push(a.call)),
              attempt(a)
            )
        })
      }
      assert.strictEqual(calls.length, 3)
      assert.strictEqual(calls[0], calls[1])
      assert.notStrictEqual(calls[1], calls[2])
    }).pipe(Effect.provide(layer()))
  )
})

describe("a stale connection of a repeatable call", () => {
  it.effect("is repaired once, at once, on a fresh connection of the same candidate", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made, at } = script(fails(stale), answers("hello"))
      const answer = yield* failover.run({ chain: [opus, gpt], attempt })
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any", "2 anthropic/claude-opus-4-7 fresh"])
      assert.deepStrictEqual(at, [0, 0])
      assert.isUndefined(answer.swap)
      assert.deepStrictEqual(
        answer.failed.map(({ attempt: n, reason }) => `${n} ${reason._tag}`),
        ["1 StaleConnection"]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("goes on to the next candidate, at once, when the repair meets another", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made, at } = script(fails(stale), fails(stale), answers("hello"))
      yield* failover.run({ chain: [opus, gpt], attempt })
      assert.deepStrictEqual(made, [
        "1 anthropic/claude-opus-4-7 any",
        "2 anthropic/claude-opus-4-7 fresh",
        "3 openai/gpt-5.5 any"
      ])
      assert.deepStrictEqual(at, [0, 0, 0])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("tries candidates at the same endpoint last", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(...Array.from({ length: 6 }, () => fails(stale)))
      yield* givenUp(failover.run({ chain: [opus, opusOlder, gpt], attempt }))
      assert.deepStrictEqual(made, [
        "1 anthropic/claude-opus-4-7 any",
        "2 anthropic/claude-opus-4-7 fresh",
        "3 openai/gpt-5.5 any",
        "4 openai/gpt-5.5 fresh",
        "5 anthropic/claude-opus-4-6 any",
        "6 anthropic/claude-opus-4-6 fresh"
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not repaired a second time where the repair itself failed otherwise", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(stale), fails(truncated), answers("hello"))
      yield* failover.run({ chain: [opus, gpt], attempt })
      assert.strictEqual(made[2], "3 openai/gpt-5.5 any", "an automatic retry that fails is not automatically retried")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not keep the next candidate from a repair of its own", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(stale), fails(stale), fails(truncated), answers("hello"))
      yield* failover.run({ chain: [opus, gpt], attempt })
      assert.deepStrictEqual(made.slice(2), ["3 openai/gpt-5.5 any", "4 openai/gpt-5.5 any"])
    }).pipe(Effect.provide(layer()))
  )
})

describe("a failure that may not be replayed", () => {
  it.effect("surfaces at once when it is ambiguous and the call is not repeatable", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const declaration of ["unknown", "changes-state", "provider-tools"] as const) {
        const { attempt, made } = script(fails(stale, { declaration }), answers("never"))
        const failure = yield* givenUp(failover.run({ chain: [opus, gpt], attempt }))
        assert.strictEqual(failure._tag, declaration === "unknown" ? "ReplayAmbiguous" : "ReplayUnsafe")
        assert.strictEqual(made.length, 1)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("surfaces at once when it is unsafe, with the partial output", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const exposed = Failure.make({ ...truncated(), exposure: "output", partial: ["Hel"] })
      const { attempt, made } = script(() => Effect.fail(exposed), answers("never"))
      const failure = yield* givenUp(failover.run({ chain: [opus, gpt], attempt }))
      assert.isTrue(Failure.isReplayUnsafe(failure))
      assert.deepStrictEqual(failure.partial, ["Hel"])
      assert.strictEqual(made.length, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("surfaces where a safe one went before it, and makes the whole call unsafe", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(overloaded), fails(unsafe), answers("never"))
      const failure = yield* givenUp(patiently(failover.run({ chain: [opus, gpt], attempt })))
      assert.isTrue(Failure.isReplayUnsafe(failure))
      assert.strictEqual(made.length, 2)
    }).pipe(Effect.provide(layer()))
  )
})

describe("a call that is given up", () => {
  it.effect("fails with the last reason, all attempts in order and the worst of their verdicts", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(stale), fails(stale), fails(unauthorized), fails(unreachable))
      const failure = yield* givenUp(failover.run({ chain: [opus, gpt, gemini], attempt }))
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.strictEqual(failure.reason._tag, "ConnectFailure")
      assert.deepStrictEqual(
        failure.attempts.map(({ attempt: n, candidate, reason, verdict }) => [
          n,
          candidate.provider,
          reason._tag,
          verdict
        ]),
        [
          [1, "anthropic", "StaleConnection", "Ambiguous"],
          [2, "anthropic", "StaleConnection", "Ambiguous"],
          [3, "openai", "AuthenticationFailed", "Safe"],
          [4, "google", "ConnectFailure", "Safe"]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is safe to replay as a whole when every attempt was", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unauthorized), fails(unreachable))
      const failure = yield* givenUp(failover.run({ chain: [opus, gpt], attempt }))
      assert.isTrue(Failure.isReplaySafe(failure))
      assert.strictEqual(failure.attempts.length, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("says how long each attempt took", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(
        (candidate) => Effect.delay(fails(unauthorized)(candidate), 250),
        (candidate) => Effect.delay(fails(unreachable)(candidate), 40)
      )
      const failure = yield* givenUp(patiently(failover.run({ chain: [opus, gpt], attempt })))
      assert.deepStrictEqual(
        failure.attempts.map(({ elapsedMs }) => elapsedMs),
        [250, 40]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("never makes more attempts than the policy's most", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(...Array.from({ length: 9 }, () => fails(overloaded)))
      const failure = yield* givenUp(patiently(failover.run({ chain: [opus, gpt], attempt })))
      assert.strictEqual(made.length, 5)
      assert.strictEqual(failure.attempts.length, 5)
    }).pipe(Effect.provide(layer({ maxAttempts: 5, retry: { capacity: Schedule.forever } })))
  )
})

describe("what is no failed attempt", () => {
  it.effect("passes at once as it is: input that cannot be used", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const invalid = InvalidInput.InvalidInput.of({
        kind: "InvalidBody",
        place: "body",
        expected: "an object",
        found: "7"
      })
      const { attempt, made } = script(() => Effect.fail(invalid), answers("never"))
      assert.strictEqual(yield* givenUp(failover.run({ chain: [opus, gpt], attempt })), invalid)
      assert.strictEqual(made.length, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("passes at once as it is: a defect, thrown or not", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const broken of [() => assert.fail("a defect"), () => Effect.die("a defect")]) {
        let made = 0
        const attempt = () => (made++, broken())
        const exit = yield* Effect.exit(failover.run({ chain: [opus, gpt], attempt }))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.strictEqual(made, 1)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is an interruption: the attempt under way is interrupted and none follows", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      let interrupted = 0
      const hanging = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const { attempt, made } = script(fails(stale), hanging, answers("never"))
      const fiber = yield* Effect.forkChild(failover.run({ chain: [opus, gpt], attempt }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(interrupted, 1)
      assert.strictEqual(made.length, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is an interruption during a backoff: no further attempt is made", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(overloaded), answers("never"))
      const fiber = yield* Effect.forkChild(failover.run({ chain: [opus, gpt], attempt }))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(made.length, 1)
    }).pipe(Effect.provide(layer()))
  )
})
