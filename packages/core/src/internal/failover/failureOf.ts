/** The failure that an attempt ended in. */
import * as Cause from "effect/Cause"
import * as Failure from "../../Failure.ts"
import * as Verdict from "../../Verdict.ts"

/**
 * The gravest failure of a cause in which nothing but failures and interruptions are found. A defect or an error of
 * another class beside a failure is no failed attempt: to replay it would hide it.
 */
export const failureOf = <E>(cause: Cause.Cause<E>): Failure.Failure | undefined => {
  let gravest: Failure.Failure | undefined
  for (const reason of cause.reasons) {
    if (Cause.isInterruptReason(reason)) continue
    if (!Cause.isFailReason(reason) || !Failure.isFailure(reason.error)) return undefined
    gravest = gravest === undefined ? reason.error : graver(gravest, reason.error)
  }
  return gravest
}

const graver = (a: Failure.Failure, b: Failure.Failure): Failure.Failure =>
  Verdict.worst(a.verdict, b.verdict) === a.verdict ? a : b
