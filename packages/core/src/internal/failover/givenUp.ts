/** What a call fails with that is given up for another cause than its last attempt's. */
import { label } from "../../Candidate.ts"
import * as Arr from "effect/Array"
import type { Decision } from "../../Decision.ts"
import * as Evidence from "../../Evidence.ts"
import * as Failure from "../../Failure.ts"
import * as Reason from "../../Reason.ts"
import { SwapDenied } from "../../SwapDenied.ts"
import { inWords } from "../inWords.ts"
import type { Session } from "./session.ts"

// What a person has to mend: to ask the same credential again is in vain, however often.
const ofCredentials = {
  AuthenticationFailed: Reason.AuthenticationFailed,
  CredentialRevoked: Reason.CredentialRevoked,
  PermissionDenied: Reason.PermissionDenied,
  BillingExhausted: Reason.BillingExhausted
} as const

const isOfCredentials = (tag: Reason.Tag | undefined): tag is keyof typeof ofCredentials =>
  tag !== undefined && tag in ofCredentials

const rule = "cooling-down"

/**
 * Nothing was sent, because all that may be asked are cooling down for longer than the call can wait.
 *
 * It is a shortage, which goes by, unless even who is soonest cools down for what a person has to mend at the credential:
 * then it is what is held against the candidate itself.
 */
export const coolingDown = ({ candidate, places, standing }: Session): Failure.Failure => {
  const soonest = standing.soonest(places)
  const held = standing.reasonOf(candidate)
  const until =
    soonest === undefined
      ? ""
      : `, ${label(soonest.candidate)} for ${inWords(soonest.forMs)} more after ${soonest.reason}`
  const hint = `All that may be asked are cooling down${until}: wait, or reset ProviderHealth.`
  return Failure.make({
    reason:
      isOfCredentials(held) && isOfCredentials(soonest?.reason)
        ? mended(held, hint)
        : new Reason.Overloaded({
            rule,
            hint,
            ...(soonest === undefined ? undefined : { retryAfterMs: soonest.forMs })
          }),
    evidence: Evidence.unsent,
    declaration: "unknown",
    candidate
  })
}

const mended = (held: keyof typeof ofCredentials, hint: string): Reason.Reason => {
  const Held = ofCredentials[held]
  return new Held({ rule, hint: `${new Held({ rule }).advice} ${hint}` })
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
