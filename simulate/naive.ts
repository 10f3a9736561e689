/**
 * Agents as they are often written: any error is tried again a few times, then the whole turn is run at the next
 * provider, and nobody is told.
 */
import * as Effect from "effect/Effect"
import { chain } from "./chain.ts"
import type { Strategy } from "./strategy.ts"
import * as Strategies from "./strategy.ts"
import type { TurnTruth } from "./truth.ts"
import type { Agent, World } from "./world.ts"

const attemptsPerCall = 5
const pauseMs = 1000
/** How often it goes along the chain before it gives the turn up. */
const rounds = 2

/** The agents' way. */
export const strategy: Strategy = Effect.fnUntraced(function* (world, agent, turn) {
  for (let run = 0; run < rounds * chain.length; run++) {
    if (run > 0) world.tally.reruns++
    if (yield* runAt(world, agent, turn, run % chain.length)) return true
  }
  return false
})

const runAt = Effect.fnUntraced(function* (world: World, agent: Agent, turn: TurnTruth, place: number) {
  for (const [number, step] of turn.steps.entries()) {
    if (!(yield* call(world, agent, turn, number, place))) return false
    if (step.hasSideEffect) turn.toolRan(number)
    if (step.toolMs > 0) yield* Effect.sleep(step.toolMs)
  }
  return true
})

const call = Effect.fnUntraced(function* (world: World, agent: Agent, turn: TurnTruth, number: number, place: number) {
  const { clock, tally } = world
  const { connection, provider } = Strategies.at(world, agent, place)
  const made = Strategies.callOf(world, turn, number)
  const request = { call: made, connection, wants: "any", declaration: "unknown" } as const
  for (let attempt = 1; ; attempt++) {
    const outcome = yield* Effect.result(provider.ask(request))
    if (outcome._tag === "Success") {
      tally.answered(made, clock.currentTimeMillisUnsafe(), outcome.success.by, undefined)
      return true
    }
    if (attempt === attemptsPerCall) {
      tally.failed(made, clock.currentTimeMillisUnsafe(), outcome.failure.reason._tag)
      return false
    }
    yield* Effect.sleep(pauseMs)
  }
})
