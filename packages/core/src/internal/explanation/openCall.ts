/** A call of a journal, decided again. */
import * as Effect from "effect/Effect"
import type { CallState } from "../../CallState.ts"
import * as Candidate from "../../Candidate.ts"
import type { Decision } from "../../Decision.ts"
import * as FailoverPolicy from "../../FailoverPolicy.ts"
import type { Failure } from "../../Failure.ts"
import type * as Rerun from "../../Rerun.ts"
import type * as Event from "../../TelemetryEvent.ts"
import { ofBoth } from "../failover/ofBoth.ts"
import { Delays } from "./delays.ts"
import { failureOf } from "./retold.ts"

type Candidates = ReadonlyArray<Candidate.Candidate>

// Chains are short. Of a call that asked more than these the rest is not told apart.
const mostSeen = 64

// Delays are computed in floating point.
const tolerance = 1e-3

/** What a failed attempt waits for: to be decided. */
interface Pending {
  readonly failure: Failure
  readonly at: number
  readonly event: typeof Event.AttemptFailed.Type
}

/** A call of a journal, as far as it has been read. */
export class OpenCall {
  private readonly policy: FailoverPolicy.Policy
  private readonly call: string
  private readonly delays: Delays
  private turn: string | undefined
  private requested: Candidate.Candidate | undefined
  private chain: Candidates | undefined
  /** Who was named, in order, where the chain was not told. */
  private readonly seen: Array<Candidate.Candidate> = []
  private readonly left: Array<number> = []
  /** Attempts of which the beginning was read. */
  private started = 0
  private readonly pending = new Map<number, Pending>()
  /** Whether one of the failures above was decided. */
  private isDecided = false
  /** Whether all of the call was read so far; else where it is in its schedules is not known. */
  private isWhole = true
  private isExact = true
  private same = 0
  private unknown = 0
  private unread = 0
  private difference: Rerun.Difference | undefined

  constructor(policy: FailoverPolicy.Policy, call: string) {
    this.policy = policy
    this.call = call
    this.delays = new Delays(policy)
  }

  began(event: typeof Event.AttemptStarted.Type): void {
    this.turn ??= event.turn
    this.chain ??= event.chain
    this.requested ??= event.chain?.[0] ?? event.candidate
    this.placeOf(event.candidate)
    this.started += 1
    if (this.pending.size > 0 && !this.isDecided) this.isWhole = false
    this.pending.clear()
    this.isDecided = false
  }

  failed(event: typeof Event.AttemptFailed.Type): void {
    this.turn ??= event.turn
    const failure = failureOf(event)
    // What failed beside it is decided with it.
    const [beside] = this.isDecided
      ? []
      : [...this.pending.values()].filter((each) => each.event.attempt !== event.attempt)
    const both = beside === undefined ? failure : ofBoth(beside.failure, failure)
    this.pending.set(event.attempt, { failure: both, at: event.at, event })
    // Two attempts at most are under way at once.
    for (const first of this.pending.keys()) {
      if (this.pending.size <= 2) break
      this.isWhole = false
      this.pending.delete(first)
    }
  }

  decided(event: typeof Event.Decided.Type): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.turn ??= event.turn
      this.chain ??= event.chain
      this.requested = event.requested ?? this.requested
      if (this.difference !== undefined) {
        this.unknown += 1
        return Effect.void
      }
      return event.attempt < 1 ? Effect.sync(() => this.beforeAny(event)) : this.afterFailure(event)
    })
  }

  /** What came of the call under the other policy, as far as can be said. */
  close(outcome: Rerun.Outcome): Rerun.Call {
    const { difference, requested, turn } = this
    return {
      call: this.call,
      ...(turn === undefined ? undefined : { turn }),
      ...(requested === undefined ? undefined : { requested }),
      outcome,
      same: this.same,
      ...(difference === undefined ? undefined : { difference }),
      unknown: this.unknown,
      unread: this.unread,
      exact: this.isExact
    }
  }

  private beforeAny(event: typeof Event.Decided.Type): void {
    const state = this.told(event)
    if (state === undefined) this.unread += 1
    else this.compare(event, FailoverPolicy.begin(this.policy, state), undefined)
  }

  private afterFailure(event: typeof Event.Decided.Type): Effect.Effect<void> {
    const pending = this.pending.get(event.attempt)
    if (pending === undefined) {
      this.isWhole = false
      this.unread += 1
      return Effect.void
    }
    this.isDecided = true
    const { at, failure } = pending
    return Effect.map(this.delays.next(failure, at), (delay) => {
      const told = this.told(event)
      const state = told ?? this.guessed(event)
      // A beginning that was not read leaves nothing else than to take the schedules as they were.
      const isKnown = this.isWhole && this.started === state.attempts
      const was = told?.retryDelayMs ?? ("delayMs" in event.decision ? event.decision.delayMs : undefined)
      const isChance =
        delay !== undefined && was !== undefined && was >= delay.leastMs - tolerance && was <= delay.mostMs + tolerance
      const retryDelayMs = isChance || !isKnown ? was : delay?.delayMs
      if (told === undefined || !isKnown) this.isExact = false
      this.compare(event, FailoverPolicy.decide(this.policy, { ...state, retryDelayMs }, failure), pending)
    })
  }

  private compare(event: typeof Event.Decided.Type, decision: Decision, pending: Pending | undefined): void {
    const { attempt, candidate, decision: was } = event
    const wouldBe = isOutOfWaits(was) ? was : decision
    if (isSame(was, wouldBe)) {
      this.same += 1
      this.follow(was, pending)
      return
    }
    const failed = pending?.event
    const requested = this.requested ?? candidate
    this.difference = {
      at: event.at,
      attempt,
      candidate,
      ...(failed === undefined ? undefined : { reason: failed.reason, verdict: failed.verdict, rule: failed.rule }),
      was,
      wouldBe,
      change: { was: kindOf(was, requested), wouldBe: kindOf(wouldBe, requested) }
    }
  }

  /** The other policy's call goes the same way. */
  private follow(decision: Decision, pending: Pending | undefined): void {
    switch (decision._tag) {
      case "RetryHere":
        if (pending !== undefined) this.delays.began(pending.failure)
        return
      case "RotateCredential":
      case "NextCandidate":
        if (pending !== undefined) this.left.push(this.placeOf(pending.event.candidate))
        this.delays.reset()
        return
      case "RefreshCredential":
      case "Wait":
      case "Surface":
        return
    }
  }

  /** How the call stood, where that and the chain were told. */
  private told({ state }: typeof Event.Decided.Type): CallState | undefined {
    const [first, ...others] = this.chain ?? []
    if (state === undefined || first === undefined || others.length < state.index) return undefined
    return { left: [], retryDelayMs: undefined, ...state, chain: [first, ...others] }
  }

  /** How it stood as far as its attempts tell: at the start of a turn, without a limit, and nobody cools down. */
  private guessed({ attempt, candidate, decision }: typeof Event.Decided.Type): CallState {
    const index = this.placeOf(candidate)
    if ("candidate" in decision) this.placeOf(decision.candidate)
    if ("skipped" in decision) for (const each of decision.skipped) this.placeOf(each.candidate)
    const [first = candidate, ...others] = this.chain ?? this.seen
    return {
      chain: [first, ...others],
      index,
      left: this.left.filter((each) => each !== index),
      attempts: attempt,
      retryDelayMs: undefined,
      refreshable: decision._tag === "RefreshCredential",
      moment: "start",
      from: this.requested ?? candidate
    }
  }

  private placeOf(candidate: Candidate.Candidate): number {
    const places = this.chain ?? this.seen
    const name = Candidate.label(candidate)
    const place = places.findIndex((each) => Candidate.label(each) === name)
    if (place >= 0) return place
    if (this.chain === undefined && this.seen.length < mostSeen) return this.seen.push(candidate) - 1
    return 0
  }
}

/** A call that has waited too often ends whatever its policy says, and names nobody that it passed over. */
const isOutOfWaits = (decision: Decision): boolean =>
  decision._tag === "Surface" && decision.why === "cooling-down" && decision.skipped.length === 0

const isSame = (was: Decision, wouldBe: Decision): boolean => {
  switch (was._tag) {
    case "RetryHere":
      return wouldBe._tag === "RetryHere" && was.fresh === wouldBe.fresh && isClose(was.delayMs, wouldBe.delayMs)
    case "RefreshCredential":
      return wouldBe._tag === "RefreshCredential"
    case "RotateCredential":
    case "NextCandidate":
      return wouldBe._tag === was._tag && isSamePlace(was, wouldBe)
    case "Wait":
      return wouldBe._tag === "Wait" && isSamePlace(was, wouldBe) && isClose(was.delayMs, wouldBe.delayMs)
    case "Surface":
      return wouldBe._tag === "Surface" && was.why === wouldBe.why
  }
}

const isClose = (a: number, b: number): boolean => a === b || Math.abs(a - b) <= tolerance

interface Place {
  readonly candidate: Candidate.Candidate
  readonly asks?: boolean
}

/** What the app was asked for and agreed to is the same where it is not asked for; not so the other way round. */
const isSamePlace = (was: Place, wouldBe: Place): boolean =>
  Candidate.label(was.candidate) === Candidate.label(wouldBe.candidate) && (was.asks === true || wouldBe.asks !== true)

/** What a decision does, as a person sees it. */
const kindOf = (decision: Decision, requested: Candidate.Candidate): Rerun.Kind => {
  switch (decision._tag) {
    case "RetryHere":
      return "retried"
    case "RefreshCredential":
      return "refreshed"
    case "RotateCredential":
      return "rotated"
    case "NextCandidate":
      return Candidate.closeness(requested, decision.candidate) === "same-model" ? "moved" : "swapped"
    case "Wait":
      return "waited"
    case "Surface":
      return "surfaced"
  }
}
