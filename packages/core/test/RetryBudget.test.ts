import { assert, describe, it } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import type { Options } from "@holdfast/core/RetryBudget"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"

const call = (budget: RetryBudget["Service"], provider: string, times: number) => {
  for (let n = 0; n < times; n++) budget.called(provider)
}

/** How many of so many takes are granted. */
const takes = (budget: RetryBudget["Service"], provider: string, times: number): number => {
  let granted = 0
  for (let n = 0; n < times; n++) granted += budget.take(provider) ? 1 : 0
  return granted
}

describe("a retry budget", () => {
  it.effect("grants 20% of the calls and 10 a second, within 10 s, and no more", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      assert.strictEqual(budget.left("anthropic"), 100)
      call(budget, "anthropic", 1000)
      assert.strictEqual(budget.left("anthropic"), 300)
      assert.strictEqual(takes(budget, "anthropic", 1000), 300)
      assert.strictEqual(budget.left("anthropic"), 0)
      // What is refused is not taken: five calls more pay for one.
      call(budget, "anthropic", 5)
      assert.strictEqual(takes(budget, "anthropic", 2), 1)
    }).pipe(Effect.provide(RetryBudget.layer()))
  )

  it.effect("is each provider's own", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      assert.strictEqual(takes(budget, "anthropic", 200), 100)
      assert.isFalse(budget.take("anthropic"))
      assert.strictEqual(takes(budget, "openai", 200), 100)
    }).pipe(Effect.provide(RetryBudget.layer()))
  )

  it.effect("forgets calls and takes when the window has passed, and has its floor again", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      call(budget, "anthropic", 50)
      assert.strictEqual(takes(budget, "anthropic", 100), 20)
      yield* TestClock.adjust("9999 millis")
      // The calls are nearly out of reach, and the takes are not.
      assert.strictEqual(budget.left("anthropic"), 0)
      yield* TestClock.adjust("501 millis")
      assert.strictEqual(budget.left("anthropic"), 10)
      assert.deepStrictEqual(budget.snapshot(), [])
    }).pipe(Effect.provide(RetryBudget.layer({ floorPerSecond: 1 })))
  )

  it.effect("grants nothing at all where it is told so", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      call(budget, "anthropic", 1000)
      assert.isFalse(budget.take("anthropic"))
    }).pipe(Effect.provide(RetryBudget.layer({ ratio: 0, floorPerSecond: 0 })))
  )

  it.effect("counts shares that add up to a whole as one, whatever their decimals", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      call(budget, "anthropic", 100)
      assert.strictEqual(takes(budget, "anthropic", 100), 29)
    }).pipe(Effect.provide(RetryBudget.layer({ ratio: 0.29, floorPerSecond: 0 })))
  )

  it.effect("can be read", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      call(budget, "anthropic", 10)
      budget.take("anthropic")
      budget.left("never-called")
      assert.deepStrictEqual(budget.snapshot(), [{ provider: "anthropic", calls: 10, taken: 1, left: 101 }])
    }).pipe(Effect.provide(RetryBudget.layer()))
  )

  it.effect("holds only so many providers: what it cannot count, it refuses, until the others are quiet", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      for (let n = 0; n < 5000; n++) budget.called(`provider-${n}`)
      assert.strictEqual(budget.snapshot().length, 1024)
      assert.isFalse(budget.take("another"))
      assert.strictEqual(budget.left("another"), 0)
      assert.isTrue(budget.take("provider-7"))
      yield* TestClock.adjust("11 seconds")
      assert.isTrue(budget.take("another"))
      assert.deepStrictEqual(budget.snapshot(), [{ provider: "another", calls: 0, taken: 1, left: 99 }])
    }).pipe(Effect.provide(RetryBudget.layer()))
  )

  it.effect("goes on after a clock was set back", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      yield* TestClock.setTime(1_000_000_000)
      assert.strictEqual(takes(budget, "anthropic", 200), 100)
      yield* TestClock.setTime(1_000_000_000 - 5000)
      assert.isFalse(budget.take("anthropic"), "a little: what was taken still counts")
      yield* TestClock.setTime(5000)
      assert.isTrue(budget.take("anthropic"), "by days: it is anew")
    }).pipe(Effect.provide(RetryBudget.layer()))
  )
})

describe("the numbers of a budget", () => {
  it.effect.each([
    [{ ratio: -0.1 }, ["budget.ratio"]],
    [{ ratio: Number.NaN }, ["budget.ratio"]],
    [{ floorPerSecond: Number.POSITIVE_INFINITY }, ["budget.floorPerSecond"]],
    [{ windowMs: 0 }, ["budget.windowMs"]],
    [{ windowMs: 1000.5 }, ["budget.windowMs"]],
    [{ ratio: -1, floorPerSecond: -1, windowMs: -1 }, ["budget.ratio", "budget.floorPerSecond", "budget.windowMs"]],
    // A floor is asked for, and not one attempt would ever be granted.
    [{ ratio: 0, floorPerSecond: 0.5, windowMs: 1000 }, ["budget.floorPerSecond"]]
  ] satisfies ReadonlyArray<readonly [Options, ReadonlyArray<string>]>)(
    "are refused where they cannot be: %j",
    ([options, places]) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(RetryBudget.layer(options))))
        if (!isInvalidInput(error)) return assert.fail(String(error))
        return assert.deepStrictEqual(
          error.problems.map(({ place }) => place),
          places
        )
      })
  )
})
