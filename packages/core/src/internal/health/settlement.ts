/** What the outcomes of attempts do to circuits. */
import * as Effect from "effect/Effect"
import type { Candidate } from "../../Candidate.ts"
import type { Failure } from "../../Failure.ts"
import type { Outcome } from "../../ProviderHealth.ts"
import type { Circuit } from "./circuit.ts"
import { areOfOneThing, circuitOf } from "./circuit.ts"
import type { Held, Ledger, Probe } from "./ledger.ts"
import { askedMs, windowMs } from "./settings.ts"
import type { Place, Store } from "./store.ts"

/** What the store has given an attempt for one circuit. */
export interface Grant {
  readonly circuit: Circuit
  readonly place: Place
  /** What it probes. */
  readonly probed: Probed | undefined
}

/** A circuit under probe, and whose probe it was at first. */
export interface Probed {
  readonly held: Held
  readonly probe: Probe
}

/** Settles attempts. */
export class Settlement {
  readonly ledger: Ledger
  readonly store: Store

  constructor(ledger: Ledger, store: Store) {
    this.ledger = ledger
    this.store = store
  }

  settle(candidate: Candidate, grants: ReadonlyArray<Grant>, outcome: Outcome): Effect.Effect<void> {
    switch (outcome._tag) {
      case "Ignored":
        return this.releaseAll(grants)
      case "Succeeded":
        return this.succeeded(candidate, grants)
      case "Failed":
        return this.failed(candidate, grants, outcome.failure)
    }
  }

  /** Lets probes go without an outcome. */
  releaseAll(grants: ReadonlyArray<Grant>): Effect.Effect<void> {
    return this.each(grants, (grant) => this.release(grant))
  }

  release({ place, probed }: Grant): Effect.Effect<void> {
    if (probed === undefined) return Effect.void
    return Effect.suspend(() => {
      unmark(probed)
      // The store remembers it from now on for as long as we do.
      probed.held.seenMs = this.ledger.now()
      return this.store.pass(place, "Ignored")
    })
  }

  succeeded(candidate: Candidate, grants: ReadonlyArray<Grant>): Effect.Effect<void> {
    if (grants.length === 0 && this.ledger.held.size === 0) return Effect.void
    const granted = new Set<string>()
    for (const { circuit, probed } of grants) {
      granted.add(circuit.id)
      if (probed !== undefined && unmark(probed)) this.ledger.forget(probed.held)
    }
    // Failures that were counted are undone. What has opened since the attempt was let through is left to a probe.
    const counted: Array<Place> = []
    for (const circuit of this.ledger.circuitsOf(candidate)) {
      const held = this.ledger.get(circuit)
      if (held === undefined || held.untilMs > 0) continue
      this.ledger.forget(held)
      const { generation, storeKey } = held
      if (generation !== undefined && !granted.has(circuit.id)) counted.push({ key: storeKey, generation })
    }
    const passed = grants.filter(({ circuit, probed }) => probed !== undefined || this.streaks(circuit))
    return this.each([...passed.map(({ place }) => place), ...counted], (place) => this.store.pass(place, "Success"))
  }

  /** Whether a circuit counts failures: one that opens at the first has no count that a success could undo. */
  streaks({ kind }: Circuit): boolean {
    return this.ledger.settings.kinds[kind].after > 1
  }

  failed(candidate: Candidate, grants: ReadonlyArray<Grant>, failure: Failure): Effect.Effect<void> {
    const against = circuitOf(candidate, failure)
    if (against === undefined) return this.releaseAll(grants)
    const granted = grants.some(({ circuit }) => circuit.id === against.id)
    return Effect.andThen(
      this.each(grants, (grant) => {
        const { circuit, probed } = grant
        if (circuit.id === against.id) return this.count(grant, candidate, failure)
        // Another kind of trouble with what is being probed: that is not well yet.
        const again = probed !== undefined && areOfOneThing(against, circuit)
        return again && this.isOurs(probed) ? this.reopen(grant, probed, candidate) : this.release(grant)
      }),
      granted ? Effect.void : Effect.suspend(() => this.countAnew(against, candidate, failure))
    )
  }

  /** Counts a failure of an attempt that its circuit let through. */
  count(grant: Grant, candidate: Candidate, failure: Failure): Effect.Effect<void> {
    const { circuit, place, probed } = grant
    if (probed === undefined) {
      if (this.ledger.storeKey(circuit) !== place.key) return this.countAnew(circuit, candidate, failure)
      return this.note(this.heldFor(circuit, failure), place.generation, candidate, failure)
    }
    if (this.isOurs(probed)) {
      note(probed.held, failure, this.ledger.now())
      return this.reopen(grant, probed, candidate, askedMs(this.ledger.settings, failure.reason))
    }
    // Somebody has taken the probe over, or what it probed was reset.
    return Effect.andThen(
      this.release(grant),
      Effect.suspend(() => this.countAnew(circuit, candidate, failure))
    )
  }

  /** Counts a failure of an attempt that was let through without asking the store. */
  countAnew(circuit: Circuit, candidate: Candidate, failure: Failure): Effect.Effect<void> {
    const held = this.heldFor(circuit, failure)
    if (held.untilMs > 0 || held.generation !== undefined) {
      return this.note(held, held.generation, candidate, failure)
    }
    return Effect.scopedWith((scope) =>
      Effect.flatMap(this.store.admit(held.storeKey, scope), (answer) => {
        if (answer._tag === "Open") this.ledger.open(held, this.ledger.now() + answer.forMs, candidate)
        if (answer._tag !== "Admitted") return this.note(held, undefined, candidate, failure)
        if (!answer.probe) return this.note(held, answer.generation, candidate, failure)
        // It was let through before the window of another process began, so it is no probe.
        return this.store.pass({ key: held.storeKey, generation: answer.generation }, "Ignored")
      })
    )
  }

  heldFor(circuit: Circuit, { reason }: Failure): Held {
    return this.ledger.get(circuit) ?? this.ledger.add(circuit, reason._tag)
  }

  /** Whether a probe is still that of the attempt, and what it probes still held. */
  isOurs({ held, probe }: Probed): boolean {
    return held.probe === probe && this.ledger.isCurrent(held)
  }

  note(held: Held, generation: number | undefined, candidate: Candidate, failure: Failure): Effect.Effect<void> {
    const now = this.ledger.now()
    const { settings } = this.ledger
    const asked = askedMs(settings, failure.reason)
    note(held, failure, now)
    if (held.untilMs > 0) {
      // A window in force is not extended, unless the provider asks for it.
      if (asked > 0) this.ledger.open(held, now + asked, candidate)
      return Effect.void
    }
    held.generation = generation
    return generation === undefined
      ? Effect.void
      : this.open(held, generation, settings.kinds[held.circuit.kind].after, candidate, asked)
  }

  /** The probe failed: another window, longer than the last. */
  reopen({ place }: Grant, probed: Probed, candidate: Candidate, asked = 0): Effect.Effect<void> {
    unmark(probed)
    return this.open(probed.held, place.generation, 1, candidate, asked)
  }

  open(held: Held, generation: number, after: number, candidate: Candidate, asked: number): Effect.Effect<void> {
    const openForMs = Math.max(windowMs(this.ledger.settings, held.circuit.kind, held.openings + 1), asked)
    return Effect.map(this.store.fail({ key: held.storeKey, generation }, after, openForMs), (opened) => {
      if (!opened) return
      held.openings++
      held.generation = undefined
      this.ledger.open(held, this.ledger.now() + openForMs, candidate)
    })
  }

  each<A>(items: ReadonlyArray<A>, f: (item: A) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.forEach(items, f, { concurrency: this.store.shared ? "unbounded" : 1, discard: true })
  }
}

const note = (held: Held, { reason }: Failure, now: number): void => {
  held.reason = reason._tag
  held.failures++
  held.seenMs = now
}

/** Ends a probe, unless somebody else's has taken its place. */
const unmark = ({ held, probe }: Probed): boolean => {
  if (held.probe !== probe) return false
  held.probe = undefined
  return true
}
