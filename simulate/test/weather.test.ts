import { assert, describe, it } from "@effect/vitest"
import * as Dice from "../dice.ts"
import * as Weather from "../weather.ts"

const hour = 3_600_000
const of = (place: number, hours: number, seed = "seed") => Weather.outages(place, hours * hour, Dice.of(seed))

describe("Weather", () => {
  it("is the same for the same seed", () => {
    assert.deepStrictEqual(of(0, 24), of(0, 24))
    assert.notDeepEqual(of(0, 24), of(0, 24, "another"))
  })

  it("lays outages out in order and apart, for days and for minutes", () => {
    for (const seed of ["a", "b", "c", "d", "e"]) {
      for (const hours of [0.1, 1, 3, 5, 24, 72]) {
        for (const place of [0, 1, 2]) {
          const found = of(place, hours, seed)
          assert.isAbove(found.length, 0)
          for (const [at, { from, until }] of found.entries()) {
            assert.isBelow(from, until)
            assert.isAtLeast(from, found[at - 1]?.until ?? 0)
          }
        }
      }
    }
  })

  it("takes the primary down in every way within a day", () => {
    assert.deepStrictEqual([...new Set(of(0, 24).map(({ trouble }) => trouble))].toSorted(), [
      "gateway",
      "overloaded",
      "refused"
    ])
  })

  it("has minutes of a day in which nobody answers", () => {
    const [first, second, third] = [of(0, 24), of(1, 24), of(2, 24)]
    const met = third.filter((each) =>
      [first, second].every((others) => others.some(({ from, until }) => from <= each.from && each.until <= until))
    )
    assert.strictEqual(met.length, third.length)
  })

  it("says what is on, what comes next and when the last outage ended", () => {
    const a = { from: 10, until: 20, trouble: "refused" } as const
    const b = { from: 30, until: 40, trouble: "gateway" } as const
    const read = Weather.reader([a, b])
    assert.deepStrictEqual(read(9), { outage: undefined, recoveredAt: -Infinity, next: a })
    assert.deepStrictEqual(read(10), { outage: a, recoveredAt: -Infinity, next: b })
    assert.deepStrictEqual(read(20), { outage: undefined, recoveredAt: 20, next: b })
    assert.deepStrictEqual(read(45), { outage: undefined, recoveredAt: 40, next: undefined })
  })
})
