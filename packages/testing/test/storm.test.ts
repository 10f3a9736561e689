import { assert, describe, it } from "@effect/vitest"
import type * as FaultConfig from "../src/FaultConfig.ts"
import { limitsOf, mulberry32, periodsOf } from "../src/internal/storm.ts"

const storm: FaultConfig.Storm = {
  seed: 42,
  quietMs: [100, 200],
  burstMs: [10, 20],
  idleMs: [0, 5],
  how: { fin: 3, reset: 1 }
}

const take = <A>(next: () => A, count = 1000): ReadonlyArray<A> => Array.from({ length: count }, () => next())

describe("storms", () => {
  it("draws the well-known sequence of mulberry32", () => {
    assert.deepStrictEqual(take(mulberry32(1), 3), [0.6270739405881613, 0.002735721180215478, 0.5274470399599522])
  })

  it("is the same for a seed and another for another", () => {
    assert.deepStrictEqual(take(limitsOf(storm)), take(limitsOf(storm)))
    assert.deepStrictEqual(take(periodsOf(storm)), take(periodsOf(storm)))
    assert.notDeepEqual(take(limitsOf(storm)), take(limitsOf({ ...storm, seed: 43 })))
    assert.notDeepEqual(take(periodsOf(storm)), take(periodsOf({ ...storm, seed: 43 })))
  })

  it("alternates quiet periods and bursts, and stays within its ranges", () => {
    take(periodsOf(storm)).forEach((period, index) => {
      const [least, most] = index % 2 === 0 ? storm.quietMs : storm.burstMs
      assert.isTrue(period >= least && period <= most)
    })
    const idle = take(limitsOf(storm)).map(({ idleMs }) => idleMs)
    assert.deepStrictEqual([...new Set(idle)].toSorted(), [0, 1, 2, 3, 4, 5])
  })

  it("draws the ways by their weights, and never one without", () => {
    const ways = take(limitsOf(storm), 4000).map(({ how }) => how)
    assert.notInclude(ways, "half-fin")
    assert.approximately(ways.filter((how) => how === "reset").length / ways.length, 0.25, 0.03)
    assert.deepStrictEqual(
      new Set(take(limitsOf({ ...storm, how: { "half-fin": 0.1 } })).map(({ how }) => how)),
      new Set(["half-fin"])
    )
  })
})
