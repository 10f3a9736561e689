/** A yes or no that the app is asked for in the middle of a call. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

/** What was asked, as the log names it, and how long the app may take, in milliseconds. */
export interface Question {
  readonly of: string
  readonly limitMs: number
}

/** What the app says; where it fails or does not say in time, it is a no, and the log tells of it. */
export const appSays = (
  answer: () => Effect.Effect<boolean, unknown>,
  { limitMs, of }: Question
): Effect.Effect<boolean> =>
  Effect.suspend(answer).pipe(
    Effect.timeoutOrElse({
      duration: limitMs,
      orElse: () => Effect.as(Effect.logWarning(`Nobody said within ${limitMs} ms ${of}`), false)
    }),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.as(Effect.logError(`The app could not say ${of}`, cause), false)
    )
  )
