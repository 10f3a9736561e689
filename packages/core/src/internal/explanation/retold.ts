/** A failure as its event tells it. */
import * as Failure from "../../Failure.ts"
import type { AttemptFailed } from "../../TelemetryEvent.ts"
import * as Verdict from "../../Verdict.ts"
import { reasonOf } from "./reasonOf.ts"

/** The failure that an event was made of, as far as the policy looks at it. */
export const failureOf = (event: typeof AttemptFailed.Type): Failure.Failure => {
  const { attempt, candidate, declaration, elapsedMs, evidence, exposure, rule, verdict } = event
  const reason = reasonOf(event.reason, event)
  const failure = Failure.make({ reason, evidence, exposure, declaration, candidate, attempt, elapsedMs })
  // What the evidence does not prove and is safe nevertheless, the app has assumed.
  if (verdict === "Safe" && Failure.isReplayAmbiguous(failure)) return Failure.assumeSafe(failure)
  // An attempt that is itself a call of several attempts has the gravest verdict of them.
  const graver = { attempt, candidate, reason, evidence, verdict, rule, elapsedMs }
  return Verdict.worst(failure.verdict, verdict) === failure.verdict ? failure : Failure.ofCall([graver], failure)
}
