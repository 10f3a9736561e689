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
import { coolingDown, isLost, later, probeWaitMs } from "./ledger.ts"
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
    return Effect.uninterruptible(this.ask(candidate, asked))
  }

  ask(candidate: Candidate, circuits: ReadonlyArray<Circuit>): Effect.Effect<Admitted | CoolingDown> {
    const { settlement, store } = this
    return Effect.gen({ self: this }, function* () {
      const scope = yield* Scope.make()
      const answers = yield* Effect.forEach(circuits, (circuit) => this.askFor(candidate, circuit, scope), {
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

  askFor(candidate: Candidate, circuit: Circuit, scope: Scope.Scope): Effect.Effect<Grant | CoolingDown | undefined> {
    const known = this.ledger.get(circuit)
    const key = known?.storeKey ?? this.ledger.storeKey(circuit)
    const probe = known?.probe
    const released = probe !== undefined && isLost(probe, this.ledger.now()) ? probe.release : Effect.void
    return Effect.map(Effect.andThen(released, this.store.admit(key, scope)), (answer) => {
      switch (answer._tag) {
        case "Unknown":
          return undefined
        case "Admitted":
          return this.granted(circuit, key, answer)
        case "Open":
        case "Probed":
          return this.refused(circuit, answer, candidate)
      }
    })
  }

  granted(circuit: Circuit, key: string, answer: Extract<Answer, { _tag: "Admitted" }>): Grant {
    const known = this.ledger.get(circuit)
    const place = { key, generation: answer.generation }
    if (!answer.probe && (this.store.shared || !isOpened(known))) {
      // Another process has closed what this one held.
      if (isOpened(known)) this.ledger.forget(known)
      return { circuit, place, probed: undefined }
    }
    // What a store of our own has forgotten is probed like anything else that is held.
    const held = this.adopt(circuit)
    if (this.store.shared) held.openings = Math.max(held.openings, answer.openings)
    const probe: Probe = { sinceMs: this.ledger.now(), release: Effect.void }
    const grant: Grant = { circuit, place, probed: { held, probe } }
    probe.release = this.settlement.release(grant)
    held.probe = probe
    return grant
  }

  refused(circuit: Circuit, answer: Extract<Answer, { _tag: "Open" | "Probed" }>, candidate: Candidate): CoolingDown {
    const now = this.ledger.now()
    const held = this.adopt(circuit)
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

const isOpened = (held: Held | undefined): held is Held => held !== undefined && held.untilMs > 0
