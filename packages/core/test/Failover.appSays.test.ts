/** What an app says in the middle of a call, however it fails to: the call goes on, and keeps to its time. */
import { assert, describe, it } from "@effect/vitest"
import { Failover, failureOf } from "@holdfast/core/Failover"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { appSays } from "../src/internal/appSays.ts"
import { answers, fails, layer, script } from "./failoverScript.ts"
import { gpt, opus, opusAtHome, unauthorized, unreachable } from "./fixtures.ts"

const question = { of: "whether it is wanted", limitMs: 1_000 }

/** What is logged meanwhile: level and text. */
const logged = <A, E, R>(body: (said: ReadonlyArray<string>) => Effect.Effect<A, E, R>) => {
  const said: Array<string> = []
  const keep = Logger.make<unknown, void>(({ logLevel, message }) => {
    said.push(`${logLevel} ${String(Array.isArray(message) ? message[0] : message)}`)
  })
  return Effect.provide(body(said), Logger.layer([keep]))
}

/** An effect that waits for what somebody else has interrupted. */
const onInterrupted = Effect.gen(function* () {
  const shared = yield* Effect.forkDetach(Effect.never)
  yield* Fiber.interrupt(shared)
  return yield* Fiber.join(shared)
})

describe("an app that is asked", () => {
  it.effect("says no by interrupting itself, or by waiting for what was interrupted, and the log tells", () =>
    logged((said) =>
      Effect.gen(function* () {
        for (const answer of [Effect.interrupt, onInterrupted, Effect.andThen(Effect.yieldNow, Effect.interrupt)]) {
          assert.isFalse(yield* appSays(() => answer, question))
        }
        assert.deepStrictEqual(
          said,
          Array.from({ length: 3 }, () => "Error The app could not say whether it is wanted")
        )
      })
    )
  )

  it.effect("says no where it does not end in time, though it cannot be interrupted", () =>
    logged((said) =>
      Effect.gen(function* () {
        const asked = yield* Effect.forkChild(appSays(() => Effect.uninterruptible(Effect.never), question))
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(asked.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(asked.pollUnsafe(), Exit.succeed(false))
        assert.deepStrictEqual(said, ["Warn Nobody said within 1000 ms whether it is wanted"])
      })
    )
  )

  it.effect("is interrupted where it is late", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const slow = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const asked = yield* Effect.forkChild(appSays(() => slow, question))
      yield* TestClock.adjust("1 seconds")
      assert.isFalse(yield* Fiber.join(asked))
      assert.strictEqual(interrupted, 1)
    })
  )

  it.effect("is interrupted with the call, which does not wait for it", () =>
    Effect.gen(function* () {
      let interrupted = 0
      const stuck = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(
          Effect.sync(() => interrupted++),
          Effect.never
        )
      )
      const asked = yield* Effect.forkChild(appSays(() => stuck, question))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(asked)
      assert.strictEqual(interrupted, 1)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(asked)))
    })
  )

  it.effect("knows what the call knows", () =>
    Effect.gen(function* () {
      const Name = Context.Reference<string>("test/Name", { defaultValue: () => "nobody" })
      const says = appSays(
        () => Effect.all([Name, Effect.map(References.CurrentLogAnnotations, (all) => all["run"])]),
        question
      )
      const said = says.pipe(Effect.provideService(Name, "somebody"), Effect.annotateLogs("run", "7"))
      assert.deepStrictEqual(yield* said, ["somebody", "7"])
    })
  )
})

describe("a call", () => {
  it.effect("goes on where the app interrupts itself when it is asked for a swap", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unreachable))
      const error = yield* Effect.flip(failover.run({ chain: [opus, gpt], attempt }))
      assert.isTrue(isSwapDenied(error))
    }).pipe(Effect.provide(layer({ swap: { start: { ask: () => Effect.interrupt } } })))
  )

  it.effect("goes on where the renewal of a credential waits for what was interrupted", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unauthorized), answers("hello"))
      const call = { chain: [opus, opusAtHome], refresh: () => onInterrupted } as const
      assert.strictEqual((yield* failover.run({ ...call, attempt })).answered, opusAtHome)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("ends in its time, though the app can neither answer nor be interrupted", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt } = script(fails(unreachable))
      const call = yield* Effect.forkChild(Effect.flip(failover.run({ chain: [opus, gpt], totalMs: 5_000, attempt })))
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(call.pollUnsafe())
      assert.strictEqual(failureOf(yield* Fiber.join(call)).reason._tag, "ConnectFailure")
    }).pipe(Effect.provide(layer({ swap: { start: { ask: () => Effect.uninterruptible(Effect.never) } } })))
  )
})

describe("a retry schedule", () => {
  const stuck = Schedule.modifyDelay(Schedule.forever, () => Effect.never)
  const deaf = Schedule.modifyDelay(Schedule.forever, () => Effect.uninterruptible(Effect.never))

  const atEnd = (reach: typeof stuck, totalMs: number) =>
    logged((said) =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const { attempt, made } = script(fails(unreachable), answers("hello"))
        const call = yield* Effect.forkChild(
          Effect.result(failover.run({ chain: [opus, gpt], ...(totalMs === 0 ? undefined : { totalMs }), attempt }))
        )
        yield* TestClock.adjust("1 hour")
        const result = yield* Fiber.join(call)
        return { tag: result._tag, made: made.length, said }
      }).pipe(Effect.provide(layer({ retry: { reach } })))
    )

  it.effect("that does not say when to retry costs the call no more than its time", () =>
    Effect.gen(function* () {
      for (const schedule of [stuck, deaf]) {
        const { made, said, tag } = yield* atEnd(schedule, 5_000)
        assert.deepStrictEqual([tag, made], ["Failure", 1])
        assert.deepStrictEqual(said, [
          "Warn The schedule of policy.retry.reach did not say within 5000 ms when to retry"
        ])
      }
    })
  )

  it.effect("that does not say when to retry is waited for a minute, and the next candidate is asked", () =>
    Effect.gen(function* () {
      const { made, said, tag } = yield* atEnd(stuck, 0)
      assert.deepStrictEqual([tag, made], ["Success", 2])
      assert.deepStrictEqual(said, [
        "Warn The schedule of policy.retry.reach did not say within 60000 ms when to retry"
      ])
    })
  )

  it.effect("that fails or interrupts itself allows no retry", () =>
    Effect.gen(function* () {
      for (const broken of [Effect.interrupt, Effect.die(new Error("a defect"))]) {
        const { made, said, tag } = yield* atEnd(
          Schedule.modifyDelay(Schedule.forever, () => broken),
          0
        )
        assert.deepStrictEqual([tag, made, said], ["Success", 2, []])
      }
    })
  )

  it.effect("that says at once is not waited for", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(unreachable), answers("hello"))
      const before = yield* Clock.currentTimeMillis
      yield* failover.run({ chain: [opus], attempt })
      assert.deepStrictEqual([made.length, (yield* Clock.currentTimeMillis) - before], [2, 0])
    }).pipe(Effect.provide(layer({ retry: { reach: Schedule.recurs(1) } })))
  )
})
