import { assert, describe, it } from "@effect/vitest"
import { BudgetUse } from "../budgetUse.ts"

const arrive = (use: BudgetUse, at: number, calls: number, retries: number): void => {
  for (let retry = 0; retry < retries; retry++) use.arrived(false, at)
  for (let call = 0; call < calls; call++) use.arrived(true, at)
}

const peak = (
  floorPerSecond: number,
  ...arrivals: ReadonlyArray<readonly [at: number, calls: number, retries: number]>
) => {
  const use = new BudgetUse(floorPerSecond)
  for (const [at, calls, retries] of arrivals) arrive(use, at, calls, retries)
  use.close()
  return use.peak
}

describe("BudgetUse", () => {
  it("is 0 where nothing came, or calls alone", () => {
    assert.strictEqual(peak(1), 0)
    assert.strictEqual(peak(1, [0, 50, 0], [5000, 50, 0]), 0)
  })

  it("holds retries against a fifth of the calls and the floor", () => {
    assert.strictEqual(peak(1, [0, 50, 0], [1000, 0, 20]), 1)
    assert.strictEqual(peak(1, [0, 50, 0], [1000, 0, 21]), 1.05)
    assert.strictEqual(peak(0.1, [0, 0, 3]), 3)
  })

  it("rounds what is granted down", () => {
    assert.strictEqual(peak(1, [0, 4, 0], [1000, 0, 10]), 1)
    assert.strictEqual(peak(1, [0, 4, 0], [1000, 0, 11]), 1.1)
  })

  it("grants no less for the sum of decimals", () => {
    // 0.2 * 3 + 0.4 is 1, which floating point does not always say.
    assert.strictEqual(peak(0.04, [0, 3, 1]), 1)
    assert.strictEqual(peak(0.14, [0, 3, 2]), 1)
  })

  it("counts what comes at one moment together, in whatever order", () => {
    assert.strictEqual(peak(1, [0, 50, 20]), 1)
  })

  it("looks at every window of 10 s, not at those of a clock", () => {
    assert.strictEqual(peak(1, [9000, 0, 8], [11_000, 0, 8]), 1.6)
  })

  it("forgets after 10 s what came", () => {
    assert.strictEqual(peak(1, [0, 0, 10], [9999, 0, 1]), 1.1)
    assert.strictEqual(peak(1, [0, 0, 10], [10_000, 0, 10]), 1)
    // The calls are over, and with them what they granted.
    assert.strictEqual(peak(1, [0, 50, 0], [9999, 0, 20]), 1)
    assert.strictEqual(peak(1, [0, 50, 0], [10_000, 0, 20]), 2)
  })

  it("keeps the worst of a long day", () => {
    const use = new BudgetUse(1)
    for (let at = 0; at < 1_000_000; at += 1000) arrive(use, at, 1, at === 500_000 ? 24 : 0)
    use.close()
    assert.strictEqual(use.peak, 2)
  })
})
