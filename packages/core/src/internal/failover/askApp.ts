/** Asks the app whether it wants a swap. */
import * as Effect from "effect/Effect"
import type { Onward } from "../../Decision.ts"
import type { Failure } from "../../Failure.ts"
import * as SwapRule from "../../SwapRule.ts"
import type { Session } from "./session.ts"

/** Whether the app wants it; where it fails or does not say in time, it does not. */
export const askApp = (
  session: Session,
  { candidate }: Onward,
  failure: Failure | undefined
): Effect.Effect<boolean> => {
  const { from, moment, policy } = session
  const rule = moment === "mid" ? policy.swap.midTurn : policy.swap.start
  if (typeof rule === "string") return Effect.succeed(false)
  return SwapRule.ask(rule, { from, to: candidate, moment, failure }, session.leftMs())
}
