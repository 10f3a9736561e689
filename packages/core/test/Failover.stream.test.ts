/** Failover.stream: what reaches the app of the attempts that failed and of the one that answered. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import type { Part } from "./failoverScript.ts"
import { callsTool, fails, layer, meta, providerRuns, received, says, streamScript } from "./failoverScript.ts"
import { gpt, opus, overloaded, stale, truncated } from "./fixtures.ts"

describe("before the first content", () => {
  it.effect("a failed attempt leaves no trace: the parts held back are those of the attempt that answers", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")], [meta("ping 1")]], ends: fails(truncated) },
        { chunks: [[meta("head 2")], [meta("ping 2")]], ends: fails(truncated) },
        { chunks: [[meta("head 3")], [meta("ping 3")], [says("Hello")], [meta("finish 3")]] }
      )
      const { texts, exit } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.deepStrictEqual(texts, ["head 3", "ping 3", "Hello", "finish 3"])
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(call.made, [
        "1 anthropic/claude-opus-4-7 any",
        "2 anthropic/claude-opus-4-7 any",
        "3 openai/gpt-5.5 any"
      ])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("an attempt that fails at once, with no part at all, is replaced too", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [], ends: fails(stale) }, { chunks: [[says("Hello")]] })
      const { texts } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.deepStrictEqual(texts, ["Hello"])
      assert.deepStrictEqual(call.made, ["1 anthropic/claude-opus-4-7 any", "2 anthropic/claude-opus-4-7 fresh"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("nothing is given while parts are held back, and all of them come with the first content, in order", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [[meta("head")], [meta("ping")], [meta("start"), says("Hel"), meta("x")]] })
      const chunks = yield* failover.stream({ chain: [opus], ...call }).pipe(Stream.chunks, Stream.runCollect)
      assert.deepStrictEqual(
        chunks.map((chunk) => chunk.map(({ text }) => text)),
        [["head", "ping", "start", "Hel", "x"]]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a call that is given up gives no part, and fails with all attempts and no partial output", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(truncated) },
        { chunks: [[meta("head 2")]], ends: fails(truncated) }
      )
      const { texts, failure } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.deepStrictEqual(texts, [])
      assert.strictEqual(failure?._tag, "ReplayAmbiguous")
      assert.deepStrictEqual(
        failure?.attempts.map(({ attempt }) => attempt),
        [1, 2]
      )
      assert.isUndefined(failure?.partial)
      assert.strictEqual(failure?.exposure, "nothing")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a failure that may not be replayed surfaces, though nothing was given", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [[meta("head")]], ends: fails(truncated, { declaration: "unknown" }) })
      const { texts, failure } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.deepStrictEqual(texts, [])
      assert.strictEqual(failure?._tag, "ReplayAmbiguous")
      assert.strictEqual(call.made.length, 1)
    }).pipe(Effect.provide(layer()))
  )
})

describe("after content", () => {
  for (const [gives, part] of [
    ["output", says("Hel")],
    ["tool-call", callsTool("look")],
    ["provider-tool", providerRuns("search")]
  ] as const) {
    it.effect(`of ${gives} the failure is the stream's: Unsafe, with what was given, and nothing is replayed`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const call = streamScript({ chunks: [[meta("head")], [part], [meta("ping")]], ends: fails(truncated) })
        const { texts, failure } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
        assert.deepStrictEqual(texts, ["head", part.text, "ping"])
        assert.isTrue(Failure.isReplayUnsafe(failure))
        assert.strictEqual(failure?.rule, "exposed")
        assert.strictEqual(failure?.exposure, gives)
        assert.deepStrictEqual(failure?.partial, [meta("head"), part, meta("ping")])
        assert.strictEqual(call.made.length, 1)
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("even a failure that proves nothing ran is Unsafe", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [[says("Hel")]], ends: fails(overloaded) })
      const { failure } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.isTrue(Failure.isReplayUnsafe(failure))
      assert.strictEqual(call.made.length, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("the exposure is the gravest that any part gave", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({
        chunks: [[says("Let me look")], [callsTool("look")], [says("or not")], [meta("ping")]],
        ends: fails(truncated)
      })
      const { failure } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.strictEqual(failure?.exposure, "tool-call")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("nothing of an attempt that failed before is mixed in, neither into the parts nor into the partial", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(stale) },
        { chunks: [[meta("head 2")], [says("Hel")], [says("lo")]], ends: fails(truncated) }
      )
      const { texts, failure } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.deepStrictEqual(texts, ["head 2", "Hel", "lo"])
      assert.deepStrictEqual(failure?.partial, [meta("head 2"), says("Hel"), says("lo")])
      assert.deepStrictEqual(
        failure?.attempts.map(({ attempt, reason, verdict }) => `${attempt} ${reason._tag} ${verdict}`),
        ["1 StaleConnection Ambiguous", "2 StreamTruncated Unsafe"]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a failure in the pull of the first content's own chunk comes after the whole chunk", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [[says("Hel"), says("lo")]], ends: fails(stale) })
      const { texts, failure } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.deepStrictEqual(texts, ["Hel", "lo"])
      assert.isTrue(Failure.isReplayUnsafe(failure))
    }).pipe(Effect.provide(layer()))
  )
})

describe("an answer without content", () => {
  it.effect("is an answer all the same: its parts come when it has ended", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(stale) },
        { chunks: [[meta("head 2")], [meta("finish 2")]] }
      )
      const { texts, exit } = yield* received(failover.stream({ chain: [opus], ...call }))
      assert.deepStrictEqual(texts, ["head 2", "finish 2"])
      assert.isTrue(Exit.isSuccess(exit))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("may have no parts at all", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript({ chunks: [] })
      const { texts, exit } = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.deepStrictEqual(texts, [])
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(call.made.length, 1)
    }).pipe(Effect.provide(layer()))
  )
})

describe("a stream that is run twice", () => {
  it.effect("is two calls, and the second knows nothing of the first", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const calls: Array<string> = []
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(stale) },
        { chunks: [[says("one")]] },
        { chunks: [[meta("head 2")]], ends: fails(stale) },
        { chunks: [[says("two")]] }
      )
      const stream = failover.stream<Part, Failure.Failure, never>({
        chain: [opus],
        ...call,
        attempt: (attempt) => {
          calls.push(attempt.call)
          return call.attempt(attempt)
        }
      })
      assert.deepStrictEqual((yield* received(stream)).texts, ["one"])
      assert.deepStrictEqual((yield* received(stream)).texts, ["two"])
      assert.deepStrictEqual(
        call.made.map((each) => each.slice(0, 1)),
        ["1", "2", "1", "2"]
      )
      assert.strictEqual(new Set(calls).size, 2)
    }).pipe(Effect.provide(layer()))
  )
})

describe("backoff", () => {
  it.effect("waits between the attempts of a stream, and gives nothing until then", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const call = streamScript(
        { chunks: [[meta("head 1")]], ends: fails(overloaded, { retryAfterMs: 7_000 }) },
        { chunks: [[says("Hello")]] }
      )
      const fiber = yield* Effect.forkChild(received(failover.stream({ chain: [opus, gpt], ...call })))
      yield* TestClock.adjust("6999 millis")
      assert.deepStrictEqual(call.log, ["open 1", "close 1"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual((yield* Fiber.join(fiber)).texts, ["Hello"])
      assert.deepStrictEqual(call.made, ["1 anthropic/claude-opus-4-7 any", "2 anthropic/claude-opus-4-7 any"])
    }).pipe(Effect.provide(layer()))
  )
})
