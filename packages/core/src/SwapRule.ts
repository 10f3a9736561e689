/**
 * Whether another model may answer in place of the one that was asked, by how close the two are.
 *
 * The rule is separate from the chain: the chain says which models may be asked, the rule when a change of model is
 * acceptable. A swap that the rule allows is still never silent.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Candidate from "./Candidate.ts"
import type { Failure } from "./Failure.ts"
import { appSays } from "./internal/appSays.ts"

/**
 * - `never`: the same provider, model and credential only.
 * - `same-model`: any host or credential of the same model.
 * - `same-family`: the same maker and line, such as Opus 4.7 to Opus 4.6.
 * - `any`: whatever the chain names.
 */
export const SwapRule = Schema.Literals(["never", "same-model", "same-family", "any"])

/** Whether another model may answer in place of the one that was asked. */
export type SwapRule = typeof SwapRule.Type

/** Whether the rule allows an answer from `to` where `from` was asked, or has answered so far. */
export const allows = (rule: SwapRule, from: Candidate.Candidate, to: Candidate.Candidate): boolean => {
  switch (rule) {
    case "never":
      return Candidate.label(from) === Candidate.label(to)
    case "same-model":
      return Candidate.closeness(from, to) === "same-model"
    case "same-family":
      return Candidate.closeness(from, to) !== "other"
    case "any":
      return true
  }
}

/** A swap that the app is asked about. */
export interface Proposed {
  readonly from: Candidate.Candidate
  readonly to: Candidate.Candidate
  readonly moment: "start" | "mid"
  /** Why another model is wanted; absent where nothing was sent because the model is cooling down. */
  readonly failure: Failure | undefined
}

/** A rule that leaves swaps to the app. */
export interface Ask {
  /** Whether the swap is wanted. Failing, or not answering in time, is a no. */
  readonly ask: (swap: Proposed) => Effect.Effect<boolean, unknown>
  /** How close a model must be to be asked about at all. Default: `any`. Another host or credential of the same model is not asked about. */
  readonly within?: SwapRule
  /** How long the app may take, in milliseconds; the call's own time bounds it, too. Default: a minute. */
  readonly limitMs?: number
}

// As long as a person who is there needs to answer.
const defaultLimitMs = 60_000

/**
 * Asks the app whether a swap is wanted, for as long as the rule allows, `leftMs` at most. Where it fails or does not
 * say in time, it is not, and the log tells of it.
 */
export const ask = (rule: Ask, swap: Proposed, leftMs = Number.POSITIVE_INFINITY): Effect.Effect<boolean> =>
  appSays(() => rule.ask(swap), {
    of: "whether the swap is wanted",
    limitMs: Math.min(rule.limitMs ?? defaultLimitMs, leftMs)
  })

/** A rule, or the app's own word each time. */
export type SwapPolicy = SwapRule | Ask

/** How a swap is met: it is allowed or denied, or the app is to be asked. */
export const meets = (policy: SwapPolicy, from: Candidate.Candidate, to: Candidate.Candidate): "yes" | "no" | "ask" => {
  if (typeof policy === "string") return allows(policy, from, to) ? "yes" : "no"
  if (allows("same-model", from, to)) return "yes"
  return allows(policy.within ?? "any", from, to) ? "ask" : "no"
}
