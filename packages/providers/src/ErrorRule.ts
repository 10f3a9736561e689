/**
 * What a provider's error answer means, as data: the first rule that fits names the reason.
 *
 * Structured fields come first; text only tells apart what status, type and code do not.
 */
import type { Reason } from "@holdfast/core/Reason"

/** The reasons that an answer can have. */
export type AnswerReason = Extract<Reason, { readonly rule: string }>["_tag"]

/** What has to be true of an answer. Every field that is named has to fit. */
export interface Condition {
  /** HTTP's status, or the one that an error inside a 200 names. */
  readonly status?: number | ReadonlyArray<number>
  readonly type?: string | ReadonlyArray<string>
  readonly code?: string | ReadonlyArray<string>
  readonly text?: RegExp
}

/** One rule. */
export interface ErrorRule {
  /** Its name, which the failure carries after the provider's: `openai/insufficient-quota`. */
  readonly name: string
  readonly when: Condition
  readonly reason: AnswerReason
}
