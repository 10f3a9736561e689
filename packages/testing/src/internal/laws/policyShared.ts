/** That nobody is asked of whom the table says that he is not worth trying. */
import type { CallState } from "@holdfast/core/CallState"
import type { Candidate } from "@holdfast/core/Candidate"
import { label } from "@holdfast/core/Candidate"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Reason from "@holdfast/core/Reason"
import type { Holds } from "./policyLaw.ts"
import { ofDecision, reservedFor } from "./policyLaw.ts"
import type { Mark } from "./policyWorld.ts"

const table = ofDecision(
  "passes over who shares what failed",
  "Where the table says `outside-scope` of a failure, nobody who shares what failed is asked for the rest of the call, but for who is named for that very reason. It is tried on what the table decides: a policy's own function may know better.",
  (policy, { failure, state }, decision) => {
    if (!("index" in decision)) return undefined
    const { index } = decision
    const candidate = state.chain[index]
    if (candidate === undefined) return undefined
    const { _tag: reason, scope } = failure.reason
    const marks = [...(state.failed ?? []), { index: state.index, scope, reason }]
    const held = marks.find(
      (mark) =>
        (mark.reason === undefined || policy.table[mark.reason].onward === "outside-scope") &&
        !isNamed(state, index, mark.reason, mark.index) &&
        shares(mark, state.chain[mark.index] ?? state.chain[0], candidate)
    )
    if (held === undefined) return undefined
    const what = `goes on with ${label(candidate)}, who shares the ${held.scope} that failed at`
    return held.index === state.index ? `${what} the last one` : `${what} one that was left`
  }
)

/** Whether a candidate is there for what failed at another, who is not. */
const isNamed = (state: CallState, index: number, reason: Reason.Tag | undefined, at: number): boolean =>
  reason !== undefined && reservedFor(state, index) === reason && reservedFor(state, at) !== reason

const shares = ({ reason, scope }: Pick<Mark, "reason" | "scope">, failed: Candidate, other: Candidate): boolean => {
  const isSameProvider = failed.provider === other.provider
  const isSameCredential = isSameProvider && failed.credential === other.credential
  switch (scope) {
    case "request":
      return true
    case "provider":
      return isSameProvider
    case "credential":
      return isSameCredential
    case "model":
      // What a model may be asked for is counted for each account.
      return isSameProvider && failed.model === other.model && (reason !== "RateLimited" || isSameCredential)
    case "endpoint": {
      const isKnown = failed.endpoint !== undefined && other.endpoint !== undefined
      return isKnown ? failed.endpoint === other.endpoint : isSameProvider
    }
  }
}

/**
 * The law of what failed, tried on the policy with the function that leaves everything to its table.
 *
 * A function of the policy's own is free here, as `FailoverPolicy.decide` leaves it free. To ask somebody who shares what
 * failed may be in vain and does nothing twice, and the app may have repaired what was broken. What it leaves to the table
 * is held to the law like the rest.
 */
export const ofTable: Holds = {
  ...table,
  find: ({ decide, policy }, situation) =>
    table.find({ decide, policy: { ...policy, decide: FailoverPolicy.defaults.decide } }, situation)
}
