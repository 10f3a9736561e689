/** A call that could have gone on with another model, which the swap rule or the app did not allow. */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Candidate, label } from "./Candidate.ts"
import { Failure } from "./Failure.ts"

/**
 * The call failed, and only the swap rule, or the app's own word, kept it from another model.
 *
 * It is no `ReplaySafe`: whoever wants the other model asks for it.
 */
export class SwapDenied extends Schema.TaggedError<SwapDenied>("@holdfast/core/SwapDenied")("SwapDenied", {
  /** What the call failed with, holding all its attempts. */
  failure: Failure,
  /** Whom a swap was counted from: the model that answered this turn, else the one asked for. */
  from: Candidate,
  moment: Schema.Literals(["start", "mid"]),
  /** Who would have been asked, in order. */
  denied: Schema.NonEmptyArray(Candidate)
}) {
  override get message(): string {
    const { denied, failure, from, moment } = this
    const when = moment === "mid" ? "in the middle of a turn" : "at the start of a turn"
    const others = denied.map(label).join(", ")
    return `${failure.message}. ${others} would have been asked, but may not stand in for ${label(from)} ${when}`
  }
  override toJSON(): unknown {
    const { denied, failure, from, message, moment } = this
    return { _tag: this._tag, message, failure: failure.toJSON(), from, moment, denied }
  }
}

/** Whether a value is a call that was kept from another model. */
export const isSwapDenied = <E>(u: E): u is E & SwapDenied =>
  Predicate.isTagged(u, "SwapDenied") && u instanceof SwapDenied
