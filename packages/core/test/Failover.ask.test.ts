/** Swaps that are left to the app, and what it gets where they are denied. */
import { assert, describe, it } from "@effect/vitest"
import { Failover, failureOf } from "@holdfast/core/Failover"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import type * as SwapRule from "@holdfast/core/SwapRule"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { answers, fails, layer, script } from "./failoverScript.ts"
import { gemini, gpt, opus, opusOlder, opusOnBedrock, unreachable } from "./fixtures.ts"

const refused = fails(unreachable)

/** A rule that asks, and what it was asked. */
const asking = (answer: (swap: SwapRule.Proposed) => Effect.Effect<boolean, unknown>, more?: Partial<SwapRule.Ask>) => {
  const asked: Array<string> = []
  const ask = (swap: SwapRule.Proposed) => {
    asked.push(`${swap.from.model} -> ${swap.to.model}, ${swap.moment}, ${swap.failure?.reason._tag}`)
    return answer(swap)
  }
  return { asked, swap: { start: { ask, ...more }, midTurn: { ask, ...more } } }
}

const toGemini = ({ to }: SwapRule.Proposed) => Effect.succeed(to.model.startsWith("gemini"))

describe("an app that is asked before a swap", () => {
  it.effect("says of each candidate whether it is wanted, once, and before anything is sent to it", () => {
    const { asked, swap } = asking(toGemini)
    return Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(refused, answers("hello"))
      const { answered } = yield* failover.run({ chain: [opus, gpt, gemini], attempt })
      assert.strictEqual(answered, gemini)
      assert.lengthOf(made, 2)
      assert.deepStrictEqual(asked, [
        "claude-opus-4-7 -> gpt-5.5, start, ConnectFailure",
        "claude-opus-4-7 -> gemini-3-pro, start, ConnectFailure"
      ])
    }).pipe(Effect.provide(layer({ swap })))
  })

  it.effect("is not asked about another host of the same model, nor about what is too far off", () => {
    const { asked, swap } = asking(() => Effect.succeed(true), { within: "same-family" })
    return Effect.gen(function* () {
      const failover = yield* Failover
      const one = script(refused, answers("hello"))
      assert.strictEqual(
        (yield* failover.run({ chain: [opus, gpt, opusOnBedrock], attempt: one.attempt })).answered,
        opusOnBedrock
      )
      assert.deepStrictEqual(asked, [])
      const other = { ...opusOlder, provider: "vertex", endpoint: "vertex:443" }
      const two = script(refused, answers("hello"))
      assert.strictEqual((yield* failover.run({ chain: [opus, gpt, other], attempt: two.attempt })).answered, other)
      assert.deepStrictEqual(asked, ["claude-opus-4-7 -> claude-opus-4-6, start, ConnectFailure"])
    }).pipe(Effect.provide(layer({ swap })))
  })

  it.effect("that says no, fails or is silent gets the failure, and who would have been asked", () =>
    Effect.gen(function* () {
      for (const [answer, ms] of [
        [() => Effect.succeed(false), 0],
        [() => Effect.fail("no"), 0],
        [() => Effect.die(new Error("broken")), 0],
        [() => Effect.never, 120_000]
      ] as const) {
        const { asked, swap } = asking(answer)
        const error = yield* Effect.gen(function* () {
          const failover = yield* Failover
          const fiber = yield* Effect.forkChild(
            Effect.flip(failover.run({ chain: [opus, gpt, gemini], attempt: script(refused).attempt })),
            { startImmediately: true }
          )
          yield* TestClock.adjust(ms)
          return yield* Fiber.join(fiber)
        }).pipe(Effect.provide(layer({ swap })))
        assert.isTrue(isSwapDenied(error))
        if (!isSwapDenied(error)) continue
        assert.deepStrictEqual(error.denied, [gpt, gemini])
        assert.deepInclude(error, { from: opus, moment: "start" })
        assert.strictEqual(error.failure.reason._tag, "ConnectFailure")
        assert.lengthOf(error.failure.attempts, 1)
        assert.match(error.message, /openai\/gpt-5\.5, google\/gemini-3-pro would have been asked/)
        assert.lengthOf(asked, 2)
      }
    })
  )

  it.effect("has no longer than the call", () => {
    const { swap } = asking(() => Effect.never)
    return Effect.gen(function* () {
      const failover = yield* Failover
      const fiber = yield* Effect.forkChild(
        Effect.flip(failover.run({ chain: [opus, gpt], totalMs: 5_000, attempt: script(refused).attempt })),
        { startImmediately: true }
      )
      yield* TestClock.adjust(5_000)
      const error = yield* Fiber.join(fiber)
      assert.isFalse(isSwapDenied(error), "the time was up before anybody had said no")
      assert.strictEqual(failureOf(error).reason._tag, "ConnectFailure")
    }).pipe(Effect.provide(layer({ swap })))
  })
})

describe("a swap that the rule denies", () => {
  it.effect("is told of with the failure and who would have been asked, and no combinator replays it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const error = yield* Effect.flip(
        failover.run({
          chain: [opus, gpt],
          moment: { at: "mid", answered: undefined },
          attempt: script(refused).attempt
        })
      )
      assert.isTrue(isSwapDenied(error))
      if (!isSwapDenied(error)) return
      assert.strictEqual(error.moment, "mid")
      assert.strictEqual(error.failure._tag, "ReplaySafe")
      assert.notInclude(JSON.stringify(error), "undefined")
      assert.deepStrictEqual(JSON.parse(JSON.stringify(error)).denied, [JSON.parse(JSON.stringify(gpt))])
    }).pipe(Effect.provide(layer()))
  )
})
