/** Who may be asked. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Scope from "effect/Scope"
import type { Candidate } from "../../Candidate.ts"
import type { CoolingDown } from "../../ProviderHealth.ts"
import type { Circuit } from "./circuit.ts"
import { likelyReason } from "./circuit.ts"
import type { Held, Ledger, Probe } from "./ledger.ts"
import { coolingDown, later, probeWaitMs } from "./ledger.ts"
import type { Grant, Settlement } from "./settlement.ts"
import type { Answer, Store } from "./store.ts"

/** What lets an attempt through. */
export interface Admitted {
  readonly _tag: "Admitted"
  readonly grants: ReadonlyArray<Grant>
  /** What the store holds on to until the attempt is settled. */
  readonly scope: Scope.Closeable | undefined
}

/** Let through without asking the store. */
export const freely: Admitted = { _tag: "Admitted", grants: [], scope: undefined }

/** A probe that was marked before the store is asked for it. */
interface Marked {
  readonly circuit: Circuit
  readonly held: Held | undefined
  readonly probe: Probe
  /** Gives up the probe before it, which was lost. */
  readonly lost: Effect.Effect<void>
}

/** Lets attempts through, or not. */
export class Admission {
  readonly ledger: Ledger
  readonly store: Store
  readonly settlement: Settlement

  constructor(ledger: Ledger, store: Store, settlement: Settlement) {
    this.ledger = ledger
    this.store = store
    this.settlement = settlement
  }

  standing(candidate: Candidate): Effect.Effect<CoolingDown | undefined> {
    const circuits = this.ledger.circuitsOf(candidate)
    const known = this.ledger.refusal(circuits)
    if (known !== undefined || !this.store.shared) return Effect.succeed(known)
    return Effect.map(
      Effect.forEach(circuits, (circuit) => this.look(circuit, candidate), { concurrency: "unbounded" }),
      (refusals) => refusals.reduce(later, undefined)
    )
  }

  admit(candidate: Candidate): Effect.Effect<Admitted | CoolingDown> {
    const circuits = this.ledger.circuitsOf(candidate)
    const refusal = this.ledger.refusal(circuits)
    if (refusal !== undefined) return Effect.succeed(refusal)
    const asked = this.store.shared ? circuits : circuits.filter((circuit) => isOpened(this.ledger.get(circuit)))
    if (asked.length === 0) return Effect.succeed(freely)
    // Marked at once, so that nobody else gets through while the store is being asked.
    const marked = asked.map((circuit) => this.mark(circuit))
    return Effect.uninterruptible(this.ask(candidate, marked))
  }

  mark(circuit: Circuit): Marked {
    const held = this.ledger.get(circuit)
    const probe: Probe = { sinceMs: this.ledger.now(), release: undefined }
    if (!isOpened(held)) return { circuit, held: undefined, probe, lost: Effect.void }
    const lost = held.probe?.release ?? Effect.void
    held.probe = probe
    return { circuit, held, probe, lost }
  }

  ask(candidate: Candidate, marked: ReadonlyArray<Marked>): Effect.Effect<Admitted | CoolingDown> {
    const { settlement, store } = this
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.make()
      const answers = yield* Effect.forEach(marked, (each) => this.askFor(candidate, each, scope), {
        concurrency: store.shared ? "unbounded" : 1
      })
      const grants: Array<Grant> = []
      let refusal: CoolingDown | undefined
      for (const answer of answers) {
        if (answer === undefined) continue
        if ("_tag" in answer) refusal = later(refusal, answer)
        else grants.push(answer)
      }
      if (refusal === undefined) return { _tag: "Admitted", grants, scope }
      yield* settlement.releaseAll(grants)
      yield* Scope.close(scope, Exit.void)
      return refusal
    })
  }

  askFor(candidate: Candidate, marked: Marked, scope: Scope.Scope): Effect.Effect<Grant | CoolingDown | undefined> {
    const key = marked.held?.storeKey ?? this.ledger.storeKey(marked.circuit)
    return Effect.map(Effect.andThen(marked.lost, this.store.admit(key, scope)), (answer) => {
      switch (answer._tag) {
        case "Unknown":
          unmark(marked)
          return undefined
        case "Admitted":
          return this.granted(marked, key, answer)
        case "Open":
        case "Probed":
          unmark(marked)
          return this.refused(marked, answer, candidate)
      }
    })
  }

  granted(marked: Marked, key: string, answer: Extract<Answer, { _tag: "Admitted" }>): Grant {
    const { circuit, held: known, probe } = marked
    const place = { key, generation: answer.generation }
    // A store of our own that has forgotten what is held still meets a probe, and no more than one.
    if (!answer.probe && (known === undefined || this.store.shared)) {
      // Another process has closed what this one held.
      if (known !== undefined) this.ledger.forget(known)
      return { circuit, place, probed: undefined }
    }
    const held = known ?? this.adopt(circuit)
    held.probe = probe
    if (this.store.shared) held.openings = Math.max(held.openings, answer.openings)
    const grant: Grant = { circuit, place, probed: { held, probe } }
    probe.release = this.settlement.release(grant)
    return grant
  }

  refused(
    { circuit, held: known }: Marked,
    answer: Extract<Answer, { _tag: "Open" | "Probed" }>,
    candidate: Candidate
  ): CoolingDown {
    const now = this.ledger.now()
    const held = known ?? this.adopt(circuit)
    if (answer._tag === "Probed") return coolingDown(held, now + probeWaitMs)
    this.ledger.open(held, now + answer.forMs, candidate)
    return coolingDown(held, held.untilMs)
  }

  /** Looks at a circuit that other processes may have opened, or closed. */
  look(circuit: Circuit, candidate: Candidate): Effect.Effect<CoolingDown | undefined> {
    return Effect.map(this.store.state(this.ledger.storeKey(circuit)), (state) => {
      if (state === undefined) return undefined
      if (state._tag === "Closed") return this.closedElsewhere(circuit)
      const now = this.ledger.now()
      const held = this.adopt(circuit)
      held.openings = Math.max(held.openings, state.consecutiveOpenings)
      if (state._tag === "HalfOpen") {
        // A probe of this process is lost by now, and gives way.
        return state.probing && held.probe === undefined ? coolingDown(held, now + probeWaitMs) : undefined
      }
      this.ledger.open(held, now + Duration.toMillis(state.retryAfter), candidate)
      return this.ledger.refusalOf(held)
    })
  }

  closedElsewhere(circuit: Circuit): undefined {
    const held = this.ledger.get(circuit)
    // An attempt of this process that probes it closes it here too.
    if (isOpened(held) && held.probe === undefined) this.ledger.forget(held)
  }

  /** Brings what this process holds up to date with a shared store. */
  get refreshed(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const opened = this.store.shared ? [...this.ledger.held.values()].filter(isOpened) : []
      return this.settlement.each(opened, (held) =>
        Effect.map(this.store.state(held.storeKey), (state: CircuitBreaker.State | undefined) => {
          if (state?._tag === "Closed" && this.ledger.isCurrent(held)) this.closedElsewhere(held.circuit)
        })
      )
    })
  }

  /** Learns of a window of another process, which has begun and may be over. */
  adopt(circuit: Circuit): Held {
    const held = this.ledger.get(circuit) ?? this.ledger.add(circuit, likelyReason(circuit))
    held.seenMs = this.ledger.now()
    held.openings ||= 1
    held.untilMs ||= Math.max(1, this.ledger.now())
    return held
  }
}

const unmark = ({ held, probe }: Marked): void => {
  if (held !== undefined && held.probe === probe) held.probe = undefined
}

const isOpened = (held: Held | undefined): held is Held => held !== undefined && held.untilMs > 0
