/**
 * Whether another model may answer in place of the one that was asked, by how close the two are.
 *
 * The rule is separate from the chain: the chain says which models may be asked, the rule when a change of model is
 * acceptable. A swap that the rule allows is still never silent.
 */
import * as Schema from "effect/Schema"
import * as Candidate from "./Candidate.ts"

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
