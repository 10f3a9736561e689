/**
 * When a provider is down and how, laid out before the fleet starts: the same seed gives every fleet the same weather.
 */
import type { Dice } from "./dice.ts"

/**
 * - `refused`: nothing listens; an attempt never starts on a connection, and what is under way is cut.
 * - `gateway`: a proxy in front answers 503 for it, so that nobody knows whether the provider ran the request.
 * - `overloaded`: it answers 529 itself, in its own shape, and runs nothing.
 */
export type Trouble = "refused" | "gateway" | "overloaded"

/** A stretch of time in which a provider is down. Milliseconds from the start of the simulation. */
export interface Outage {
  readonly from: number
  readonly until: number
  readonly trouble: Trouble
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const troubles: ReadonlyArray<Trouble> = ["overloaded", "refused", "gateway"]

/** How often the weather of a chain's places comes round: the primary has the worst of it. */
const shiftMs = 3 * hour

/**
 * The outages of a provider at a place in the chain, in order and apart.
 *
 * **Details**
 *
 * In every shift of three hours the primary is down once for 3 to 12 minutes, and flaps once for 10 minutes: 20 to 40 s
 * down, 30 to 60 s up. The second is down in every third shift while the primary is, the third in every sixth beside
 * both, so that there are minutes in which nobody answers. A simulation shorter than a shift has one that is as long.
 */
export const outages = (place: number, totalMs: number, shared: Dice): ReadonlyArray<Outage> => {
  const length = Math.min(shiftMs, totalMs)
  const found: Array<Outage> = []
  for (let shift = 0; shift * length < totalMs; shift++) {
    const start = shift * length
    // Every place draws the same numbers in the same order, so that their outages can meet.
    const from = start + length * shared.between(0.15, 0.35)
    const lasts = Math.min(length / 8, shared.between(3, 12) * minute)
    const flapsFrom = start + length * shared.between(0.55, 0.7)
    const flapsFor = Math.min(length / 8, 10 * minute)
    const trouble = (turn: number): Trouble => troubles[(shift + turn) % troubles.length] ?? "overloaded"
    if (place === 0) {
      found.push({ from, until: from + lasts, trouble: trouble(0) })
      found.push(...flapping(flapsFrom, flapsFor, trouble(1), shared))
    } else {
      // Drawn by every place, whether it flaps or not.
      flapping(flapsFrom, flapsFor, trouble(1), shared)
      if (place === 1 && shift % 3 === 0) {
        found.push({ from: from + lasts / 4, until: from + (lasts * 3) / 4, trouble: trouble(2) })
      }
      if (place === 2 && shift % 6 === 0) {
        found.push({ from: from + lasts / 3, until: from + (lasts * 2) / 3, trouble: trouble(1) })
      }
    }
  }
  return found.map(({ from, trouble, until }) => ({ from: Math.round(from), until: Math.round(until), trouble }))
}

const flapping = (from: number, lasts: number, trouble: Trouble, dice: Dice): Array<Outage> => {
  const found: Array<Outage> = []
  let at = from
  while (at < from + lasts) {
    const until = at + dice.between(20, 40) * second
    found.push({ from: at, until, trouble })
    at = until + dice.between(30, 60) * second
  }
  return found
}

/** What the weather is at a time. */
export interface Weather {
  /** The outage that is on. */
  readonly outage: Outage | undefined
  /** When the last outage ended; minus infinity before the first. */
  readonly recoveredAt: number
  /** The outage that comes next. */
  readonly next: Outage | undefined
}

/** Reads the weather at times that never go back. */
export const reader = (found: ReadonlyArray<Outage>): ((now: number) => Weather) => {
  let index = 0
  return (now) => {
    while ((found[index]?.until ?? Infinity) <= now) index++
    const coming = found[index]
    const isOn = coming !== undefined && coming.from <= now
    return {
      outage: isOn ? coming : undefined,
      recoveredAt: found[index - 1]?.until ?? -Infinity,
      next: isOn ? found[index + 1] : coming
    }
  }
}
