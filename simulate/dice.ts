/** Numbers by chance, the same for the same seed. Each agent and provider rolls its own, whatever the others do. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** What chance is asked for. */
export interface Dice {
  /** From 0 up to 1. */
  readonly next: () => number
  readonly between: (low: number, high: number) => number
  /** A whole number, both ends possible. */
  readonly whole: (low: number, high: number) => number
  readonly chance: (probability: number) => boolean
  /** How long until the next of events that come at random, by their mean distance. */
  readonly exponential: (mean: number) => number
  /** A value that is skewed as latencies are, by its median. */
  readonly logNormal: (median: number, sigma: number) => number
}

/** The dice of a seed. */
export const of = (seed: string): Dice => {
  const random = Effect.runSync(Effect.map(Random.Random, (service) => service).pipe(Random.withSeed(seed)))
  const next = (): number => random.nextDoubleUnsafe()
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    exponential: (mean) => -Math.log(1 - next()) * mean,
    // Box and Muller's transform; 1 - next() is never 0.
    logNormal: (median, sigma) =>
      median * Math.exp(sigma * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()))
  }
}
