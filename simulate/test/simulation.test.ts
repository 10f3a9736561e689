import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Outcome from "../outcome.ts"
import * as Simulation from "../simulation.ts"
import type { Progress } from "../simulation.ts"

// Long enough for an outage of each kind, and for minutes in which nobody answers.
const small = { agents: 25, hours: 6, seed: 7, faults: 5 }
const patience = 60_000

// So many that the floor of a budget does not cover what they would retry.
const crowd = { agents: 800, hours: 0.2, seed: 7 }

describe("a fleet on Holdfast", () => {
  it.live(
    "ends every turn, does nothing twice, says every swap and does not storm",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.holdfast(small)
        // It went through what the promises are about.
        assert.isAbove(outcome.swaps, 0)
        assert.isAbove(outcome.attempts, outcome.calls)
        assert.isAbove(Object.keys(outcome.gaveUp).length, 0)
        assert.isAbove(outcome.calls, 25 * 6 * 40)
        for (const { downSeconds, retries } of outcome.providers) {
          assert.isAbove(downSeconds, 0)
          assert.isAbove(retries, 0)
        }

        assert.strictEqual(outcome.duplicateSideEffects, 0)
        assert.strictEqual(outcome.silentSwaps, 0)
        assert.strictEqual(outcome.falseAlarms, 0)
        assert.isAtMost(outcome.peakAttemptsRatioWhileDown, 1.2)
        assert.isBelow(outcome.loadWhileDown, 0.5)
        assert.isAbove(outcome.completed / outcome.turns, 0.95)
        assert.isAtMost(outcome.peakBudgetUse, 1)
      }),
    patience
  )

  it.live(
    "is the same for the same seed, and another for another",
    () =>
      Effect.gen(function* () {
        const size = { ...small, hours: 2 }
        const first = yield* Simulation.run(size)
        assert.deepStrictEqual(yield* Simulation.run(size), first)
        const other = yield* Simulation.run({ ...size, seed: 8 })
        assert.notDeepEqual(other.holdfast, first.holdfast)
        assert.notDeepEqual(other.naive, first.naive)
        assert.notDeepEqual(other.sdk, first.sdk)
      }),
    patience
  )

  it.live(
    "has the same work to do as the fleets beside it",
    () =>
      Effect.gen(function* () {
        const size = { agents: 100, hours: 1, seed: 7 }
        const { holdfast, naive, sdk } = yield* Simulation.run(size)
        for (const { turns } of [naive, sdk]) assert.approximately(turns / holdfast.turns, 0.1, 0.03)
        // They are held against a tenth of the floor.
        const tenth = { ...size, agents: 10 }
        assert.deepStrictEqual(yield* Simulation.naive(tenth, undefined, 1), naive)
        assert.deepStrictEqual(yield* Simulation.sdk(tenth, undefined, 1), sdk)
        assert.notDeepEqual(yield* Simulation.sdk(tenth, undefined, 10), sdk)
      }),
    patience
  )

  it.live(
    "does not storm where the retry budget alone holds it back",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.holdfast(crowd, undefined, { withoutHealth: true })
        assert.deepStrictEqual(Outcome.broken(outcome), [])
        // The whole budget was asked for.
        assert.strictEqual(outcome.peakBudgetUse, 1)
      }),
    patience
  )

  it.live(
    "says where it stands, minute by minute",
    () =>
      Effect.gen(function* () {
        const heard: Array<Progress> = []
        yield* Simulation.holdfast({ agents: 3, hours: 0.5, seed: 1 }, (progress) => heard.push(progress))
        assert.deepInclude(heard[0], { fleet: "holdfast", agents: 3, simulatedMs: 60_000 })
        assert.isAtLeast(heard.length, 30)
      }),
    patience
  )
})

describe("what the simulation would notice", () => {
  it.live(
    "turns that are run again although they may not be",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.holdfast(small, undefined, { rerunsAnyway: true })
        assert.isAbove(outcome.duplicateSideEffects, 0)
      }),
    patience
  )

  it.live(
    "calls said to be repeatable that make the provider run tools",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.holdfast({ ...small, faults: 20 }, undefined, { declaresAllRepeatable: true })
        assert.isAbove(outcome.duplicateSideEffects, 0)
      }),
    patience
  )

  it.live(
    "retries that nothing holds back",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.holdfast(crowd, undefined, { withoutHealth: true, withoutBudget: true })
        assert.isAbove(outcome.peakAttemptsRatioWhileDown, 1.2)
        assert.isAbove(outcome.peakBudgetUse, 1)
        assert.lengthOf(Outcome.broken(outcome), 2)
      }),
    patience
  )

  it.live(
    "a budget that is missing while cooldowns hold most retries back",
    () =>
      Effect.gen(function* () {
        const size = { agents: 600, hours: 3, seed: 1 }
        const outcome = yield* Simulation.holdfast(size, undefined, { withoutBudget: true })
        assert.isAbove(outcome.peakBudgetUse, 1)
        assert.lengthOf(Outcome.broken(outcome), 1)
        assert.deepStrictEqual(Outcome.broken(yield* Simulation.holdfast(size)), [])
      }),
    patience
  )

  it.live(
    "swaps that nobody hears of",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.holdfast(small, undefined, { ignoresSwaps: true })
        assert.isAbove(outcome.silentSwaps, 0)
        assert.strictEqual(outcome.silentSwaps, outcome.swaps)
      }),
    patience
  )

  it.live(
    "fallback on any error: side effects twice, silent swaps, more load on who is down",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.naive(small)
        assert.isAbove(outcome.duplicateSideEffects, 10)
        assert.isAbove(outcome.silentSwaps, 0)
        assert.isAbove(outcome.loadWhileDown, 1)
      }),
    patience
  )

  it.live(
    "SDKs' retries: side effects twice, silent swaps, more load on who is down",
    () =>
      Effect.gen(function* () {
        const outcome = yield* Simulation.sdk({ ...small, faults: 20 })
        assert.isAbove(outcome.duplicateSideEffects, 0)
        assert.isAbove(outcome.silentSwaps, 0)
        assert.isAbove(outcome.loadWhileDown, 1.5)
      }),
    patience
  )

  // As many as the fleet on Holdfast with all of the floor, and as in the default run a tenth with a tenth of it.
  for (const [name, fleet] of [
    ["naive", Simulation.naive],
    ["sdk", Simulation.sdk]
  ] as const) {
    for (const [size, floorPerSecond] of [
      [crowd, 10],
      [{ agents: 100, hours: 1, seed: 7 }, 1]
    ] as const) {
      it.live(
        `retries that no budget counts: ${name}, ${size.agents} agents`,
        () =>
          Effect.gen(function* () {
            const outcome = yield* fleet(size, undefined, floorPerSecond)
            assert.isAbove(outcome.peakAttemptsRatioWhileDown, 1.2)
            assert.isAbove(outcome.peakBudgetUse, 1)
          }),
        patience
      )
    }
  }
})
