/** The provider that an attempt of a call asks, as whoever counts its calls has counted it already. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Candidate } from "../Candidate.ts"

/** Set while a `Failover` makes an attempt: what stands below is the same call to the retry budget. */
export const Addressed: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "@holdfast/core/internal/addressed/Addressed",
  { defaultValue: () => undefined }
)

/** The effect of an attempt at a candidate. */
export const addressed = <A, E, R>(effect: Effect.Effect<A, E, R>, { provider }: Candidate): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Addressed, provider)
