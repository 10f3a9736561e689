import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fleet from "../fleet.ts"
import type { Strategy } from "../strategy.ts"

const run = (strategy: Strategy) =>
  Fleet.run({ agents: 2, hours: 1, seed: 1, floorPerSecond: 10, strategy: Effect.succeed(strategy) })

describe("Fleet", () => {
  it.live("says of turns that never end that they do not", () =>
    Effect.gen(function* () {
      const stuck = yield* Effect.flip(run(() => Effect.never))
      assert.strictEqual(stuck._tag, "FleetStuck")
      assert.strictEqual(stuck.agents, 2)
    })
  )

  it.live("ends with the defect of an agent", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(run(() => Effect.die(new Error("an agent broke"))))
      assert.isTrue(Exit.hasDies(exit))
    })
  )

  it.live("counts the turns that end, completed or not", () =>
    Effect.gen(function* () {
      let turns = 0
      const world = yield* run(() => Effect.sync(() => ++turns % 2 === 0))
      assert.isAbove(turns, 2)
      assert.strictEqual(world.tally.turns, turns)
      assert.strictEqual(world.tally.completed, Math.floor(turns / 2))
    })
  )
})
