/** How an agent gets through a turn. */
import type * as Effect from "effect/Effect"
import { CallTruth } from "./truth.ts"
import type { TurnTruth } from "./truth.ts"
import type { Agent, World } from "./world.ts"

/** Runs a turn until it is over, and says whether it was completed. */
export type Strategy = (world: World, agent: Agent, turn: TurnTruth) => Effect.Effect<boolean>

/** A call of a turn's step that begins now. */
export const callOf = (world: World, turn: TurnTruth, step: number): CallTruth =>
  new CallTruth(turn, step, world.clock.currentTimeMillisUnsafe())

/** The provider at a place in the chain, and the agent's connection to it. */
export const at = ({ providers }: World, { connections }: Agent, place: number) => {
  const provider = providers[place]
  const connection = connections[place]
  if (provider === undefined || connection === undefined) throw new Error(`the chain has no place ${place}`)
  return { provider, connection }
}
