/** The fleets that are simulated beside each other. */
import * as RetryBudget from "@holdfast/core/RetryBudget"
import * as Effect from "effect/Effect"
import * as Fleet from "./fleet.ts"
import * as Holdfast from "./holdfast.ts"
import * as Naive from "./naive.ts"
import * as Outcome from "./outcome.ts"
import * as Sdk from "./sdk.ts"
import type { Size } from "./world.ts"

/** The fleets, by how their agents go about failures. */
export type Name = "holdfast" | "naive" | "sdk"

/** Where a simulation stands. */
export interface Progress {
  readonly fleet: Name
  readonly agents: number
  readonly simulatedMs: number
  readonly calls: number
}

/** What came of all fleets. */
export type Report = { readonly [N in Name]: Outcome.Details }

/** Hears where a simulation stands. */
export type OnProgress = (progress: Progress) => void

/** Runs the fleet on Holdfast alone. */
export const holdfast = (size: Size, onProgress?: OnProgress, habits?: Holdfast.Habits): Run =>
  fleet("holdfast", Holdfast.make(habits), size, floor, onProgress)

/** Runs the fleet that tries any error again, and turns elsewhere; `floorPerSecond` is what it is held against. */
export const naive = (size: Size, onProgress?: OnProgress, floorPerSecond = floor): Run =>
  fleet("naive", Effect.succeed(Naive.strategy), size, floorPerSecond, onProgress)

/** Runs the fleet on vendors' SDKs; `floorPerSecond` is what it is held against. */
export const sdk = (size: Size, onProgress?: OnProgress, floorPerSecond = floor): Run =>
  fleet("sdk", Effect.succeed(Sdk.strategy), size, floorPerSecond, onProgress)

/** What the fleet on Holdfast is granted: it has the default budget, whatever its size. */
const floor = RetryBudget.defaults.floorPerSecond

type Run = Effect.Effect<Outcome.Details, Fleet.FleetStuck>

/** Runs the fleet on Holdfast, and beside it those without, at a tenth of its size. */
export const run = (size: Size, onProgress?: OnProgress): Effect.Effect<Report, Fleet.FleetStuck> => {
  const tenth = { ...size, agents: Math.ceil(size.agents / 10) }
  // A floor is a fleet's: a smaller one that had all of it would be allowed more for each of its agents.
  const floorOfTenth = (floor * tenth.agents) / size.agents
  return Effect.all({
    holdfast: holdfast(size, onProgress),
    naive: naive(tenth, onProgress, floorOfTenth),
    sdk: sdk(tenth, onProgress, floorOfTenth)
  })
}

const fleet = (
  name: Name,
  strategy: Fleet.Options["strategy"],
  size: Size,
  floorPerSecond: number,
  onProgress: OnProgress | undefined
): Run =>
  Effect.map(
    Fleet.run({
      ...size,
      strategy,
      floorPerSecond,
      onProgress: (simulatedMs, { tally }) =>
        onProgress?.({ fleet: name, agents: size.agents, simulatedMs, calls: tally.calls })
    }),
    Outcome.of
  )
