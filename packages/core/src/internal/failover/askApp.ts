/** Asks the app whether it wants a swap. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Onward } from "../../Decision.ts"
import type { Failure } from "../../Failure.ts"
import type { Session } from "./session.ts"

// As long as a person who is there needs to answer.
const defaultLimitMs = 60_000

/** Whether the app wants it; where it fails or does not say in time, it does not. */
export const askApp = (
  session: Session,
  { candidate }: Onward,
  failure: Failure | undefined
): Effect.Effect<boolean> => {
  const { from, moment, policy } = session
  const rule = moment === "mid" ? policy.swap.midTurn : policy.swap.start
  if (typeof rule === "string") return Effect.succeed(false)
  const limitMs = Math.min(rule.limitMs ?? defaultLimitMs, session.leftMs() ?? Number.POSITIVE_INFINITY)
  return Effect.suspend(() => rule.ask({ from, to: candidate, moment, failure })).pipe(
    Effect.timeoutOrElse({
      duration: limitMs,
      orElse: () => Effect.as(Effect.logWarning(`Nobody said within ${limitMs} ms whether the swap is wanted`), false)
    }),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.as(Effect.logError("The app could not say whether the swap is wanted", cause), false)
    )
  )
}
