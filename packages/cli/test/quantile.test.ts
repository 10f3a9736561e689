import { assert, describe, it } from "@effect/vitest"
import { quantile } from "../src/internal/demo/quantile.ts"

describe("quantile", () => {
  it("is the middle of an odd sample, and the mean of the middle two of an even one", () => {
    assert.strictEqual(quantile([1, 2, 10], 0.5), 2)
    assert.strictEqual(quantile([1, 2, 4, 10], 0.5), 3)
  })

  // quantile(c(15, 20, 35, 40, 50), c(.05, .3, .4, .99)) in R.
  it("interpolates between ranks as R does", () => {
    const sample = [15, 20, 35, 40, 50]
    for (const [p, expected] of [
      [0, 15],
      [0.05, 16],
      [0.3, 23],
      [0.4, 29],
      [0.99, 49.6],
      [1, 50]
    ] as const) {
      assert.approximately(quantile(sample, p), expected, 1e-9)
    }
  })

  it("is the one value of a sample of one, and 0 of none", () => {
    assert.strictEqual(quantile([7], 0.99), 7)
    assert.strictEqual(quantile([], 0.5), 0)
  })
})
