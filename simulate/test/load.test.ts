import { assert, describe, it } from "@effect/vitest"
import { Load } from "../load.ts"
import type { Outage } from "../weather.ts"

const outage: Outage = { from: 100_000, until: 160_000, trouble: "refused" }

const arrive = (load: Load, at: number, firsts: number, retries: number): void => {
  for (let first = 0; first < firsts; first++) load.arrived(true, at, outage)
  for (let retry = 0; retry < retries; retry++) load.arrived(false, at, outage)
}

describe("Load", () => {
  it("takes the worst window of an outage, and leaves the first out", () => {
    // 12 in a window, which count as 10 calls.
    const load = new Load(1.2)
    arrive(load, 100_000, 1, 50)
    arrive(load, 110_000, 10, 15)
    arrive(load, 119_999, 0, 15)
    arrive(load, 120_000, 10, 1)
    load.close()
    assert.strictEqual(load.peakRatioWhileDown, 2)
    assert.strictEqual(load.sustained, 51)
  })

  // 1.2 * 20 calls and a floor of 96 are 120 attempts.
  for (const [retries, ratio] of [
    [99, 1.19],
    [100, 1.2],
    [101, 1.21]
  ] as const) {
    it(`is ${ratio} for ${retries} retries beside 20 calls`, () => {
      const load = new Load(9.6)
      arrive(load, 110_000, 20, retries)
      load.close()
      assert.approximately(load.peakRatioWhileDown, ratio, 1e-9)
    })
  }

  it("holds a window of retries alone against the floor", () => {
    const load = new Load(10)
    arrive(load, 130_000, 0, 100)
    load.close()
    assert.approximately(load.peakRatioWhileDown, 1.2, 1e-9)
  })

  it("is the same for a tenth of all, floor included", () => {
    const [fleet, tenth] = [new Load(10), new Load(1)]
    arrive(fleet, 110_000, 200, 500)
    arrive(tenth, 110_000, 20, 50)
    fleet.close()
    tenth.close()
    assert.approximately(tenth.peakRatioWhileDown, fleet.peakRatioWhileDown, 1e-9)
  })

  it("does not mix the windows of two outages", () => {
    const load = new Load(1.2)
    const later: Outage = { ...outage, from: 200_000, until: 260_000 }
    arrive(load, 110_000, 1, 21)
    load.arrived(true, 210_000, later)
    load.close()
    assert.strictEqual(load.peakRatioWhileDown, 2)
  })

  it("holds nothing against a provider that is well", () => {
    const load = new Load(1)
    for (let retry = 0; retry < 9; retry++) load.arrived(retry === 0, 50_000, undefined)
    load.close()
    assert.strictEqual(load.peakRatioWhileDown, 0)
    assert.strictEqual(load.attempts, 9)
    assert.strictEqual(load.calls, 1)
  })
})
