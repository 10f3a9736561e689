/** Failover.stream, pulled by hand: what is over stays over, however often it is asked for. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { fails, layer, says, streamScript } from "./failoverScript.ts"
import { gpt, opus, truncated } from "./fixtures.ts"

describe("a pull after the end", () => {
  it.effect("of a stream that failed after content fails again, and asks nobody", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const failover = yield* Failover
        const call = streamScript(
          { chunks: [[says("Hello")]], ends: fails(truncated) },
          { chunks: [[says("Hello again")]] }
        )
        const pull = yield* Stream.toPull(failover.stream({ chain: [opus, gpt], ...call }))
        yield* pull
        for (const _ of [1, 2, 3]) {
          const failure = yield* Effect.flip(pull)
          assert.isTrue(Failure.isReplayUnsafe(failure))
        }
        assert.deepStrictEqual(call.log, ["open 1", "close 1"])
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("of an attempt that was interrupted while it opened is interrupted too, and asks nobody", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const failover = yield* Failover
        let opened = 0
        const opening: Effect.Effect<Stream.Stream<string>> = Effect.andThen(
          Effect.sync(() => opened++),
          Effect.never
        )
        const pull = yield* Stream.toPull(
          failover.stream({ chain: [opus, gpt], attempt: () => Stream.unwrap(opening), exposure: () => "output" })
        )
        const first = yield* Effect.forkChild(Effect.timeoutOption(pull, "30 millis"))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(first)
        const second = yield* Effect.forkChild(pull)
        yield* TestClock.adjust("1 second")
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(second)))
        assert.strictEqual(opened, 1)
      })
    ).pipe(Effect.provide(layer()))
  )
})
