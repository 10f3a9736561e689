/**
 * Where a call stands when an attempt of it has failed: all that a decision depends on besides policy and failure.
 *
 * It is plain data, so that a decision can be written down, read back and made again under another policy.
 */
import * as Schema from "effect/Schema"
import { Candidate } from "./Candidate.ts"
import * as Reason from "./Reason.ts"

/** Reasons that may name candidates of their own. */
export const NamedReason = Schema.Literals(["ContextOverflow", "ContentRefused", "ModelNotFound"])

/** A reason that may name candidates of its own. */
export type NamedReason = typeof NamedReason.Type

/**
 * Whether a turn may be run again: `allowed`, nothing happened in it that must not happen twice; `invalid`, something did;
 * `abandoned`, the app has given it up; `unknown`, the app has not made it explicit.
 */
export const TurnReplay = Schema.Literals(["allowed", "invalid", "abandoned", "unknown"])

/** Whether a turn may be run again. */
export type TurnReplay = typeof TurnReplay.Type

const place = Schema.Int

/** What failed at a candidate that was left. Without its reason, it is held against all that share the scope. */
const Mark = Schema.Struct({
  index: place,
  scope: Reason.Scope,
  reason: Schema.optionalKey(Schema.Literals(Reason.tags))
})

/** Where a call stands. Places are those in the chain, from 0. */
export const CallState = Schema.Struct({
  chain: Schema.NonEmptyArray(Candidate),
  /** The candidate that failed. */
  index: place,
  /** Candidates that were asked and left. */
  left: Schema.Array(place),
  /** What failed at candidates that were left, where whoever shares it is not worth trying. */
  failed: Schema.optionalKey(Schema.Array(Mark)),
  /** Candidates that the call cannot be put to, as far as is known. */
  unsuited: Schema.optionalKey(Schema.Array(place)),
  /** Candidates that the app does not want to answer. */
  denied: Schema.optionalKey(Schema.Array(place)),
  /** Candidates that are not to be asked for so many milliseconds. */
  cooling: Schema.optionalKey(Schema.Array(Schema.Struct({ index: place, forMs: Schema.Finite }))),
  /** Candidates that are there for failures of one reason alone, behind those that the app asked for. */
  reserved: Schema.optionalKey(Schema.Array(Schema.Struct({ index: place, reason: NamedReason }))),
  /** Providers that were asked for this call and whose retry budget is spent. */
  spent: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Attempts made so far, the failed one included. */
  attempts: Schema.Int,
  /** What the schedule of the failure's class allows: a delay in milliseconds, or nothing when it has ended. */
  retryDelayMs: Schema.optional(Schema.Finite),
  /** Whether the failed candidate's credential can be renewed, and has not been for this call. */
  refreshable: Schema.optionalKey(Schema.Boolean),
  /** Milliseconds that are left of the call's time; absent where it has no limit. */
  leftMs: Schema.optional(Schema.Finite),
  moment: Schema.Literals(["start", "mid"]),
  /** Whom a swap is counted from: the model that answered this turn, else the one asked for. */
  from: Candidate,
  /** What a replay runs again: the call alone, or the whole turn, in a harness of somebody else's. Absent: the call. */
  replays: Schema.optionalKey(Schema.Literals(["call", "turn"])),
  /** Whether the turn may be run again. Absent: nothing is known of it. */
  turn: Schema.optionalKey(TurnReplay)
})

/** Where a call stands. */
export type CallState = typeof CallState.Type
