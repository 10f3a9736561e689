/**
 * Plays the turns of a scenario, several at a time, and measures them; the same for both runs.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { quantile } from "./quantile.ts"
import type { Scenario, Turn } from "./scenario.ts"
import { turnsOf, warmUpOf } from "./scenario.ts"

/** What became of a turn, as its agent knows it. */
export interface Outcome {
  /** It ended with a text of a model. */
  readonly completed: boolean
  /** A call of it was answered by another model than the one asked for. */
  readonly swapped: boolean
  /** The app was told so. */
  readonly announced: boolean
}

/** What became of all turns. */
export interface Played {
  readonly completed: number
  readonly swapped: number
  readonly announcedSwaps: number
  /** Quantiles of what a turn took beyond its tool's own work, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Who watches a run. */
export interface Watcher {
  /** The process has warmed up; the storm may begin, and every turn counts from here on. */
  readonly begun: Effect.Effect<void>
  /** So many turns are over. */
  readonly onTurn: (turns: number) => Effect.Effect<void>
}

/** Plays a scenario. */
export const play = <E, R>(
  scenario: Scenario,
  agent: (turn: Turn) => Effect.Effect<Outcome, E, R>,
  watcher: Watcher
): Effect.Effect<Played, E, R> =>
  Effect.gen(function* () {
    const addedMs: Array<number> = []
    let completed = 0
    let swapped = 0
    let announcedSwaps = 0
    const turns = yield* turnsOf(scenario)
    const one = Effect.fnUntraced(function* (turn: Turn): Effect.fn.Return<void, E, R> {
      const [took, outcome] = yield* Effect.timed(agent(turn))
      addedMs.push(Duration.toMillis(took) - turn.thinkMs.reduce((sum, ms) => sum + ms, 0))
      if (outcome.completed) completed++
      if (outcome.swapped) swapped++
      if (outcome.announced) announcedSwaps++
      yield* watcher.onTurn(addedMs.length)
    })
    const together = { concurrency: scenario.workers, discard: true } as const
    yield* Effect.forEach(warmUpOf(scenario), agent, together)
    yield* watcher.begun
    yield* Effect.forEach(turns, one, together)
    addedMs.sort((a, b) => a - b)
    return { completed, swapped, announcedSwaps, p50Ms: quantile(addedMs, 0.5), p99Ms: quantile(addedMs, 0.99) }
  })
