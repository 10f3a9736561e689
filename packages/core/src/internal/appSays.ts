/** What the app is asked for in the middle of a call. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { exitWithin } from "./exitWithin.ts"

/** What was asked, as the log names it, and how long the app may take, in milliseconds. */
export interface Question {
  readonly of: string
  readonly limitMs: number
}

/** What the app says; where it fails, is interrupted or does not say in time, it is a no, and the log tells of it. */
export const appSays = <A>(
  answer: () => Effect.Effect<A, unknown>,
  { limitMs, of }: Question
): Effect.Effect<A | false> =>
  Effect.flatMap(exitWithin(Effect.suspend(answer), limitMs), (exit): Effect.Effect<A | false> => {
    if (exit === undefined) return Effect.as(Effect.logWarning(`Nobody said within ${limitMs} ms ${of}`), false)
    return Exit.isSuccess(exit)
      ? Effect.succeed(exit.value)
      : Effect.as(Effect.logError(`The app could not say ${of}`, exit.cause), false)
  })
