/** What a budget keeps to, held against a list of all that ever happened. */
import { assert, describe, it } from "@effect/vitest"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"

const times = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

const Step = Schema.Union([
  Schema.Struct({ _tag: Schema.Literal("calls"), times: times(40) }),
  Schema.Struct({ _tag: Schema.Literal("takes"), times: times(40) }),
  // More than is ever left, so that the budget is at its limit most of the time.
  Schema.Struct({ _tag: Schema.Literal("takes"), times: Schema.Literal(400) }),
  // From less than a bucket to more than the window.
  Schema.Struct({ _tag: Schema.Literal("wait"), ms: times(2500) }),
  Schema.Struct({ _tag: Schema.Literal("wait"), ms: Schema.Literals([1, 499, 500, 501, 9999, 10_000, 10_001, 25_000]) })
])

const world = {
  ratio: Schema.Literals([0, 0.05, 0.2, 0.5, 1, 2]),
  floorPerSecond: Schema.Literals([0, 1, 1.5, 10]),
  windowMs: Schema.Literals([1000, 10_000, 12_345]),
  steps: Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(60))
}

const runs = { arbitrary: { runs: 400, seed: 20261121 }, timeout: 60_000 }

const within = (moments: ReadonlyArray<number>, from: number, to: number): number =>
  moments.filter((at) => at > from && at <= to).length

describe("a retry budget", () => {
  it.effect.prop(
    "grants, within any window, at most its share of the calls in reach and its floor",
    world,
    ({ floorPerSecond, ratio, steps, windowMs }) =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget
        const calls: Array<number> = []
        const granted: Array<number> = []
        let now = 0
        const floor = (floorPerSecond * windowMs) / 1000
        for (const step of steps) {
          if (step._tag === "wait") {
            yield* TestClock.adjust(step.ms)
            now += step.ms
          }
          for (let n = 0; step._tag === "calls" && n < step.times; n++) {
            budget.called("anthropic")
            calls.push(now)
          }
          for (let n = 0; step._tag === "takes" && n < step.times; n++) {
            const left = budget.left("anthropic")
            const given = budget.take("anthropic")
            assert.strictEqual(given, left > 0, "what is left is granted, and no more")
            if (given) granted.push(now)
            else {
              // Refused for a reason: rounded by a bucket to the strict side, there was none left.
              const share = ratio * within(calls, now - windowMs * 0.95, now) + floor
              assert.isBelow(share - within(granted, now - windowMs * 1.05 - 1, now), 1)
            }
          }
        }
        // A window that ends in no take holds no more than the one that ends at its last.
        for (const at of granted) {
          const bound = ratio * within(calls, at - windowMs, at) + floor
          assert.isAtMost(within(granted, at - windowMs, at), bound + 1e-6)
        }
      }).pipe(Effect.provide(RetryBudget.layer({ ratio, floorPerSecond, windowMs }))),
    runs
  )
})
