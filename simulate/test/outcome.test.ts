import { assert, describe, it } from "@effect/vitest"
import * as Outcome from "../outcome.ts"

const well: Outcome.Details = {
  turns: 10,
  completed: 9,
  swaps: 3,
  silentSwaps: 0,
  duplicateSideEffects: 0,
  calls: 40,
  attempts: 44,
  peakAttemptsRatioWhileDown: 1.2,
  reruns: 1,
  falseAlarms: 0,
  loadWhileDown: 0.1,
  peakBudgetUse: 1,
  p50Ms: 2000,
  p99Ms: 9000,
  gaveUp: {},
  providers: []
}

describe("Outcome.broken", () => {
  it("finds nothing where every promise was kept", () => {
    assert.deepStrictEqual(Outcome.broken(well), [])
  })

  for (const [field, value, said] of [
    ["duplicateSideEffects", 2, "2 side effects happened twice"],
    ["silentSwaps", 1, "1 swaps were silent"],
    ["falseAlarms", 4, "4 swaps were said that were none"],
    ["peakAttemptsRatioWhileDown", 1.21, "a provider that was down got 1.21 attempts for each call"],
    ["peakBudgetUse", 1.001, "a provider got 1.001 retries for each that the budget grants"]
  ] as const) {
    it(`finds ${field}`, () => {
      assert.deepStrictEqual(Outcome.broken({ ...well, [field]: value }), [said])
    })
  }
})
