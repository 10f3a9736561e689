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
    const load = new Load(0)
    arrive(load, 100_000, 1, 50)
    arrive(load, 110_000, 10, 5)
    arrive(load, 119_999, 0, 5)
    arrive(load, 120_000, 10, 1)
    load.closeWindow()
    assert.strictEqual(load.peakRatioWhileDown, 2)
    assert.strictEqual(load.sustained, 31)
  })

  it("counts the floor of a budget as calls", () => {
    const load = new Load(80)
    arrive(load, 110_000, 20, 100)
    load.closeWindow()
    assert.strictEqual(load.peakRatioWhileDown, 1.2)
  })

  it("counts a window of retries alone as one call where there is no floor", () => {
    const load = new Load(0)
    arrive(load, 130_000, 0, 4)
    load.closeWindow()
    assert.strictEqual(load.peakRatioWhileDown, 4)
  })

  it("does not mix the windows of two outages", () => {
    const load = new Load(0)
    const later: Outage = { ...outage, from: 200_000, until: 260_000 }
    arrive(load, 110_000, 1, 1)
    load.arrived(true, 210_000, later)
    load.closeWindow()
    assert.strictEqual(load.peakRatioWhileDown, 2)
  })

  it("holds nothing against a provider that is well", () => {
    const load = new Load(0)
    for (let retry = 0; retry < 9; retry++) load.arrived(retry === 0, 50_000, undefined)
    load.closeWindow()
    assert.strictEqual(load.peakRatioWhileDown, 0)
    assert.strictEqual(load.attempts, 9)
    assert.strictEqual(load.calls, 1)
  })
})
