/** The bookkeeping of one call: its attempts, its place in the chain, its schedules. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Candidate from "../Candidate.ts"
import type { Decision } from "../Decision.ts"
import type { Declaration } from "../Declaration.ts"
import * as Evidence from "../Evidence.ts"
import type { Exposure } from "../Exposure.ts"
import * as Failure from "../Failure.ts"
import type { Answered, Attempt, CallOptions, Timed } from "../Failover.ts"
import * as FailoverPolicy from "../FailoverPolicy.ts"
import * as ModelRef from "../ModelRef.ts"
import * as Reason from "../Reason.ts"
import type { Telemetry } from "../Telemetry.ts"
import type { SwapReason } from "../TelemetryEvent.ts"
import * as TimeLimits from "../TimeLimits.ts"
import * as Turn from "../Turn.ts"
import * as CallEvents from "./callEvents.ts"

/** What all calls of one Failover share. */
export interface Shared {
  readonly policy: FailoverPolicy.Policy
  readonly telemetry: Telemetry["Service"]
  readonly clock: Clock.Clock
  readonly prefix: string
}

/** What the app has received of an attempt when it fails. */
export interface Given {
  readonly exposure: Exposure
  readonly partial: ReadonlyArray<unknown>
}

/** What follows a failed attempt. */
export type Next =
  | { readonly _tag: "TryAgain"; readonly delayMs: number }
  | { readonly _tag: "GiveUp"; readonly failure: Failure.Failure }

/** Opens the session of a call. */
export type Open = (call: CallOptions & Partial<Timed>, turn: Turn.Turn | undefined) => Session

/** The sessions of one Failover, numbered. */
export const opener = (shared: Shared): Open => {
  let calls = 0
  return (call, turn) => new Session(shared, `${shared.prefix}-${++calls}`, call, turn)
}

// Time for an attempt's own timer, which strikes at the limit, to be heard before the attempt is interrupted.
export const graceMs = 50

type Step = (now: number, failure: Failure.Failure) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** One call in progress. */
export class Session {
  readonly shared: Shared
  /** The policy that was in force when the call began. */
  readonly policy: FailoverPolicy.Policy
  readonly id: string
  readonly call: CallOptions
  readonly turn: Turn.Turn | undefined
  readonly events: CallEvents.CallEvents
  readonly from: Candidate.Candidate
  readonly moment: "start" | "mid"
  readonly startedAt: number
  /** The call's time in milliseconds; 0 is no limit. */
  readonly totalMs: number
  readonly records: Array<Failure.Attempt> = []
  readonly left: Array<number> = []
  readonly unsuited: Array<number> = []
  /** Places whose candidates were found to suit the call. */
  readonly suited = new Set<number>()
  readonly steps = new Map<FailoverPolicy.RetryClass, Step>()
  index: number
  attempts = 0
  /** What the attempts that failed declared. */
  declaration: Declaration = "unknown"
  attemptStartedAt = 0
  /** What was left of the call's time for the attempt under way. */
  givenMs = 0
  fresh = false
  /** The class of the repair under way: a connection or a response that is being asked for once more. */
  repair: FailoverPolicy.RetryClass | undefined
  swapReason: SwapReason

  constructor(shared: Shared, id: string, call: CallOptions & Partial<Timed>, turn: Turn.Turn | undefined) {
    this.shared = shared
    this.policy = FailoverPolicy.snapshot(shared.policy)
    this.id = id
    this.call = call
    this.turn = turn
    this.events = new CallEvents.CallEvents(shared.telemetry, id, turn, call.chain[0])
    const moment = call.moment ?? (turn === undefined ? Turn.atStart : Turn.momentOf(turn, call.chain[0]))
    this.moment = moment.at
    const answered = moment.answered
    // The rest of a turn stays with the model that answered so far; the next turn starts at the primary again.
    const place = answered === undefined ? 0 : call.chain.findIndex((each) => ModelRef.equals(each, answered))
    this.index = Math.max(place, 0)
    this.from = this.candidate
    this.swapReason = "TurnContinues"
    this.startedAt = this.now()
    this.totalMs = TimeLimits.bound(call.totalMs || 0)
  }

  get candidate(): Candidate.Candidate {
    return this.call.chain[this.index] ?? this.call.chain[0]
  }

  /** Which attempt is under way, and where. */
  get underWay(): CallEvents.OfAttempt {
    return { attempt: this.attempts, candidate: this.candidate }
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

  begin(): Attempt {
    this.attempts++
    this.attemptStartedAt = this.now()
    // An attempt that begins when nothing is left does not get far: see inTime.
    this.givenMs = this.totalMs === 0 ? 0 : Math.max(1, this.leftMs() ?? 0)
    const attempt: Attempt = {
      call: this.id,
      attempt: this.attempts,
      candidate: this.candidate,
      connection: this.fresh ? "fresh" : "any",
      totalMs: this.givenMs
    }
    this.events.began(attempt)
    return attempt
  }

  /** The attempt under way answers the call: from now on it is the turn's model. */
  answered(): Answered {
    const requested = this.call.chain[0]
    const answered = this.candidate
    const swap = Candidate.closeness(requested, answered) === "same-model" ? undefined : { why: this.swapReason }
    if (this.turn !== undefined) Turn.recordAnswer(this.turn, requested, Candidate.ref(answered))
    if (swap !== undefined) this.events.swapped(answered, swap.why)
    return { requested, answered, swap, failed: this.records }
  }

  /** The attempt under way gave its whole answer. */
  succeeded(): void {
    this.events.succeeded(this.underWay, this.elapsed())
  }

  /** The attempt under way failed: decides what follows. */
  failed(raw: Failure.Failure, given?: Given): Effect.Effect<Next> {
    this.declaration = raw.declaration
    const failure = Failure.amend(raw, {
      ...(this.isOurs(raw.reason) ? { reason: new Reason.TotalTimeout({ limitMs: this.totalMs }) } : undefined),
      attempt: this.attempts,
      elapsedMs: this.now() - this.attemptStartedAt,
      ...(given === undefined ? undefined : { exposure: given.exposure, partial: given.partial })
    })
    this.events.failed(this.underWay, failure, this.elapsed())
    return Effect.map(this.retryDelay(failure), (retryDelayMs) => this.decide(failure, retryDelayMs))
  }

  /** Whether the call's time was up for the attempt, which knows only what was left for it. */
  isOurs(reason: Reason.Reason): boolean {
    return this.totalMs > 0 && reason._tag === "TotalTimeout" && reason.limitMs === this.givenMs
  }

  decide(failure: Failure.Failure, retryDelayMs: number | undefined): Next {
    const state: FailoverPolicy.State = {
      chain: this.call.chain,
      index: this.index,
      left: this.left,
      unsuited: this.unsuited,
      attempts: this.attempts,
      retryDelayMs,
      leftMs: this.leftMs(),
      moment: this.moment,
      from: this.from
    }
    let decision = FailoverPolicy.decide(this.policy, state, failure)
    while (decision._tag === "NextCandidate" && !this.suits(decision)) {
      this.unsuited.push(decision.index)
      decision = FailoverPolicy.decide(this.policy, state, failure)
    }
    this.events.decided(this.underWay, decision)
    if (decision._tag === "Surface") {
      const whole = Failure.ofCall(this.records, failure)
      this.events.gaveUp(whole, this.attempts, this.elapsed())
      return { _tag: "GiveUp", failure: whole }
    }
    // What the app assumed, it has said so of itself.
    if (decision.ground === "assumed" && !failure.assumed) this.events.assumed(this.underWay, failure)
    this.records.push(...failure.attempts)
    return { _tag: "TryAgain", delayMs: this.follow(decision, failure) }
  }

  /** Whether the call can be put to a candidate, which is asked when its turn has come. */
  suits({ candidate, index }: { readonly candidate: Candidate.Candidate; readonly index: number }): boolean {
    const { suits } = this.call
    if (suits === undefined || this.suited.has(index)) return true
    if (!saysYes(suits, candidate)) return false
    this.suited.add(index)
    return true
  }

  follow(decision: Exclude<Decision, { _tag: "Surface" }>, failure: Failure.Failure): number {
    if (decision._tag === "RetryHere") {
      const { same } = this.policy.table[failure.reason._tag]
      this.fresh = decision.fresh
      this.repair = same === "connection" || same === "response" ? same : undefined
      return decision.delayMs
    }
    this.left.push(this.index)
    this.index = decision.index
    this.steps.clear()
    this.fresh = false
    this.repair = undefined
    this.swapReason = failure.reason._tag
    return 0
  }

  /** The delay that the schedule of the failure's class allows, or nothing if it has ended. */
  retryDelay(failure: Failure.Failure): Effect.Effect<number | undefined> {
    const { policy } = this
    const same = policy.table[failure.reason._tag].same
    if (same === "never") return Effect.undefined
    // An automatic retry that fails otherwise than what it repairs is not automatically retried.
    if (this.repair !== undefined && same !== "capacity" && same !== this.repair) return Effect.undefined
    const asked = askedWait(failure)
    if (asked > policy.longestRetryAfterMs) return Effect.undefined
    return Effect.flatMap(this.step(same), (step) =>
      Pull.matchEffect(step(this.now(), failure), {
        onSuccess: ([, delay]) => Effect.succeed(Math.max(Duration.toMillis(delay), asked)),
        onFailure: () => Effect.undefined,
        onDone: () => Effect.undefined
      })
    )
  }

  step(same: FailoverPolicy.RetryClass): Effect.Effect<Step> {
    const known = this.steps.get(same)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(Schedule.toStep(this.policy.retry[same]), (step) => {
      this.steps.set(same, step)
      return step
    })
  }
}

const saysYes = (suits: NonNullable<CallOptions["suits"]>, candidate: Candidate.Candidate): boolean => {
  try {
    return suits(candidate)
  } catch {
    return false
  }
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

const askedWait = ({ reason }: Failure.Failure): number =>
  reason._tag === "RateLimited" || reason._tag === "Overloaded" ? (reason.retryAfterMs ?? 0) : 0
