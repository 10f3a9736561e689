/** Failover.stream: what an attempt holds is let go of in time, and nothing is asked for before it is wanted. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type * as Failure from "@holdfast/core/Failure"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { Part } from "./failoverScript.ts"
import { fails, layer, meta, received, says, streamScript } from "./failoverScript.ts"
import { gpt, opus, overloaded, stale, truncated, unreachable } from "./fixtures.ts"

const exposure = (part: Part) => part.gives

describe("the scope of an attempt", () => {
  it.effect("is closed before the next attempt opens", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(stale) },
        { chunks: [], ends: fails(unreachable) },
        { chunks: [[says("Hello")]] }
      )
      yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.deepStrictEqual(call.log, ["open 1", "close 1", "open 2", "close 2", "open 3", "close 3"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is closed when its answer has ended, before whatever the app streams next", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const chunks of [[[says("Hello")]], [[meta("head")]], []]) {
        const call = streamScript({ chunks })
        yield* failover
          .stream({ chain: [opus], ...call })
          .pipe(
            Stream.concat(Stream.fromEffectDrain(Effect.sync(() => call.log.push("what comes next")))),
            Stream.runDrain
          )
        assert.deepStrictEqual(call.log, ["open 1", "close 1", "what comes next"])
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is closed when its answer has ended, though the app goes on with what it streams in", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const failover = yield* Failover
        for (const chunks of [[[says("Hello")]], [[meta("finish")]], []]) {
          const call = streamScript({ chunks })
          const pull = yield* Stream.toPull(failover.stream({ chain: [opus], ...call }))
          for (const _ of chunks) yield* pull
          assert.isTrue(Cause.isDone(yield* Effect.flip(pull)))
          assert.deepStrictEqual(call.log, ["open 1", "close 1"])
        }
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("is closed when its failure is the stream's, before the app handles it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const chunks of [[[says("Hel")]], [[meta("head")]]]) {
        const call = streamScript({ chunks, ends: fails(truncated, { declaration: "unknown" }) })
        yield* failover.stream({ chain: [opus, gpt], ...call }).pipe(
          Stream.catch(() => Stream.fromEffectDrain(Effect.sync(() => call.log.push("handled")))),
          Stream.runDrain
        )
        assert.deepStrictEqual(call.log, ["open 1", "close 1", "handled"])
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is closed when the app takes no more than it wants", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(stale) },
        { chunks: [[says("Hel")], [says("lo")], [says("!")]] }
      )
      const { texts } = yield* received(failover.stream({ chain: [opus], ...call }).pipe(Stream.take(2)))
      assert.deepStrictEqual(texts, ["Hel", "lo"])
      assert.deepStrictEqual(call.log, ["open 1", "close 1", "open 2", "close 2"])
    }).pipe(Effect.provide(layer()))
  )

  for (const [when, chunks] of [
    ["before the first content", [[meta("head")]]],
    ["in the middle of the answer", [[says("Hel")]]]
  ] as const) {
    it.effect(`is closed when the app is interrupted ${when}, and no attempt follows`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const call = streamScript({ chunks, ends: () => Effect.never }, { chunks: [[says("never")]] })
        const fiber = yield* Effect.forkChild(received(failover.stream({ chain: [opus, gpt], ...call })))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(call.log, ["open 1"])
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(call.log, ["open 1", "close 1"])
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("is closed before a backoff, and no attempt follows one that is interrupted", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [], ends: fails(overloaded) }, { chunks: [[says("never")]] })
      const fiber = yield* Effect.forkChild(received(failover.stream({ chain: [opus, gpt], ...call })))
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(call.log, ["open 1", "close 1"])
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(call.made.length, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("tells its finalizers how the attempt ended", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const ended: Array<string> = []
      const call = streamScript({ chunks: [], ends: fails(unreachable) }, { chunks: [[says("Hello")]] })
      yield* received(
        failover.stream({
          chain: [opus, gpt],
          exposure,
          attempt: (attempt) =>
            Stream.unwrap(
              Effect.acquireRelease(Effect.succeed(call.attempt(attempt)), (_, exit) =>
                Effect.sync(() => ended.push(`${attempt.attempt} ${exit._tag}`))
              )
            )
        })
      )
      assert.deepStrictEqual(ended, ["1 Failure", "2 Success"])
    }).pipe(Effect.provide(layer()))
  )
})

/** An attempt of `count` chunks of one part each, and how often it was pulled. */
const counted = (
  count: number,
  part: (i: number) => Part,
  ends: Effect.Effect<never, Failure.Failure | Cause.Done> = Cause.done()
) => {
  const seen = { pulls: 0, exposures: 0 }
  const attempt = () =>
    Stream.fromPull(
      Effect.succeed(
        Effect.suspend(() => {
          const i = seen.pulls++
          return i < count ? Effect.succeed([part(i)] as const) : ends
        })
      )
    )
  return { seen, attempt, exposure: (each: Part) => (seen.exposures++, each.gives) }
}

describe("an attempt's stream", () => {
  it.effect("is not opened before the app pulls, nor pulled ahead of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const failover = yield* Failover
        const { seen, ...call } = counted(100, (i) => says(`${i}`))
        const pull = yield* Stream.toPull(failover.stream({ chain: [opus], ...call }))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(seen.pulls, 0)
        for (const expected of [1, 2, 3]) {
          assert.strictEqual((yield* pull).length, 1)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(seen.pulls, expected)
        }
      })
    ).pipe(Effect.provide(layer()))
  )

  it.effect("is pulled as far as the first content for the first part, and no further", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const failover = yield* Failover
        const { seen, ...call } = counted(100, (i) => (i < 9 ? meta(`${i}`) : says(`${i}`)))
        const pull = yield* Stream.toPull(failover.stream({ chain: [opus], ...call }))
        assert.strictEqual((yield* pull).length, 10)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(seen.pulls, 10)
      })
    ).pipe(Effect.provide(layer()))
  )

  const many = 20_000

  for (const [name, part, judged] of [
    ["all of them content", says, 1],
    ["none of them content", meta, many],
    ["the last alone content", (text: string) => (text === `${many - 1}` ? says(text) : meta(text)), many]
  ] as const) {
    it.effect(`may have ${many} parts, ${name}: each is pulled and given once, in order, and ${judged} judged`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const { seen, ...call } = counted(many, (i) => part(`${i}`))
        const { texts, exit } = yield* received(failover.stream({ chain: [opus], ...call }))
        assert.isTrue(Exit.isSuccess(exit))
        assert.strictEqual(texts.length, many)
        assert.isTrue(texts.every((text, i) => text === `${i}`))
        assert.deepStrictEqual(seen, { pulls: many + 1, exposures: judged })
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect(`may have ${many} parts and fail: the partial output is all of them`, () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { seen, ...call } = counted(many, (i) => says(`${i}`), Effect.fail(truncated()))
      const { failure } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.strictEqual(failure?.partial?.length, many)
      // Until the first content, and all of them when it is to be known what was given out.
      assert.deepStrictEqual(seen, { pulls: many + 1, exposures: 1 + many })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("may hold back a chunk of any size", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const size = 300_000
      const pings = Array.from({ length: size }, () => meta("ping"))
      const call = streamScript({ chunks: [[...pings, says("Hello")]] })
      const { texts, exit } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(texts.length, size + 1)
    }).pipe(Effect.provide(layer()))
  )
})

describe("a call of very many attempts", () => {
  it.effect("does not overflow the stack, and ends", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      let made = 0
      const stream = failover.stream<Part, Failure.Failure, never>({
        chain: [opus],
        exposure,
        attempt: () => (made++, Stream.fail(overloaded()))
      })
      const { failure } = yield* received(stream)
      assert.strictEqual(made, 5_000)
      assert.strictEqual(failure?.attempts.length, 5_000)
    }).pipe(Effect.provide(layer({ maxAttempts: 5_000, retry: { capacity: Schedule.forever } })))
  )
})
