/**
 * What a provider's error answer means, as data: the first rule that fits names the reason.
 *
 * Structured fields come first; text only tells apart what status, type and code do not.
 */
import type { Of, Reason } from "@holdfast/core/Reason"

/** The reasons that an answer can have. */
export type AnswerReason = Extract<Reason, { readonly rule: string }>["_tag"]

/**
 * What has to be true of an answer. Every field that is named has to fit; of several values, one. Letters' case makes no
 * difference.
 */
export interface Condition {
  /** HTTP's status, or the one that an error inside a 200 names. */
  readonly status?: number | ReadonlyArray<number>
  readonly type?: string | ReadonlyArray<string>
  readonly code?: string | ReadonlyArray<string>
  /** The code, the type, or any other word in a place where providers write one. `throttl*` is all that begin so. */
  readonly word?: string | ReadonlyArray<string>
  readonly parameter?: RegExp
  readonly text?: RegExp
}

/** One rule. */
export interface ErrorRule {
  /** Its name, which the failure carries after the provider's: `openai/insufficient-quota`. */
  readonly name: string
  readonly when: Condition
  readonly reason: AnswerReason
  /** What a limit is on, for `RateLimited`. Absent: what the answer's words say, else the model. */
  readonly limited?: Of<"RateLimited">["limited"]
  /** `false` where no wait helps, whatever the answer says of one. */
  readonly passes?: false
  /** What a person can do about it in this case. `$1` is what `text` captured first. */
  readonly hint?: string
}
