import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { demo, effectKey, serverOf, stormOf, thinkMsAt, turnsOf, warmUpOf } from "../src/internal/demo/scenario.ts"

describe("the demo's scenario", () => {
  it.effect("gives the same turns for a seed, whatever their number, and others for another", () =>
    Effect.gen(function* () {
      const turns = yield* turnsOf(demo({ seed: 7, turns: 200 }))
      assert.deepStrictEqual(yield* turnsOf(demo({ seed: 7, turns: 200 })), turns)
      assert.deepStrictEqual(yield* turnsOf(demo({ seed: 7, turns: 50 })), turns.slice(0, 50))
      assert.notDeepEqual(yield* turnsOf(demo({ seed: 8, turns: 200 })), turns)
    })
  )

  it.effect("draws think times of every length within their range, one for each step", () =>
    Effect.gen(function* () {
      const scenario = demo({ seed: 7, turns: 1000 })
      const [least, most] = scenario.thinkMs
      const turns = yield* turnsOf(scenario)
      assert.isTrue(turns.every(({ thinkMs }) => thinkMs.length === scenario.steps))
      const drawn = turns.flatMap(({ thinkMs }) => thinkMs)
      assert.strictEqual(Math.min(...drawn), least)
      assert.strictEqual(Math.max(...drawn), most)
      assert.isTrue(drawn.every(Number.isInteger))
    })
  )

  it.effect("names every turn and every side effect once, those of the warm-up too", () =>
    Effect.gen(function* () {
      const scenario = demo({ seed: 7, turns: 300 })
      const turns = [...warmUpOf(scenario), ...(yield* turnsOf(scenario))]
      const keys = turns.flatMap((turn) => [1, 2, 3].map((step) => effectKey(turn, step)))
      assert.strictEqual(new Set(turns.map(({ text }) => text)).size, turns.length)
      assert.strictEqual(new Set(keys).size, keys.length)
    })
  )

  it("counts the steps of a turn from 1", () => {
    const turn = { text: "turn 1", thinkMs: [10, 20, 30] }
    assert.deepStrictEqual(
      [1, 2, 3].map((step) => thinkMsAt(turn, step)),
      [10, 20, 30]
    )
  })

  it("has one storm for a seed, over the primary alone, whose patience is the time between two uses of a connection", () => {
    const scenario = demo({ seed: 7, turns: 10 })
    const { endpoints } = serverOf(scenario)
    assert.deepStrictEqual(endpoints["primary"]?.storm, stormOf(demo({ seed: 7, turns: 500 })))
    assert.strictEqual(endpoints["primary"]?.storm?.seed, 7)
    assert.isUndefined(endpoints["fallback"]?.storm)
    assert.deepStrictEqual(stormOf({ ...scenario, workers: 10, thinkMs: [10, 30] }).idleMs, [0, 3])
  })
})
