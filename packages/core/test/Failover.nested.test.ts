/** Failover over attempts that are programs of their own: they assume, or are whole calls themselves. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  answers,
  eventsFromHere,
  fails,
  layer,
  received,
  says,
  script,
  streamScript,
  givenUp
} from "./failoverScript.ts"
import { gpt, opus, stale, truncated, unreachable, unsafe } from "./fixtures.ts"

describe("an attempt of which the app assumes that it is repeatable", () => {
  it.effect("is replayed after an ambiguous failure, and its replay counts as assumed, not as proven", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const { attempt, made } = script(fails(stale, { declaration: "unknown" }), answers("hello"))
      yield* failover.run({ chain: [opus], attempt: (each) => ReplaySafety.assumeRepeatable(attempt(each)) })
      assert.strictEqual(made.length, 2)
      const grounds = events.flatMap((event) =>
        event._tag === "Decided" && event.decision._tag === "RetryHere" ? [event.decision.ground] : []
      )
      assert.deepStrictEqual(grounds, ["assumed"])
      assert.deepStrictEqual(
        events.flatMap((event) => (event._tag === "ReplayAssumed" ? [event.by] : [])),
        ["app"],
        "once, and on the app's word"
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not replayed after content, whatever the app assumes", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const assumed = Failure.assumeSafe(Failure.amend(stale(), {}) as Failure.ReplayAmbiguous)
      const call = streamScript(
        { chunks: [[says("Hel")]], ends: () => Effect.fail(assumed) },
        { chunks: [[says("never")]] }
      )
      const { failure } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.isTrue(Failure.isReplayUnsafe(failure))
      assert.isFalse(failure?.assumed)
      assert.strictEqual(call.made.length, 1)
    }).pipe(Effect.provide(layer()))
  )
})

describe("an attempt that is a whole call", () => {
  const earlierUnsafe = Failure.ofCall(unsafe().attempts, unreachable())

  it.effect("that held an unsafe attempt surfaces, though its last one was safe", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(() => Effect.fail(earlierUnsafe), answers("never"))
      const failure = yield* givenUp(failover.run({ chain: [opus, gpt], attempt }))
      assert.isTrue(Failure.isReplayUnsafe(failure))
      assert.strictEqual(made.length, 1)
      const streamed = yield* received(
        failover.stream({ chain: [opus, gpt], attempt: () => Stream.fail(earlierUnsafe), exposure: () => "output" })
      )
      assert.isTrue(Failure.isReplayUnsafe(streamed.failure))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps all its attempts in the failure of the call above", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const inner = script(...Array.from({ length: 4 }, () => fails(truncated)))
      const failure = yield* givenUp(
        failover.run({
          chain: [opus, gpt],
          attempt: ({ attempt }) =>
            attempt === 1 ? Effect.fail(unreachable()) : failover.run({ chain: [gpt], attempt: inner.attempt })
        })
      )
      assert.deepStrictEqual(
        failure.attempts.map(({ reason }) => reason._tag),
        ["ConnectFailure", "StreamTruncated", "StreamTruncated", "StreamTruncated", "StreamTruncated"],
        "the repair of the call above repeats the call below, its own repair included"
      )
      assert.strictEqual(inner.made.length, 4)
    }).pipe(Effect.provide(layer()))
  )
})
