import { assert, describe, it } from "@effect/vitest"
import * as IdleLimit from "../src/internal/idle/idleLimit.ts"

const minute = 60_000

/** What is left of closes, each at its time with its idle time. */
const seen = (closes: ReadonlyArray<readonly [at: number, idleMs: number]>, before = IdleLimit.empty) =>
  closes.reduce<IdleLimit.State>((state, [at, idleMs]) => IdleLimit.closed(state, at, idleMs), before)

const limitOf = (state: IdleLimit.State, now: number) => IdleLimit.limitAt(state, now)?.limitMs

const limit = (limitMs: number): IdleLimit.Limit => ({ limitMs, mostMs: limitMs, observed: 3, newestAt: 0, until: 1 })

describe("an idle limit", () => {
  it("is learnt from three closes after about the same time, and is the shortest of these", () => {
    const two = seen([
      [1000, 1003],
      [5000, 1001]
    ])
    assert.isUndefined(limitOf(two, 5000))
    assert.deepStrictEqual(IdleLimit.limitAt(seen([[9000, 1009]], two), 9000), {
      limitMs: 1001,
      mostMs: 1009,
      observed: 3,
      newestAt: 9000,
      until: 1000 + 30 * minute
    })
  })

  it.each([
    ["50 ms of a short one", 300, 350, 351],
    ["a tenth of a long one", 60_000, 66_000, 66_001]
  ])("lies within %s", (_, shortest, within, beyond) => {
    const three = (last: number) =>
      seen([
        [1000, shortest],
        [2000, shortest],
        [3000, last]
      ])
    assert.strictEqual(limitOf(three(within), 3000), shortest)
    assert.isUndefined(limitOf(three(beyond), 3000))
  })

  it("is not learnt from a restart, which closes connections of all idle times at one moment", () => {
    const restarts = [1000, 9000, 17_000, 25_000].flatMap((at) =>
      [200, 1000, 3000].map((idleMs, index) => [at + index * 20, idleMs] as const)
    )
    assert.isUndefined(limitOf(seen(restarts), 25_000))
  })

  it("is not learnt from what close together counts for: once, however many", () => {
    const together = Array.from({ length: 20 }, (_, index) => [1000 + index * 5, 1000 + index] as const)
    assert.isUndefined(limitOf(seen(together), 2000))
    const twiceMore = seen([...together, [3000, 1000], [5000, 1000]])
    assert.strictEqual(IdleLimit.limitAt(twiceMore, 5000)?.observed, 3)
  })

  it("is not learnt from closes too soon for one", () => {
    const soon = [1000, 2000, 3000, 4000].map((at) => [at, 99] as const)
    assert.isUndefined(limitOf(seen(soon), 4000))
  })

  it("is forgotten when too few of its closes are left to tell", () => {
    const state = seen([
      [0, 1000],
      [10 * minute, 1000],
      [20 * minute, 1000]
    ])
    assert.strictEqual(IdleLimit.limitAt(state, 20 * minute)?.until, 30 * minute)
    assert.strictEqual(limitOf(state, 30 * minute - 1), 1000)
    assert.isUndefined(limitOf(state, 30 * minute))
  })

  it("is replaced by a lower one that is as sure, and not by a higher one", () => {
    const high = seen([
      [1000, 5000],
      [2000, 5000],
      [3000, 5000]
    ])
    const lower = seen(
      [
        [4000, 700],
        [5000, 700]
      ],
      high
    )
    assert.strictEqual(limitOf(lower, 5000), 5000)
    const low = seen([[6000, 700]], lower)
    assert.strictEqual(limitOf(low, 6000), 700)
    const higher = [7000, 8000, 9000, 10_000].map((at) => [at, 5000] as const)
    assert.strictEqual(limitOf(seen(higher, low), 10_000), 700)
  })

  it("is refuted by connections that were good for longer, each of which takes one close back", () => {
    const state = seen([
      [1000, 1000],
      [2000, 1000],
      [3000, 1000],
      [4000, 1000]
    ])
    assert.strictEqual(IdleLimit.refutableMs(state), 1100)
    assert.strictEqual(IdleLimit.survived(state, 1100), state)
    const once = IdleLimit.survived(state, 1101)
    assert.strictEqual(limitOf(once, 4000), 1000)
    assert.isUndefined(limitOf(IdleLimit.survived(once, 1101), 4000))
    assert.strictEqual(IdleLimit.refutableMs(IdleLimit.empty), Number.POSITIVE_INFINITY)
  })

  it("is not learnt from restarts between which connections are used for longer", () => {
    let state = IdleLimit.empty
    for (let at = 1000; at < 20_000; at += 500) {
      state = IdleLimit.closed(state, at, 120)
      state = IdleLimit.survived(state, 400)
      assert.isUndefined(limitOf(state, at))
    }
  })

  it("leaves a round trip and what timers are late by", () => {
    assert.strictEqual(IdleLimit.evictAfterMs(limit(300), 0), 250)
    assert.strictEqual(IdleLimit.evictAfterMs(limit(300), 40), 210)
    assert.strictEqual(IdleLimit.evictAfterMs(limit(60_000), 150), 53_850)
    assert.strictEqual(IdleLimit.evictAfterMs(limit(100), 80), 0)
  })
})
