/**
 * What both runs of the demo live through: the same turns, the same think times, the same storm, all drawn from one seed.
 */
import * as FaultConfig from "@holdfast/testing/FaultConfig"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"

/** A run of the demo. */
export const Scenario = Schema.Struct({
  seed: Schema.Int,
  /** How many turns are played, `workers` of them at a time. */
  turns: Schema.Int,
  workers: Schema.Int,
  /** Tool calls of a turn; it makes one model call more than that. */
  steps: Schema.Int,
  /** How long a tool works, from least to most. */
  thinkMs: FaultConfig.MillisRange
})
/** @see {@link Scenario} */
export type Scenario = typeof Scenario.Type

/** One turn: what the user says, and how long the tool works at each step. */
export interface Turn {
  readonly text: string
  readonly thinkMs: ReadonlyArray<number>
}

/** The tool that the agent has. */
export const tool = { name: "record", description: "Writes a line into the ledger." } as const

/** The models, in the order in which they are to be asked. */
export const models = { primary: "claude-opus-4-7", fallback: "gpt-5.5" } as const

/** The demo's own scenario. */
export const demo = (options: { readonly seed: number; readonly turns: number }): Scenario => ({
  ...options,
  workers: 16,
  steps: 3,
  thinkMs: [40, 120]
})

/**
 * Turns that are played before the storm begins and are not counted: what a process takes to warm up is no matter of its
 * transport, and with a thousand turns it would be their 99th percentile.
 */
export const warmUpOf = ({ steps, workers }: Scenario): ReadonlyArray<Turn> =>
  Array.from({ length: 4 * workers }, (_, index) => ({
    text: `warm-up ${index + 1}`,
    thinkMs: Array.from({ length: steps }, () => 0)
  }))

/** The turns of a scenario. More turns of the same seed begin with the same ones. */
export const turnsOf = ({ seed, steps, thinkMs: [least, most], turns }: Scenario): Effect.Effect<ReadonlyArray<Turn>> =>
  Effect.forEach(Array.from({ length: turns }), (_, index) =>
    Effect.map(
      Effect.all(Array.from({ length: steps }, () => Random.nextIntBetween(least, most))),
      (thinkMs): Turn => ({ text: `turn ${index + 1}`, thinkMs })
    )
  ).pipe(Random.withSeed(seed))

/** How long the tool works at a step of a turn, counted from 1. */
export const thinkMsAt = (turn: Turn, step: number): number => turn.thinkMs[step - 1] ?? 0

/** Names a side effect, so that the server can tell the same one done twice. */
export const effectKey = (turn: Turn, step: number): string => `${turn.text}, step ${step}`

/**
 * The storm over the primary provider.
 *
 * The pool hands out the connections at its front first, so an idle one waits for about a tool's time divided by the
 * workers until it is needed. In a burst the server's patience is of that length, and its close and the next request
 * often meet. Nothing in a client is slowed down for that.
 */
export const stormOf = ({ seed, thinkMs: [least, most], workers }: Scenario): FaultConfig.Storm => ({
  seed,
  quietMs: [150, 400],
  burstMs: [100, 350],
  idleMs: [0, Math.ceil((1.5 * (least + most)) / 2 / workers)],
  how: { fin: 2, "half-fin": 1, reset: 1 }
})

/** The fault server of a scenario. Its storm waits to be armed. */
export const serverOf = (scenario: Scenario): FaultConfig.Config => {
  const agent = { tool: tool.name, steps: scenario.steps }
  return {
    record: "counts",
    endpoints: { primary: { agent, storm: stormOf(scenario) }, fallback: { agent } }
  }
}
