/**
 * A recorded journal under another policy: what would have been retried, swapped, surfaced.
 *
 * Every decision of the journal is made again from what its events hold. What a call would have met after the first
 * decision that differs, nobody knows, and none is made up: the rest of the call is counted as unknown. Who was cooling
 * down, suited the call or had budget left is taken as it was.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Candidate } from "./Candidate.ts"
import { Decision } from "./Decision.ts"
import * as FailoverPolicy from "./FailoverPolicy.ts"
import { OpenCall } from "./internal/explanation/openCall.ts"
import * as Reason from "./Reason.ts"
import type { TelemetryEvent } from "./TelemetryEvent.ts"
import { Rule, Verdict } from "./Verdict.ts"

/**
 * What a decision does: `retried`, the same candidate again; `refreshed`, again with its credential renewed; `rotated`,
 * another credential; `moved`, the model asked for at another place; `swapped`, another model; `waited`, for a candidate
 * that cools down; `surfaced`, given to the app.
 */
export const Kind = Schema.Literals(["retried", "refreshed", "rotated", "moved", "swapped", "waited", "surfaced"])

/** What a decision does. */
export type Kind = typeof Kind.Type

/** What was done, and what would be. */
export const Change = Schema.Struct({ was: Kind, wouldBe: Kind })

/** The first decision of a call that differs. */
export const Difference = Schema.Struct({
  /** Milliseconds since the epoch. */
  at: Schema.Finite,
  /** Counted from 1 across the call; 0 where it was decided before anybody was asked. */
  attempt: Schema.Int,
  candidate: Candidate,
  /** Why the attempt failed; absent where nobody had been asked. */
  reason: Schema.optionalKey(Schema.Literals(Reason.tags)),
  verdict: Schema.optionalKey(Verdict),
  rule: Schema.optionalKey(Rule),
  was: Decision,
  wouldBe: Decision,
  /** Both may be of one kind: a retry after another delay, another model, another reason to surface. */
  change: Change
})

/** The first decision of a call that differs. */
export type Difference = typeof Difference.Type

/** How a call ended in the journal; `unfinished` where that is not in it, or the call was interrupted. */
export const Outcome = Schema.Literals(["succeeded", "failed", "unfinished"])

/** How a call ended in the journal. */
export type Outcome = typeof Outcome.Type

/** A call of the journal, decided again. */
export const Call = Schema.Struct({
  call: Schema.String,
  turn: Schema.optionalKey(Schema.String),
  requested: Schema.optionalKey(Candidate),
  outcome: Outcome,
  /** Decisions that would be the same. */
  same: Schema.Int,
  difference: Schema.optionalKey(Difference),
  /** Decisions after the first that differs: what they were about would not have happened so. */
  unknown: Schema.Int,
  /** Decisions of which the journal does not hold what they were made from. */
  unread: Schema.Int,
  /**
   * Whether all that was decided again was decided from what the call knew. Else the journal begins within the call, has
   * lost events, or does not tell how the call stood: then the schedules are taken to be where they were, and the rest to
   * be as at the start of a turn.
   */
  exact: Schema.Boolean
})

/** A call of the journal, decided again. */
export type Call = typeof Call.Type

/** How a journal is read. */
export interface Options {
  /**
   * The most calls in progress that are followed at once. Past it the one that was quiet for longest is told as
   * unfinished. Default 4096.
   */
  readonly openCalls?: number
}

const openCallsFollowed = 4096

/**
 * The calls of a journal, or of any stream of events, under another policy: each when it ends, and those that did not at
 * the end of the events.
 *
 * **Details**
 *
 * Events may be of many calls at once. Where a schedule leaves a delay to chance, one that is within its bounds is the same.
 * Models that the other policy names for single reasons are not looked up: the call's own stay.
 *
 * **Example**
 *
 * ```ts
 * import { FailoverPolicy, Journal, Rerun } from "@holdfast/core"
 * import * as Stream from "effect/Stream"
 *
 * const strict = FailoverPolicy.make({ swap: { start: "never", midTurn: "never" } })
 * const differing = Journal.read("events.ndjson").pipe(
 *   Rerun.calls(strict),
 *   Stream.filter(({ difference }) => difference !== undefined)
 * )
 * ```
 */
export const calls =
  (policy: FailoverPolicy.Policy, options?: Options) =>
  <E, R>(events: Stream.Stream<TelemetryEvent, E, R>): Stream.Stream<Call, E, R> =>
    Stream.suspend(() => {
      const other = FailoverPolicy.snapshot(policy)
      const limit = Math.max(1, options?.openCalls ?? openCallsFollowed)
      return Stream.mapAccumEffect(
        events,
        () => new Reader(other, limit),
        (reader, event) => Effect.map(reader.read(event), (told) => [reader, told] as const),
        { onHalt: (reader) => reader.rest() }
      )
    })

/** What a journal comes to under another policy. */
export const Summary = Schema.Struct({
  calls: Schema.Int,
  /** Calls in which nothing that could be decided again differs. */
  unchanged: Schema.Int,
  /** How many calls differ, by how the first difference changes what is done; the most frequent first. */
  changes: Schema.Array(Schema.Struct({ ...Change.fields, calls: Schema.Int })),
  /** Decisions that would be the same, that are unknown after a difference, and that could not be made again. */
  same: Schema.Int,
  unknown: Schema.Int,
  unread: Schema.Int,
  /** Calls of which the journal does not tell all. */
  inexact: Schema.Int
})

/** What a journal comes to under another policy. */
export type Summary = typeof Summary.Type

/** Counts what {@link calls} tells. */
export const summarize = <E, R>(calls: Stream.Stream<Call, E, R>): Effect.Effect<Summary, E, R> =>
  Effect.map(
    Stream.runFold(
      calls,
      () => new Counts(),
      (counts, call) => counts.add(call)
    ),
    (counts) => counts.summary()
  )

class Counts {
  private calls = 0
  private same = 0
  private unknown = 0
  private unread = 0
  private inexact = 0
  private readonly changes = new Map<string, { readonly was: Kind; readonly wouldBe: Kind; calls: number }>()

  add({ difference, exact, same, unknown, unread }: Call): this {
    this.calls += 1
    this.same += same
    this.unknown += unknown
    this.unread += unread
    if (!exact) this.inexact += 1
    if (difference === undefined) return this
    const { was, wouldBe } = difference.change
    const known = this.changes.get(`${was} ${wouldBe}`)
    if (known === undefined) this.changes.set(`${was} ${wouldBe}`, { was, wouldBe, calls: 1 })
    else known.calls += 1
    return this
  }

  summary(): Summary {
    const changes = [...this.changes.values()].toSorted((a, b) => b.calls - a.calls)
    const differing = changes.reduce((sum, { calls }) => sum + calls, 0)
    const { calls, inexact, same, unknown, unread } = this
    return { calls, unchanged: calls - differing, changes, same, unknown, unread, inexact }
  }
}

const nothing: Effect.Effect<ReadonlyArray<Call>> = Effect.succeed([])

/** Follows the calls in progress. */
class Reader {
  private readonly policy: FailoverPolicy.Policy
  private readonly limit: number
  private readonly open = new Map<string, OpenCall>()

  constructor(policy: FailoverPolicy.Policy, limit: number) {
    this.policy = policy
    this.limit = limit
  }

  read(event: TelemetryEvent): Effect.Effect<ReadonlyArray<Call>> {
    switch (event._tag) {
      case "AttemptStarted":
        this.of(event.call).began(event)
        return this.overdue()
      case "AttemptFailed":
        this.of(event.call).failed(event)
        return this.overdue()
      case "Decided":
        return Effect.andThen(this.of(event.call).decided(event), this.overdue())
      case "CallSucceeded":
        return Effect.succeed([this.close(event.call, "succeeded")])
      case "CallFailed":
        return Effect.succeed([this.close(event.call, "failed")])
      default:
        return nothing
    }
  }

  /** Calls that have not ended. */
  rest(): ReadonlyArray<Call> {
    return [...this.open.values()].map((call) => call.close("unfinished"))
  }

  private of(name: string): OpenCall {
    const call = this.open.get(name) ?? new OpenCall(this.policy, name)
    // Put last, so that the first is the one that was quiet for longest.
    this.open.delete(name)
    this.open.set(name, call)
    return call
  }

  private close(name: string, outcome: Outcome): Call {
    const call = this.of(name)
    this.open.delete(name)
    return call.close(outcome)
  }

  private overdue(): Effect.Effect<ReadonlyArray<Call>> {
    if (this.open.size <= this.limit) return nothing
    const [quiet = ""] = this.open.keys()
    return Effect.sync(() => [this.close(quiet, "unfinished")])
  }
}
