/** The events of one call. While nobody listens, none is made. */
import * as Fiber from "effect/Fiber"
import * as Caller from "../../Caller.ts"
import type { CallState } from "../../CallState.ts"
import type { Candidate } from "../../Candidate.ts"
import type { Decision } from "../../Decision.ts"
import type { Attempt } from "../../Failover.ts"
import type * as Failure from "../../Failure.ts"
import * as Preview from "../../Preview.ts"
import type { Reason } from "../../Reason.ts"
import type { Telemetry } from "../../Telemetry.ts"
import type { Draft, Situation, SwapReason, Usage } from "../../TelemetryEvent.ts"
import type { Turn } from "../../Turn.ts"
import { told, withAborted } from "./usage.ts"
import { only } from "../only.ts"

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
  private readonly chain: ReadonlyArray<Candidate> | undefined
  private abortedAt: Array<Candidate> | undefined

  constructor(
    telemetry: Telemetry["Service"],
    call: string,
    turn: Turn | undefined,
    requested: Candidate,
    chain?: ReadonlyArray<Candidate>
  ) {
    this.telemetry = telemetry
    this.chain = chain
    this.call = call
    this.turn = turn
    this.requested = requested
  }

  /** An attempt begins; a `probe` where it finds out whether its candidate answers again. */
  began({ attempt, candidate, connection }: Attempt, probe = false): void {
    if (!this.listening) return
    const caller = Fiber.getCurrent()?.getRef(Caller.Current)
    this.publish({
      _tag: "AttemptStarted",
      ...this.at({ attempt, candidate }),
      connection,
      ...(attempt === 1 && this.chain !== undefined ? { chain: this.chain } : undefined),
      ...(caller === undefined ? undefined : { caller }),
      ...(probe ? { probe } : undefined)
    })
  }

  /** Another model answers than was asked. */
  swapped(answered: Candidate, why: SwapReason): void {
    if (!this.listening) return
    this.publish({ _tag: "Swapped", ...this.own, requested: this.requested, answered, why })
  }

  /** An attempt of so many gave its whole answer, which is the call's. `usage` is asked where somebody listens. */
  succeeded(of: OfAttempt, attempts: number, { attemptMs, callMs }: Elapsed, usage?: () => Usage | undefined): void {
    if (!this.listening) return
    const own = told(usage)
    this.publish({ _tag: "AttemptSucceeded", ...this.at(of), elapsedMs: attemptMs, ...own })
    this.publish({
      _tag: "CallSucceeded",
      ...this.own,
      requested: this.requested,
      answered: of.candidate,
      attempts,
      elapsedMs: callMs,
      ...withAborted(own, this.abortedAt?.filter((candidate) => candidate === of.candidate).length ?? 0)
    })
  }

  /** An attempt failed. */
  failed(of: OfAttempt, failure: Failure.Failure, { attemptMs }: Elapsed, usage?: () => Usage | undefined): void {
    if (!this.listening) return
    this.publish({
      _tag: "AttemptFailed",
      ...this.at(of),
      elapsedMs: attemptMs,
      ...ofReason(failure),
      ...saidIn(failure.reason),
      ...told(usage),
      verdict: failure.verdict,
      rule: failure.rule,
      exposure: failure.exposure,
      declaration: failure.declaration,
      evidence: failure.evidence
    })
  }

  /** An attempt was ended because another of the same call was quicker. */
  aborted(of: OfAttempt, elapsedMs: number): void {
    if (!this.listening) return
    ;(this.abortedAt ??= []).push(of.candidate)
    this.publish({ _tag: "AttemptAborted", ...this.at(of), elapsedMs })
  }

  /** The credential that an attempt was refused for was asked for again. */
  reread({ candidate }: OfAttempt, changed: boolean): void {
    if (this.listening) this.publish({ _tag: "CredentialReread", call: this.call, candidate, changed })
  }

  /** What follows a failed attempt is decided. */
  decided(of: OfAttempt, decision: Decision, state?: CallState): void {
    if (!this.listening) return
    this.publish({
      _tag: "Decided",
      ...this.at(of),
      decision,
      requested: this.requested,
      ...(state === undefined ? undefined : { state: situationOf(state) }),
      ...(of.attempt < 1 && state !== undefined ? { chain: state.chain } : undefined)
    })
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

/** Copied, because places are marked as the call goes on. */
const situationOf = ({ attempts, from, index, moment, ...state }: CallState): Situation => ({
  attempts,
  from,
  index,
  moment,
  ...some("left", state.left),
  ...some("failed", state.failed),
  ...some("unsuited", state.unsuited),
  ...some("denied", state.denied),
  ...some("cooling", state.cooling),
  ...some("reserved", state.reserved),
  ...some("spent", state.spent),
  ...only("retryDelayMs", state.retryDelayMs),
  ...only("leftMs", state.leftMs),
  ...only("refreshable", state.refreshable || undefined),
  ...only("replays", state.replays === "turn" ? state.replays : undefined),
  ...only("turn", state.turn)
})

const some = <K extends string, A>(key: K, list: ReadonlyArray<A> = []) =>
  only(key, list.length === 0 ? undefined : [...list])

// Reasons are an app's to make, too, so that what is in them need not have been scrubbed.
const longestSaid = 400
const longestName = 120

const ofReason = ({ reason }: Failure.Failure) => ({
  reason: reason._tag,
  scope: reason.scope,
  message: Preview.scrub(reason.message, longestSaid),
  advice: Preview.scrub(reason.advice, longestSaid)
})

/** What the provider answered with, or the network's own code. */
const saidIn = (reason: Reason) => {
  const code = "code" in reason ? reason.code : undefined
  const coded = code === undefined ? undefined : { code: Preview.scrub(code, longestName) }
  const retryAfterMs = "retryAfterMs" in reason ? reason.retryAfterMs : undefined
  if (!("rule" in reason)) return coded
  return {
    ...coded,
    ...(reason.status === undefined ? undefined : { status: reason.status }),
    ...(reason.type === undefined ? undefined : { type: Preview.scrub(reason.type, longestName) }),
    ...(reason.said === undefined ? undefined : { said: Preview.scrub(reason.said, longestSaid) }),
    ...(reason.requestId === undefined ? undefined : { requestId: Preview.scrub(reason.requestId, longestName) }),
    ...only("retryAfterMs", retryAfterMs)
  }
}
