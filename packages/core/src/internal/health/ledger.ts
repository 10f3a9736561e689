/** What this process knows to be held, and the events that tell of it. */
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type { Candidate } from "../../Candidate.ts"
import type { CoolingDown, Entry } from "../../ProviderHealth.ts"
import type * as Reason from "../../Reason.ts"
import type { Telemetry } from "../../Telemetry.ts"
import type { Circuit } from "./circuit.ts"
import { remembering } from "./circuit.ts"
import type { Settings } from "./settings.ts"
import { longestHeldMs } from "./settings.ts"

/** What is held by one circuit. */
export interface Held {
  readonly circuit: Circuit
  /** Its name in the store. */
  readonly storeKey: string
  reason: Reason.Tag
  failures: number
  openings: number
  /** End of the latest window; 0 while failures are counted only. */
  untilMs: number
  seenMs: number
  /** The store's name for the state that failures are counted in. */
  generation: number | undefined
  probe: Probe | undefined
}

/** A probe under way. */
export interface Probe {
  readonly sinceMs: number
  /** Gives it up, so that somebody else may probe. */
  release: Effect.Effect<void>
}

/** When to ask again whether a probe that is under way has ended, in milliseconds. */
export const probeWaitMs = 1000

/** How long a probe may take, in milliseconds; one that was not settled by then was lost. */
export const longestProbeMs = 600_000

/** What is held, by circuit. */
export class Ledger {
  readonly held = new Map<string, Held>()
  readonly settings: Settings
  readonly telemetry: Telemetry["Service"]
  readonly clock: Clock.Clock
  /** A key that was reset has other circuits in the store from then on, which knows no reset. */
  readonly resets = new Map<string, { readonly n: number; readonly atMs: number }>()
  resetCount = 0
  /** The reset of everybody that was last. */
  epoch = 0
  sweptMs: number
  /** The circuits that a candidate stands behind. */
  readonly circuitsOf = remembering()

  constructor(settings: Settings, telemetry: Telemetry["Service"], clock: Clock.Clock) {
    this.settings = settings
    this.telemetry = telemetry
    this.clock = clock
    this.sweptMs = this.now()
  }

  now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }

  get(circuit: Circuit): Held | undefined {
    const held = this.held.get(circuit.id)
    if (held === undefined || !this.isIdle(held, this.now())) return held
    this.forget(held)
    return undefined
  }

  storeKey({ id, key }: Circuit): string {
    const n = Math.max(this.resets.get(key)?.n ?? 0, this.epoch)
    return n === 0 ? id : `${id}~${n}`
  }

  add(circuit: Circuit, reason: Reason.Tag): Held {
    const held: Held = {
      circuit,
      storeKey: this.storeKey(circuit),
      reason,
      failures: 0,
      openings: 0,
      untilMs: 0,
      seenMs: this.now(),
      generation: undefined,
      probe: undefined
    }
    this.held.set(circuit.id, held)
    return held
  }

  /** Whether an entry is still the one that is held: it may have been reset, or forgotten, in the meantime. */
  isCurrent(held: Held): boolean {
    return this.held.get(held.circuit.id) === held
  }

  /** A window begins, or gets longer. */
  open(held: Held, untilMs: number, candidate: Candidate): void {
    if (untilMs <= held.untilMs) return
    held.untilMs = untilMs
    if (!this.telemetry.isActive()) return
    const { key, scope } = held.circuit
    this.telemetry.publishUnsafe({ _tag: "CooldownStarted", key, scope, reason: held.reason, untilMs, candidate })
  }

  forget(held: Held): void {
    if (!this.isCurrent(held)) return
    this.held.delete(held.circuit.id)
    if (held.untilMs === 0 || !this.telemetry.isActive()) return
    const { key, scope } = held.circuit
    this.telemetry.publishUnsafe({ _tag: "CooldownEnded", key, scope, reason: held.reason })
  }

  /** What keeps a candidate behind these circuits from being asked, that which lasts longest. */
  refusal(circuits: ReadonlyArray<Circuit>): CoolingDown | undefined {
    let longest: CoolingDown | undefined
    for (const circuit of circuits) {
      const held = this.get(circuit)
      if (held !== undefined) longest = later(longest, this.refusalOf(held))
    }
    return longest
  }

  refusalOf(held: Held): CoolingDown | undefined {
    const now = this.now()
    if (held.untilMs > now) return coolingDown(held, held.untilMs)
    return held.probe !== undefined && !isLost(held.probe, now) ? coolingDown(held, now + probeWaitMs) : undefined
  }

  /** Drops what has been idle for long, so that memory is bounded and the process can be quiet again. */
  sweep(): void {
    const now = this.now()
    if (now - this.sweptMs < this.settings.idleTimeToLiveMs / 4) return
    this.sweptMs = now
    for (const held of this.held.values()) {
      if (this.isIdle(held, now)) this.forget(held)
    }
    // As long as the store may remember what the key's circuits were before.
    const remembered = longestHeldMs(this.settings) + this.settings.idleTimeToLiveMs
    for (const [key, { atMs }] of this.resets) {
      if (now - atMs > 2 * remembered) this.resets.delete(key)
    }
  }

  isIdle({ probe, seenMs, untilMs }: Held, now: number): boolean {
    // A probe that was lost is let go when somebody asks next: until then the store holds it.
    if (probe !== undefined) return false
    return now - Math.max(seenMs, untilMs) >= this.settings.idleTimeToLiveMs
  }

  snapshot(): ReadonlyArray<Entry> {
    const now = this.now()
    const entries: Array<Entry> = []
    for (const held of this.held.values()) {
      if (this.get(held.circuit) === undefined) continue
      const { circuit, failures, openings, reason, untilMs } = held
      const state = untilMs === 0 ? "closed" : untilMs > now ? "open" : "half-open"
      entries.push({
        key: circuit.key,
        scope: circuit.scope,
        kind: circuit.kind,
        state,
        untilMs,
        reason,
        failures,
        openings
      })
    }
    return entries
  }

  reset(key: string | undefined): void {
    const n = ++this.resetCount
    if (key === undefined) {
      this.epoch = n
      this.resets.clear()
    } else {
      this.resets.set(key, { n, atMs: this.now() })
    }
    for (const held of this.held.values()) {
      if (key === undefined || held.circuit.key === key) this.forget(held)
    }
  }
}

/** Whether a probe's attempt has not been heard of for so long that it must have been lost. */
export const isLost = (probe: Probe, now: number): boolean => now - probe.sinceMs >= longestProbeMs

/** What a candidate is told that is not to be asked. */
export const coolingDown = ({ circuit, reason }: Held, untilMs: number): CoolingDown => ({
  _tag: "CoolingDown",
  untilMs,
  scope: circuit.scope,
  key: circuit.key,
  reason
})

/** That which lasts longer. */
export const later = (a: CoolingDown | undefined, b: CoolingDown | undefined): CoolingDown | undefined =>
  a === undefined || (b !== undefined && b.untilMs > a.untilMs) ? b : a
