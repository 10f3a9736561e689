/** What a call fails with that is given up for another cause than its last attempt's. */
import type { Candidate } from "../../Candidate.ts"
import { label } from "../../Candidate.ts"
import * as Arr from "effect/Array"
import type { Decision } from "../../Decision.ts"
import * as Evidence from "../../Evidence.ts"
import * as Failure from "../../Failure.ts"
import * as Reason from "../../Reason.ts"
import { SwapDenied } from "../../SwapDenied.ts"
import type { Session } from "./session.ts"

/** Nothing was sent, because all that may be asked are cooling down for longer than the call can wait. */
export const coolingDown = (
  candidate: Candidate,
  soonest: { readonly candidate: Candidate; readonly forMs: number } | undefined
): Failure.Failure => {
  const seconds = Math.ceil((soonest?.forMs ?? 0) / 1000)
  return Failure.make({
    reason: new Reason.Overloaded({
      rule: "cooling-down",
      hint:
        soonest === undefined
          ? "All that may be asked are cooling down: wait, or reset ProviderHealth."
          : `All that may be asked are cooling down, ${label(soonest.candidate)} for ${seconds} s more: wait, or reset ProviderHealth.`,
      ...(soonest === undefined ? undefined : { retryAfterMs: soonest.forMs })
    }),
    evidence: Evidence.unsent,
    declaration: "unknown",
    candidate
  })
}

/** The failure of a call that only the swap rule kept from another model. */
export const deniedSwap = (
  { skipped, why }: Extract<Decision, { _tag: "Surface" }>,
  failure: Failure.Failure,
  { from, moment }: Pick<Session, "from" | "moment">
): SwapDenied | undefined => {
  if (why !== "swap-denied") return undefined
  const denied = skipped.filter((each) => each.why === "swap-denied").map(({ candidate }) => candidate)
  return Arr.isArrayNonEmpty(denied) ? new SwapDenied({ failure, from, moment, denied }) : undefined
}
