/**
 * What the schedules of one candidate's stay allow, without chance: they are stepped side by side with chance in the
 * middle and at either end.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Policy } from "../../FailoverPolicy.ts"
import type { Failure } from "../../Failure.ts"
import { Retries } from "../failover/retries.ts"

/** A delay in milliseconds, and what it is between where it is a matter of chance. */
export interface Delay {
  readonly delayMs: number
  readonly leastMs: number
  readonly mostMs: number
}

const fixed = (at: number): typeof Random.Random.Service => ({
  nextDoubleUnsafe: () => at,
  nextIntUnsafe: () => Math.trunc((2 * at - 1) * Number.MAX_SAFE_INTEGER)
})

const middle = fixed(0.5)
const least = fixed(0)
// The greatest that a generator of numbers below 1 gives.
const most = fixed(1 - Number.EPSILON / 2)

/** The schedules that a call has begun at its candidate. */
export class Delays {
  private readonly walks: readonly [middle: Retries, least: Retries, most: Retries]

  constructor(policy: Policy) {
    this.walks = [new Retries(policy), new Retries(policy), new Retries(policy)]
  }

  /** The candidate is asked again after a failure. */
  began(failure: Failure): void {
    for (const walk of this.walks) walk.began(failure)
  }

  /** Another candidate is asked. */
  reset(): void {
    for (const walk of this.walks) walk.reset()
  }

  /** The delay that the schedule of the failure's class allows, or nothing if it has ended. */
  next(failure: Failure, now: number): Effect.Effect<Delay | undefined> {
    const step = (walk: Retries, chance: typeof Random.Random.Service) =>
      Effect.provideService(walk.delay(failure, now), Random.Random, chance)
    const [inMiddle, atLeast, atMost] = this.walks
    return Effect.map(
      Effect.all([step(inMiddle, middle), step(atLeast, least), step(atMost, most)]),
      ([delayMs, ...ends]) => {
        if (delayMs === undefined) return undefined
        const known = [delayMs, ...ends.filter((each) => each !== undefined)]
        return { delayMs, leastMs: Math.min(...known), mostMs: Math.max(...known) }
      }
    )
  }
}
