import { assert, describe, it } from "@effect/vitest"
import { median, medianRatio, rotated, slope } from "../statistics.ts"

describe("median", () => {
  it("is the middle value of an odd number, whatever their order", () => {
    assert.strictEqual(median([9, 1, 4]), 4)
    assert.strictEqual(median([7]), 7)
  })

  it("is the mean of the two in the middle of an even number", () => {
    assert.strictEqual(median([10, 1, 3, 2]), 2.5)
  })

  it("sorts by value and not by text", () => {
    assert.strictEqual(median([100, 9, 20]), 20)
  })

  it("leaves what it is given as it is", () => {
    const values = [3, 1, 2]
    median(values)
    assert.deepStrictEqual(values, [3, 1, 2])
  })

  it("of nothing is no number", () => {
    assert.isNaN(median([]))
  })
})

describe("medianRatio", () => {
  it("compares what was measured side by side", () => {
    // The machine was slow in the second and third round: the ratio of the medians would be 40 / 10.
    assert.strictEqual(medianRatio([20, 40, 60], [10, 20, 10]), 2)
  })

  it("leaves out rounds that the other did not play", () => {
    assert.strictEqual(medianRatio([20, 40, 999], [10, 10]), 3)
  })
})

describe("slope", () => {
  it("of points on a line is the line's", () => {
    assert.strictEqual(slope([5, 8, 11, 14]), 3)
    assert.strictEqual(slope([4, 4, 4]), 0)
    assert.strictEqual(slope([3, 1]), -2)
  })

  it("is that of least squares for points beside a line", () => {
    // Means 1 and 2; covariance (-1)(-2) + (0)(1) + (1)(1) = 3 over variance 2.
    assert.strictEqual(slope([0, 3, 3]), 1.5)
  })
})

describe("rotated", () => {
  it("begins one place further each round, and comes round", () => {
    assert.deepStrictEqual(rotated(["a", "b", "c"], 0), ["a", "b", "c"])
    assert.deepStrictEqual(rotated(["a", "b", "c"], 1), ["b", "c", "a"])
    assert.deepStrictEqual(rotated(["a", "b", "c"], 5), ["c", "a", "b"])
    assert.deepStrictEqual(rotated([], 3), [])
  })
})
