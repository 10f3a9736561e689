/** Who cools down because of the failures of one call, as `ProviderHealth` has it for a call that is alone. */
import type { Candidate } from "../../Candidate.ts"
import type { Failure } from "../../Failure.ts"
import type { Circuit } from "../health/circuit.ts"
import { areOfOneThing, circuitOf, circuitsOf } from "../health/circuit.ts"
import { askedMs, defaults, windowMs } from "../health/settings.ts"

interface Held {
  readonly circuit: Circuit
  failures: number
  openings: number
  /** End of the latest window; 0 while failures are counted only. */
  untilMs: number
}

/** What is held against whom. Times are in milliseconds since the call began. */
export class Cooldowns {
  private readonly held = new Map<string, Held>()

  /** When a candidate may be asked again; nothing where it may now. */
  untilMs(candidate: Candidate, now: number): number | undefined {
    if (this.held.size === 0) return undefined
    const untilMs = Math.max(0, ...circuitsOf(candidate).map(({ id }) => this.held.get(id)?.untilMs ?? 0))
    return untilMs > now ? untilMs : undefined
  }

  /** An attempt failed that began when nothing was held against its candidate. */
  failed(candidate: Candidate, failure: Failure, now: number): void {
    const against = circuitOf(candidate, failure)
    if (against === undefined) return
    const asked = askedMs(defaults, failure.reason)
    // It was the probe of all whose window was over.
    for (const { id } of circuitsOf(candidate)) {
      const held = this.held.get(id)
      if (held === undefined || held.untilMs === 0) continue
      if (id === against.id) this.open(held, now, asked)
      else if (areOfOneThing(against, held.circuit)) this.open(held, now, 0)
    }
    const held = this.held.get(against.id) ?? { circuit: against, failures: 0, openings: 0, untilMs: 0 }
    this.held.set(against.id, held)
    held.failures += 1
    if (held.untilMs === 0 && held.failures >= defaults.kinds[against.kind].after) this.open(held, now, asked)
  }

  private open(held: Held, now: number, asked: number): void {
    held.openings += 1
    held.untilMs = Math.max(held.untilMs, now + Math.max(windowMs(defaults, held.circuit.kind, held.openings), asked))
  }
}
