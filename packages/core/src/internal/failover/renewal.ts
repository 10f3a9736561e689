/** Renews the credential that an attempt was refused for. */
import * as Effect from "effect/Effect"
import type { Attempt, CallOptions, Renewed } from "../../Failover.ts"
import type { Failure } from "../../Failure.ts"
import { appSays } from "../appSays.ts"
import type { Session } from "./session.ts"

/** Says whether the credential is another now. */
export type Renewal = Effect.Effect<Renewed, unknown>

// As long as a command that prints a key may take to ask its user.
const longestMs = 60_000

/** What renews the credential of an attempt, if anything does. */
export const renewalOf = ({ refresh }: CallOptions, refused: Attempt, failure: Failure): Renewal | undefined => {
  try {
    return refresh?.(refused, failure)
  } catch (error) {
    return Effect.die(error)
  }
}

/** Whether the credential of the attempt under way is another now; asked once for each candidate that a call goes to. */
export const renew = (session: Session): Effect.Effect<boolean> => {
  const { events, made, places, renewal, standing } = session
  places.isRefreshed = true
  if (renewal === undefined || made === undefined) return Effect.succeed(false)
  const limitMs = Math.min(longestMs, session.leftMs() ?? longestMs)
  return Effect.flatMap(
    appSays(() => renewal, { of: "whether the credential was renewed", limitMs }),
    (renewed) => {
      const changed = renewed !== false
      events.reread(made, changed)
      const forgiven = renewed === true ? standing.forgiven(made.candidate) : Effect.void
      return Effect.as(changed ? Effect.andThen(standing.dropped(), forgiven) : Effect.void, changed)
    }
  )
}
