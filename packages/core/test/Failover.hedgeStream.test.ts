/** Hedged streams of which more is held back than their first content, and the paces that hedges go by. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import type * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { meta, patiently, providerRuns, received, says } from "./failoverScript.ts"
import { overloaded, unsafe } from "./fixtures.ts"
import { attempts, layer, repeatable, streaming } from "./hedgeScript.ts"
import type { Step, StreamedStep } from "./hedgeScript.ts"

describe("a stream that is held back", () => {
  it.effect("is hedged until its first content, whatever is held back after it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      for (const hold of ["whole", "tool-call", { parts: 2 }, { bytes: 1000 }] as const) {
        const { call, made } = streaming(
          {
            parts: [
              [0, says("a")],
              [10_000, says("b")]
            ]
          },
          { parts: [[0, says("second")]] }
        )
        const { texts } = yield* patiently(received(failover.stream({ ...call, hold })))
        assert.deepStrictEqual([texts, made], [["a", "b"], [1]])
      }
      const slow = streaming(
        { parts: [[10_000, says("a")]] },
        {
          parts: [
            [0, says("second")],
            [10_000, says("b")]
          ]
        }
      )
      const { texts } = yield* patiently(received(failover.stream({ ...slow.call, hold: "whole" })))
      assert.deepStrictEqual(
        [texts, slow.made],
        [
          ["second", "b"],
          [1, 2]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not replaced after its first content where an attempt beside it must not be", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { call, made } = streaming(
        { parts: [[3_000, meta("m")]], ends: Effect.fail(unsafe()) },
        { parts: [[2_000, says("a")]], ends: Effect.fail(overloaded()) },
        { parts: [[0, says("third")]] }
      )
      const { failure, texts } = yield* patiently(received(failover.stream({ ...call, hold: "whole" })))
      assert.deepStrictEqual([failure?._tag, texts, made], ["ReplayUnsafe", [], [1, 2]])
      assert.deepStrictEqual(
        failure?.attempts.map(({ attempt, elapsedMs, verdict }) => [attempt, elapsedMs, verdict]),
        [
          [1, 3_000, "Unsafe"],
          [2, 2_000, "Safe"]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is the one in which the provider has begun something by itself", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const { call, made } = streaming(
        {
          parts: [
            [3_000, providerRuns("search")],
            [5_000, says("a")]
          ]
        },
        { parts: [[2_000, says("second")]] }
      )
      const { texts } = yield* patiently(received(failover.stream({ ...call, hold: "whole" })))
      assert.deepStrictEqual(
        [texts, made],
        [
          ["search", "a"],
          [1, 2]
        ]
      )
    }).pipe(Effect.provide(layer()))
  )
})

const madeAfter = Effect.fnUntraced(function* <A, E>(
  { made }: { readonly made: ReadonlyArray<unknown> },
  call: Effect.Effect<A, E, Failover.Failover>,
  ms: number
) {
  const fiber = yield* Effect.forkChild(call)
  yield* TestClock.adjust(ms)
  const { length } = made
  yield* Fiber.interrupt(fiber)
  return length
})

const asked = (...steps: ReadonlyArray<Step<Failure.Failure>>) => {
  const { attempt, made } = attempts(...steps)
  return { made, call: Effect.flatMap(Failover.Failover, (failover) => failover.run({ ...repeatable, attempt })) }
}

const followed = (...steps: ReadonlyArray<StreamedStep>) => {
  const { call, made } = streaming(...steps)
  const stream = Stream.unwrap(Effect.map(Failover.Failover, (failover) => failover.stream({ ...call, hold: "whole" })))
  return { made, call: Effect.exit(Stream.runDrain(stream)) }
}

describe("the pace of a model", () => {
  const byPace = layer({ hedge: { after: "p95" } })

  it.effect("is that of first contents for streams, and of whole answers for other calls", () =>
    Effect.gen(function* () {
      for (let call = 1; call <= 20; call++) yield* patiently(asked({ afterMs: 20_000 }).call)
      const unknown = followed({ parts: [[60_000, says("a")]] })
      assert.strictEqual(yield* madeAfter(unknown, unknown.call, 60_000), 1, "no stream is known")
      for (let call = 1; call <= 20; call++) {
        yield* patiently(
          followed({
            parts: [
              [1_000, says("a")],
              [9_000, says("b")]
            ]
          }).call
        )
      }
      const stream = followed({ parts: [[60_000, says("a")]] }, { parts: [[60_000, says("a")]] })
      assert.strictEqual(yield* madeAfter(stream, stream.call, 999), 1)
      const slow = followed({ parts: [[60_000, says("a")]] }, { parts: [[60_000, says("a")]] })
      assert.strictEqual(yield* madeAfter(slow, slow.call, 1_000), 2)
      const call = asked({ afterMs: 60_000 }, { afterMs: 60_000 })
      assert.strictEqual(yield* madeAfter(call, call.call, 19_999), 1)
      const late = asked({ afterMs: 60_000 }, { afterMs: 60_000 })
      assert.strictEqual(yield* madeAfter(late, late.call, 20_000), 2)
    }).pipe(Effect.provide(byPace))
  )

  it.effect("is not that of calls that failed", () =>
    Effect.gen(function* () {
      const failing = { afterMs: 10, fails: unsafe() }
      for (let call = 1; call <= 20; call++) {
        assert.isTrue(Exit.isFailure(yield* Effect.exit(patiently(asked(failing).call))))
      }
      const slow = asked({ afterMs: 60_000 }, { afterMs: 0 })
      assert.strictEqual(yield* madeAfter(slow, slow.call, 60_000), 1)
    }).pipe(Effect.provide(byPace))
  )
})
