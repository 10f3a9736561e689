/**
 * Seeded storms of idle closes. Everything is drawn from two generators of the endpoint's seed, one for the periods and one for the limits,
 * so that how many connections happen to fall idle never changes when the next burst comes.
 */
import type * as FaultConfig from "../FaultConfig.ts"
import type { CloseHow } from "../FaultScript.ts"
import type * as FaultTruth from "../FaultTruth.ts"
import * as Clock from "./clock.ts"

/** How long a connection may be idle, and what then happens to it. */
export interface IdleLimit {
  readonly idleMs: number
  readonly how: CloseHow
}

/** mulberry32: a small generator of numbers in [0, 1) with a 32-bit state (Tommy Ettinger, public domain). */
export const mulberry32 = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The lengths of the periods of a storm in milliseconds: quiet, burst, quiet, burst and so on. */
export const periodsOf = (options: FaultConfig.Storm): (() => number) => {
  const random = mulberry32(options.seed)
  let quiet = false
  return () => {
    quiet = !quiet
    return between(random(), quiet ? options.quietMs : options.burstMs)
  }
}

/** The limits of a storm, in the order in which they are dealt. */
export const limitsOf = (options: FaultConfig.Storm): (() => IdleLimit) => {
  // Any constant will do, as long as the two sequences differ.
  const random = mulberry32(options.seed ^ 0x9e3779b9)
  return () => ({ idleMs: between(random(), options.idleMs), how: pick(random(), options.how) })
}

const maxDealt = 1000

/** A storm over one endpoint, armed from its creation until it is stopped. */
export class Storm {
  readonly #nextPeriod: () => number
  readonly #nextLimit: () => IdleLimit
  readonly #periodsMs: Array<number> = []
  readonly #dealt: Array<IdleLimit> = []
  #limits = 0
  #bursting = true
  #timer: Clock.Timer | undefined

  constructor(options: FaultConfig.Storm) {
    this.#nextPeriod = periodsOf(options)
    this.#nextLimit = limitsOf(options)
    this.#turn()
  }

  /** The limit of a connection that falls idle now; none in a quiet period. */
  deal(): IdleLimit | undefined {
    if (!this.#bursting) return undefined
    const limit = this.#nextLimit()
    this.#limits += 1
    if (this.#dealt.length < maxDealt) this.#dealt.push(limit)
    return limit
  }

  stop(): void {
    Clock.cancel(this.#timer)
  }

  state(): FaultTruth.StormState {
    return { bursting: this.#bursting, periodsMs: this.#periodsMs, limits: this.#limits, dealt: this.#dealt }
  }

  #turn(): void {
    this.#bursting = !this.#bursting
    const length = this.#nextPeriod()
    if (this.#periodsMs.length < maxDealt) this.#periodsMs.push(length)
    this.#timer = Clock.after(length, () => this.#turn())
  }
}

const between = (random: number, [least, most]: readonly [number, number]): number =>
  least + Math.floor(random * (most - least + 1))

const ways = ["fin", "half-fin", "reset"] as const

const pick = (random: number, weights: FaultConfig.Storm["how"]): CloseHow => {
  const total = ways.reduce((sum, way) => sum + (weights[way] ?? 0), 0)
  let left = random * total
  for (const way of ways) {
    left -= weights[way] ?? 0
    if (left < 0) return way
  }
  return ways.findLast((way) => (weights[way] ?? 0) > 0) ?? "fin"
}
