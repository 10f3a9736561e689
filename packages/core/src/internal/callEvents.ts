/** The events of one call. While nobody listens, none is made. */
import type { Candidate } from "../Candidate.ts"
import type { Decision } from "../Decision.ts"
import type { Attempt } from "../Failover.ts"
import type * as Failure from "../Failure.ts"
import type { Telemetry } from "../Telemetry.ts"
import type { Draft, SwapReason } from "../TelemetryEvent.ts"
import type { Turn } from "../Turn.ts"

/** Which attempt it is, and where. */
export interface OfAttempt {
  readonly attempt: number
  readonly candidate: Candidate
}

/** How long an attempt has taken, and its call. */
export interface Elapsed {
  readonly attemptMs: number
  readonly callMs: number
}

/** Tells what happens to one call. */
export class CallEvents {
  private readonly telemetry: Telemetry["Service"]
  private readonly call: string
  private readonly turn: Turn | undefined
  private readonly requested: Candidate

  constructor(telemetry: Telemetry["Service"], call: string, turn: Turn | undefined, requested: Candidate) {
    this.telemetry = telemetry
    this.call = call
    this.turn = turn
    this.requested = requested
  }

  /** An attempt begins. */
  began({ attempt, candidate, connection }: Attempt): void {
    if (this.listening) this.publish({ _tag: "AttemptStarted", ...this.at({ attempt, candidate }), connection })
  }

  /** Another model answers than was asked. */
  swapped(answered: Candidate, why: SwapReason): void {
    if (!this.listening) return
    this.publish({ _tag: "Swapped", ...this.own, requested: this.requested, answered, why })
  }

  /** An attempt gave its whole answer, which is the call's. */
  succeeded(of: OfAttempt, { attemptMs, callMs }: Elapsed): void {
    if (!this.listening) return
    this.publish({ _tag: "AttemptSucceeded", ...this.at(of), elapsedMs: attemptMs })
    this.publish({
      _tag: "CallSucceeded",
      ...this.own,
      requested: this.requested,
      answered: of.candidate,
      attempts: of.attempt,
      elapsedMs: callMs
    })
  }

  /** An attempt failed. */
  failed(of: OfAttempt, failure: Failure.Failure, { attemptMs }: Elapsed): void {
    if (!this.listening) return
    this.publish({
      _tag: "AttemptFailed",
      ...this.at(of),
      elapsedMs: attemptMs,
      ...ofReason(failure),
      verdict: failure.verdict,
      rule: failure.rule,
      exposure: failure.exposure,
      declaration: failure.declaration,
      evidence: failure.evidence
    })
  }

  /** What follows a failed attempt is decided. */
  decided(of: OfAttempt, decision: Decision): void {
    if (this.listening) this.publish({ _tag: "Decided", ...this.at(of), decision })
  }

  /** What failed ambiguously is made again, on the word of its declaration. */
  assumed({ candidate }: OfAttempt, { reason, rule }: Failure.Failure): void {
    if (!this.listening) return
    this.publish({
      _tag: "ReplayAssumed",
      call: this.call,
      candidate,
      reason: reason._tag,
      rule,
      by: "declaration"
    })
  }

  /** The call fails. */
  gaveUp(failure: Failure.Failure, attempts: number, { callMs }: Elapsed): void {
    if (!this.listening) return
    this.publish({
      _tag: "CallFailed",
      ...this.own,
      requested: this.requested,
      ...ofReason(failure),
      verdict: failure.verdict,
      rule: failure.rule,
      attempts,
      elapsedMs: callMs
    })
  }

  private get listening(): boolean {
    return this.telemetry.isActive()
  }

  private publish(event: Draft): void {
    this.telemetry.publishUnsafe(event)
  }

  private get own(): { readonly call: string; readonly turn?: string } {
    return this.turn === undefined ? { call: this.call } : { call: this.call, turn: this.turn.id }
  }

  private at(of: OfAttempt) {
    return { ...this.own, ...of }
  }
}

const ofReason = ({ reason }: Failure.Failure) => ({
  reason: reason._tag,
  scope: reason.scope,
  message: reason.message,
  advice: reason.advice
})
