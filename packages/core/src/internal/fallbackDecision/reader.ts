/** Folds events into records. */
import * as Effect from "effect/Effect"
import type { Candidate } from "../../Candidate.ts"
import type { Skipped } from "../../Decision.ts"
import type { FallbackDecision } from "../../FallbackDecision.ts"
import type { Tag } from "../../Reason.ts"
import * as ModelRef from "../../ModelRef.ts"
import type * as Event from "../../TelemetryEvent.ts"
import { Cooldowns } from "./cooldowns.ts"
import type { Hash } from "./errorText.ts"
import { errorTextOf, statusSaid } from "./errorText.ts"
import { OpenCalls, keep } from "./openCalls.ts"
import type { OpenCall } from "./openCalls.ts"
import * as Record from "./record.ts"
import { statusOf, wordOf } from "./reasons.ts"

type Records = ReadonlyArray<FallbackDecision>

const none: Effect.Effect<Records> = Effect.succeed([])

/** Whether a record is made of an event, or depends on it. */
export const concerns = ({ _tag }: Event.TelemetryEvent): boolean => {
  switch (_tag) {
    case "AttemptStarted":
    case "AttemptSucceeded":
    case "AttemptFailed":
    case "Decided":
    case "Swapped":
    case "CallSucceeded":
    case "CallFailed":
    case "CooldownStarted":
    case "CooldownEnded":
      return true
    default:
      return false
  }
}

/** Reads events one after the other. It throws at none, in whatever order they come and whatever is missing. */
export class Reader {
  private readonly calls: OpenCalls
  private readonly cooldowns = new Cooldowns()
  private readonly hash: Hash

  constructor(openCalls: number, hash: Hash) {
    this.calls = new OpenCalls(openCalls)
    this.hash = hash
  }

  /** Calls that are followed. */
  get followed(): number {
    return this.calls.size
  }

  /** The records that an event makes. */
  read(event: Event.TelemetryEvent): Effect.Effect<Records> {
    switch (event._tag) {
      case "AttemptStarted":
        return Effect.succeed(this.started(event))
      case "AttemptSucceeded":
        this.answered(event)
        return none
      case "AttemptFailed":
        return this.failed(event)
      case "Decided":
        return Effect.succeed(this.decided(event))
      case "Swapped":
        this.swapped(event)
        return none
      case "CallSucceeded":
        return Effect.succeed(this.succeeded(event))
      case "CallFailed":
        this.calls.close(event.call)
        return none
      case "CooldownStarted":
        this.cooldowns.started(event)
        return none
      case "CooldownEnded":
        this.cooldowns.ended(event)
        return none
      default:
        return none
    }
  }

  private started(event: typeof Event.AttemptStarted.Type): Records {
    const call = this.calls.of(event)
    call.caller = event.caller ?? call.caller
    call.chain = event.chain ?? call.chain
    call.requested ??= event.chain?.[0]
    call.begun ||= event.attempt === 1
    if (event.probe !== true) return []
    call.notable = true
    return [Record.probed({ call, at: event.at }, event, this.cooldowns.reasonOf(event.candidate))]
  }

  private failed(event: typeof Event.AttemptFailed.Type): Effect.Effect<Records> {
    return Effect.map(errorTextOf(event, this.hash), (error) => {
      const call = this.calls.of(event)
      const reason = wordOf[event.reason]
      const status = statusSaid(event) ?? statusOf[reason]
      keep(call, { event, reason, status, error })
      call.notable = true
      return []
    })
  }

  private decided(event: typeof Event.Decided.Type): Records {
    const call = this.calls.of(event)
    call.requested ??= event.requested
    call.notable = true
    const { attempt, candidate, decision } = event
    const moment = { call, at: event.at }
    const next = "candidate" in decision ? decision.candidate : undefined
    const skipped = "skipped" in decision ? decision.skipped : []
    if (attempt < 1) return this.passedOver(moment, withFirst(skipped, candidate, next), next, undefined)
    const failure = call.failed.findLast((each) => each.event.attempt === attempt)
    return [Record.failed(moment, event, failure), ...this.passedOver(moment, skipped, next, failure?.event.reason)]
  }

  private passedOver(
    moment: Record.Moment,
    skipped: ReadonlyArray<Skipped>,
    next: Candidate | undefined,
    failed: Tag | undefined
  ): Records {
    return skipped.map((each) => Record.skipped(moment, each, next, this.reasonFor(each, failed)))
  }

  private reasonFor({ candidate, why }: Skipped, failed: Tag | undefined): Tag | undefined {
    if (why === "same-scope") return failed
    return why === "cooling-down" ? this.cooldowns.reasonOf(candidate) : undefined
  }

  private answered(event: typeof Event.AttemptSucceeded.Type): void {
    const call = this.calls.of(event)
    call.answeredBy = event.attempt
    call.usage = usageOf(event)
  }

  private swapped(event: typeof Event.Swapped.Type): void {
    const call = this.calls.of(event)
    call.requested ??= event.requested
    call.swapped = event.why
  }

  private succeeded(event: typeof Event.CallSucceeded.Type): Records {
    const call = this.calls.of(event)
    this.calls.close(event.call)
    call.requested ??= event.requested
    return isNotable(call, event)
      ? [Record.succeeded({ call, at: event.at }, event.answered, call.answeredBy ?? event.attempts)]
      : []
  }
}

/** Before anybody was asked, the call stood at a candidate that is passed over as well, unless it is asked after all. */
const withFirst = (
  skipped: ReadonlyArray<Skipped>,
  first: Candidate,
  next: Candidate | undefined
): ReadonlyArray<Skipped> => {
  const isTold = [next, ...skipped.map(({ candidate }) => candidate)].some(
    (each) => each !== undefined && isSame(each, first)
  )
  return isTold ? skipped : [{ candidate: first, why: "cooling-down" }, ...skipped]
}

const isSame = (a: Candidate, b: Candidate): boolean => ModelRef.equals(a, b) && a.credential === b.credential

// A second attempt of a call whose beginning was not seen had one before it that failed, or that it was made beside.
const isNotable = (call: OpenCall, { answered, attempts, requested }: typeof Event.CallSucceeded.Type): boolean =>
  call.notable || (!call.begun && attempts > 1) || !ModelRef.equals(requested, answered)

const usageOf = ({ cost, tokens }: typeof Event.AttemptSucceeded.Type): Event.Usage => ({
  ...(tokens === undefined ? undefined : { tokens }),
  ...(cost === undefined ? undefined : { cost })
})
