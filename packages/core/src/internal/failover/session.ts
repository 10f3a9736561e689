/** The bookkeeping of one call: its attempts, its place in the chain, what it may still do. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Candidate from "../../Candidate.ts"
import type { CallState } from "../../CallState.ts"
import type { Decision } from "../../Decision.ts"
import type { Declaration } from "../../Declaration.ts"
import * as Evidence from "../../Evidence.ts"
import type { Exposure } from "../../Exposure.ts"
import * as Failure from "../../Failure.ts"
import type { Answer, Answered, Attempt, CallOptions, Timed } from "../../Failover.ts"
import * as FailoverPolicy from "../../FailoverPolicy.ts"
import type { ProviderHealth } from "../../ProviderHealth.ts"
import * as Reason from "../../Reason.ts"
import type { RetryBudget } from "../../RetryBudget.ts"
import type { Telemetry } from "../../Telemetry.ts"
import type { SwapReason, Usage } from "../../TelemetryEvent.ts"
import * as TimeLimits from "../../TimeLimits.ts"
import * as Turn from "../../Turn.ts"
import * as CallEvents from "./callEvents.ts"
import { ofBoth } from "./ofBoth.ts"
import type { Paces } from "./paces.ts"
import { mustHaveChain, Places } from "./places.ts"
import type { Renewal } from "./renewal.ts"
import { renewalOf } from "./renewal.ts"
import { Retries } from "./retries.ts"
import { Standing } from "./standing.ts"

/** What all calls of one Failover share. */
export interface Shared {
  readonly policy: FailoverPolicy.Policy
  readonly telemetry: Telemetry["Service"]
  readonly health: ProviderHealth["Service"]
  readonly budget: RetryBudget["Service"]
  readonly clock: Clock.Clock
  readonly prefix: string
  /** How long models take. */
  readonly paces: Paces
}

/** What the app has received of an attempt when it fails. */
export interface Given {
  readonly exposure: Exposure
  readonly partial: ReadonlyArray<unknown>
  /** What it tells of what the attempt counted and cost; asked where somebody listens. */
  readonly usage: () => Usage | undefined
}

/** Opens the session of a call. */
export type Open = (call: CallOptions & Partial<Timed>, turn: Turn.Turn | undefined) => Session

/** The sessions of one Failover, numbered. */
export const opener = (shared: Shared): Open => {
  let calls = 0
  return (call, turn) => {
    mustHaveChain(call, "call.chain")
    return new Session(shared, `${shared.prefix}-${++calls}`, call, turn)
  }
}

// Time for an attempt's own timer, which strikes at the limit, to be heard before the attempt is interrupted.
export const graceMs = 50

/** One call in progress. */
export class Session {
  readonly shared: Shared
  /** The policy that was in force when the call began. */
  readonly policy: FailoverPolicy.Policy
  readonly id: string
  readonly call: CallOptions
  readonly turn: Turn.Turn | undefined
  readonly events: CallEvents.CallEvents
  /** Whom a swap is counted from. */
  from: Candidate.Candidate
  readonly moment: "start" | "mid"
  readonly startedAt: number
  /** The call's time in milliseconds; 0 is no limit. */
  readonly totalMs: number
  readonly records: Array<Failure.Attempt> = []
  readonly places: Places
  readonly retries: Retries
  readonly standing: Standing
  /** Attempts made so far. */
  attempts = 0
  /** The one under way: not the last one, where a hedge was made beside it. */
  made: Attempt | undefined
  /** How often the call has waited for a candidate that was cooling down, or was refused one that was not. */
  waits = 0
  /** What the attempts that failed declared. */
  declaration: Declaration = "unknown"
  attemptStartedAt = 0
  fresh = false
  swapReason: SwapReason
  /** How the call stood when it was asked last what follows. */
  private stood: CallState | undefined
  /** What one of two attempts failed with, until it is decided what follows or the other answers. */
  private beside: Failure.Failure | undefined
  /** What two attempts failed with, and the later alone. */
  private both: { readonly whole: Failure.Failure; readonly last: Failure.Failure } | undefined
  /** What would renew the credential of the attempt under way, which has failed. */
  renewal: Renewal | undefined

  constructor(shared: Shared, id: string, call: CallOptions & Partial<Timed>, turn: Turn.Turn | undefined) {
    this.shared = shared
    this.policy = FailoverPolicy.snapshot(shared.policy)
    this.id = id
    this.call = call
    this.turn = turn
    const moment = call.moment ?? (turn === undefined ? Turn.atStart : Turn.momentOf(turn, call.chain[0]))
    this.moment = moment.at
    // The rest of a turn stays with the model that answered so far; the next turn starts at the primary again.
    this.places = new Places(call, moment)
    this.events = new CallEvents.CallEvents(shared.telemetry, id, turn, call.chain[0], this.places.chain)
    this.from = this.candidate
    this.retries = new Retries(this.policy)
    this.standing = new Standing(shared, this.policy.rotation)
    this.swapReason = "TurnContinues"
    this.startedAt = this.now()
    this.totalMs = TimeLimits.bound(call.totalMs || 0)
  }

  /** Chooses whose credential the call begins with, where the policy rotates them. */
  rotate(): void {
    // In the middle of a turn the rule may bind it to the one that answered.
    if (this.moment === "mid" && this.policy.swap.midTurn === "never") return
    this.places.index = this.standing.leastRecentlyUsed(this.places)
    this.from = this.candidate
  }

  get candidate(): Candidate.Candidate {
    return this.places.candidate
  }

  /** Which attempt is under way, and where. */
  get underWay(): CallEvents.OfAttempt {
    return { attempt: this.made?.attempt ?? 0, candidate: this.candidate }
  }

  /** How long the attempt under way has taken, and the call. */
  elapsed(): CallEvents.Elapsed {
    const now = this.now()
    return { attemptMs: now - this.attemptStartedAt, callMs: now - this.startedAt }
  }

  now(): number {
    return this.shared.clock.currentTimeMillisUnsafe()
  }

  /** What is left of the call's time, in milliseconds; nothing where it has no limit. */
  leftMs(): number | undefined {
    return this.totalMs === 0 ? undefined : Math.max(0, this.startedAt + this.totalMs - this.now())
  }

  /** The effect of an attempt, which is not begun when the call's time is up, and not waited for much longer. */
  inTime<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | Failure.Failure, R> {
    const leftMs = this.leftMs()
    if (leftMs === undefined) return effect
    if (leftMs === 0) return Effect.fail(this.outOfTime(Evidence.unsent))
    return Effect.timeoutOrElse(effect, {
      duration: leftMs + graceMs,
      orElse: () => Effect.fail(this.outOfTime(Evidence.unknown))
    })
  }

  /** The failure of an attempt that did not end itself when the call's time was up, or that came too late to begin. */
  outOfTime(evidence: Evidence.Evidence): Failure.Failure {
    return Failure.make({
      reason: new Reason.TotalTimeout({ limitMs: this.totalMs }),
      evidence,
      // Nothing but its failures says what the call declares, and this attempt has none of its own.
      declaration: this.declaration,
      candidate: this.candidate
    })
  }

  /** The attempt that the call begins with, or goes on with, is made. */
  begin(): Attempt {
    this.passOverBeside()
    this.standing.began(this.candidate)
    this.attemptStartedAt = this.now()
    this.made = this.attemptOf(this.fresh ? "fresh" : "any", this.standing.isProbe)
    return this.made
  }

  /** Whether a second attempt may be made beside the one under way: by the call's bounds, health and the budget. */
  mayBeginBeside(): Effect.Effect<boolean> {
    return Effect.suspend(() =>
      this.attempts < this.policy.maxAttempts && this.leftMs() !== 0
        ? this.standing.admitBeside(this.candidate)
        : Effect.succeed(false)
    )
  }

  /** The second attempt is made. */
  beginBeside(): Attempt {
    return this.attemptOf("fresh", false)
  }

  private attemptOf(connection: Attempt["connection"], probe: boolean): Attempt {
    this.attempts++
    const attempt: Attempt = {
      call: this.id,
      attempt: this.attempts,
      candidate: this.candidate,
      connection,
      // An attempt that begins when nothing is left does not get far: see inTime.
      totalMs: this.totalMs === 0 ? 0 : Math.max(1, this.leftMs() ?? 0)
    }
    this.events.began(attempt, probe)
    return attempt
  }

  /** Of two attempts that were under way, this one goes on. */
  isNow(attempt: Attempt, startedAt: number): void {
    this.made = attempt
    this.attemptStartedAt = startedAt
  }

  /** An attempt was ended because the one beside it was quicker. */
  aborted({ attempt, candidate }: Attempt, startedAt: number): void {
    this.events.aborted({ attempt, candidate }, this.now() - startedAt)
  }

  /** One of two attempts failed; the other is under way. What follows is decided should that fail as well. */
  failedBeside(raw: Failure.Failure, attempt: Attempt, startedAt: number): Effect.Effect<void> {
    const failure = this.told(raw, attempt, startedAt)
    this.beside = failure
    return this.standing.failedBeside(failure)
  }

  /** Whether an attempt failed beside the one under way, and it has not been decided what follows. */
  get isAfterFailure(): boolean {
    return this.beside !== undefined
  }

  /** What both attempts failed with, the later with this. */
  bothFailed(raw: Failure.Failure): Failure.Failure {
    const whole = this.beside === undefined ? raw : ofBoth(this.beside, raw)
    this.both = { whole, last: raw }
    return whole
  }

  /** What failed beside is history: the other attempt answers, or nobody asked what follows. */
  private passOverBeside(): void {
    if (this.beside !== undefined) this.records.push(...this.beside.attempts)
    this.beside = undefined
    this.both = undefined
  }

  /** The attempt under way answers the call: from now on it is the turn's model. */
  answered(): Answered {
    const requested = this.call.chain[0]
    const answered = this.candidate
    this.passOverBeside()
    const swap = Candidate.closeness(requested, answered) === "same-model" ? undefined : { why: this.swapReason }
    if (this.turn !== undefined) Turn.recordAnswer(this.turn, requested, Candidate.ref(answered), answered.credential)
    if (swap !== undefined) this.events.swapped(answered, swap.why)
    return { requested, answered, swap, failed: this.records }
  }

  /** The attempt under way gave its whole answer. */
  succeeded(usage?: () => Usage | undefined): Effect.Effect<void> {
    this.events.succeeded(this.underWay, this.attempts, this.elapsed(), usage)
    return this.standing.succeeded()
  }

  /** The failure of the attempt under way, and of one that failed beside it, as the call sees it. */
  failure(raw: Failure.Failure, given?: Given): Failure.Failure {
    const { beside, both } = this
    this.beside = undefined
    this.both = undefined
    const last = raw === both?.whole ? both.last : raw
    const own = this.told(last, this.made, this.attemptStartedAt, given)
    // A failure of both that a program has changed holds both still.
    const failure = beside === undefined || holds(last, beside) ? own : ofBoth(beside, own)
    this.renewal = this.made === undefined ? undefined : renewalOf(this.call, this.made, failure)
    return failure
  }

  /** What an attempt failed with, as the call sees it, which is told of. */
  private told(raw: Failure.Failure, attempt: Attempt | undefined, startedAt: number, given?: Given): Failure.Failure {
    const now = this.now()
    const of = { attempt: attempt?.attempt ?? 0, candidate: this.candidate }
    this.declaration = raw.declaration
    const failure = Failure.amend(raw, {
      ...(this.isOurs(raw.reason, attempt)
        ? { reason: new Reason.TotalTimeout({ limitMs: this.totalMs }) }
        : undefined),
      attempt: of.attempt,
      elapsedMs: now - startedAt,
      ...(given === undefined ? undefined : { exposure: given.exposure, partial: given.partial })
    })
    this.events.failed(of, failure, { attemptMs: now - startedAt, callMs: now - this.startedAt }, given?.usage)
    return failure
  }

  /** Whether the call's time was up for an attempt, which knows only what was left for it. */
  private isOurs(reason: Reason.Reason, attempt: Attempt | undefined): boolean {
    return this.totalMs > 0 && reason._tag === "TotalTimeout" && reason.limitMs === attempt?.totalMs
  }

  /** Whether a failure is about a credential that can be renewed, and has not been for this call. */
  isRefused({ reason }: Failure.Failure): boolean {
    return this.isRefreshable && this.policy.table[reason._tag].same === "refresh"
  }

  private get isRefreshable(): boolean {
    return this.renewal !== undefined && !this.places.isRefreshed
  }

  /** Where the call stands. */
  state(retryDelayMs: number | undefined, cooling: NonNullable<CallState["cooling"]>): CallState {
    const { call, places } = this
    this.stood = {
      chain: places.chain,
      ...places.state(),
      cooling,
      spent: this.standing.spent(),
      attempts: this.attempts,
      retryDelayMs,
      refreshable: this.isRefreshable,
      leftMs: this.leftMs(),
      moment: this.moment,
      from: this.from,
      replays: call.replays ?? "call",
      turn: Turn.replayOf(this.turn)
    }
    return this.stood
  }

  /** What follows is decided, by how the call stood. */
  decided(decision: Decision): void {
    this.events.decided(this.underWay, decision, this.stood)
  }

  /** The call goes on: what failed is history now. */
  goesOn(decision: Exclude<Decision, { _tag: "Surface" }>, failure: Failure.Failure): void {
    // What the app assumed, it has said so of itself.
    if (decision.ground === "assumed" && !failure.assumed) this.events.assumed(this.underWay, failure)
    this.records.push(...failure.attempts)
  }
}

const holds = (failure: Failure.Failure, { reason }: Failure.Failure): boolean =>
  failure.attempts.slice(0, -1).some((attempt) => attempt.reason === reason)

/** The answer of the attempt under way, told to the app. */
export const answerOf = <A>(
  session: Session,
  value: A,
  usage?: (value: A, candidate: Candidate.Candidate) => Usage | undefined
): Effect.Effect<Answer<A>> => {
  const answered = session.answered()
  const answer = { value, ...answered }
  return Effect.as(
    Effect.andThen(
      tell(session.call, answered),
      session.succeeded(() => usage?.(value, session.candidate))
    ),
    answer
  )
}

/** Tells the app of a swap. The answer is there and paid for: a defect of the app's own must not lose it. */
export const tell = ({ onSwap }: CallOptions, answered: Answered): Effect.Effect<void> =>
  answered.swap === undefined || onSwap === undefined
    ? Effect.void
    : Effect.catchCauseIf(
        onSwap(answered),
        (cause) => !Cause.hasInterrupts(cause),
        (cause) => Effect.logError("onSwap failed", cause)
      )
