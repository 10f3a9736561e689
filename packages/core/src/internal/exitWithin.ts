/** Effects that an app has written, and that need not end. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * What an effect ends with within so many milliseconds; nothing where it has not by then.
 *
 * It has a fiber of its own, so that its interruptions are not the caller's. It is interrupted when it is late, or when
 * the caller is, and nobody waits for that: what cannot be interrupted would outlast every limit.
 */
export const exitWithin = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  limitMs: number
): Effect.Effect<Exit.Exit<A, E> | undefined, never, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDetach(effect, { startImmediately: true }), (fiber) => {
      const ended = fiber.pollUnsafe()
      if (ended !== undefined) return Effect.succeed(ended)
      return Effect.timeoutOption(Fiber.await(fiber), limitMs).pipe(
        Effect.map(Option.getOrUndefined),
        restore,
        // After it has ended this does nothing.
        Effect.ensuring(Effect.sync(() => fiber.interruptUnsafe()))
      )
    })
  )
