/**
 * Combinators that retry and fall back only where the verdict allows it, for programs composed by hand.
 *
 * Which failures may be replayed and how often are two questions: the verdict answers the first, a `Schedule` or the
 * program itself the second. Nothing here accepts a `ReplayUnsafe`, so a program cannot replay one by accident.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Failure from "./Failure.ts"
import { Telemetry } from "./Telemetry.ts"

export { judge, mayReplay, worst } from "./Verdict.ts"

/**
 * Retries an effect on a schedule for as long as it fails with {@link Failure.ReplaySafe} and nothing else.
 *
 * **Details**
 *
 * The failure that is left when the schedule ends stays in the error channel, whatever its class. Where several things
 * failed at once, one that is not safe forbids the retry.
 *
 * **Example**
 *
 * ```ts
 * import { Evidence, Failure, Reason, ReplaySafety } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 * import * as Schedule from "effect/Schedule"
 *
 * let attempts = 0
 * const refused = Failure.make({
 *   reason: new Reason.ConnectFailure({ host: "api.anthropic.com", code: "ECONNREFUSED", addresses: [] }),
 *   evidence: Evidence.unsent,
 *   declaration: "unknown",
 *   candidate: { provider: "anthropic", model: "claude-opus-4-7" }
 * })
 * const program = Effect.suspend(() => (++attempts < 3 ? Effect.fail(refused) : Effect.succeed(attempts)))
 *
 * await Effect.runPromise(program.pipe(ReplaySafety.retryWhenSafe(Schedule.recurs(2)))) // => 3
 * ```
 */
export const retryWhenSafe =
  <B>(schedule: Schedule.Schedule<B, Failure.ReplaySafe>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Schedule.toStepWithSleep(schedule), (step) => {
      const loop: Effect.Effect<A, E, R> = Effect.catchCause(self, (cause) => {
        const safe = onlySafe(cause)
        return safe === undefined
          ? Effect.failCause(cause)
          : Pull.matchEffect(step(safe), {
              onSuccess: () => loop,
              onFailure: Effect.failCause,
              onDone: () => Effect.failCause(cause)
            })
      })
      return loop
    })

/**
 * Falls back to another effect when the first fails with {@link Failure.ReplaySafe} and nothing else; every other
 * failure stays.
 */
export const orElseWhenSafe =
  <A2, E2, R2>(f: (failure: Failure.ReplaySafe) => Effect.Effect<A2, E2, R2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | A2, Exclude<E, Failure.ReplaySafe> | E2, R | R2> =>
    Effect.catchCause(self, (cause): Effect.Effect<A2, Exclude<E, Failure.ReplaySafe> | E2, R2> => {
      const safe = onlySafe(cause)
      return safe === undefined ? Effect.failCause(withoutSafe(cause)) : f(safe)
    })

/**
 * Takes the app's word that the call may be repeated: an ambiguous failure becomes a safe one, marked `assumed`, and an
 * event says so. An unsafe failure stays what it is.
 */
export const assumeRepeatable = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, Exclude<E, Failure.ReplayAmbiguous> | Failure.ReplaySafe, R> =>
  Effect.catchCause(self, (cause) =>
    Effect.flatMap(Effect.serviceOption(Telemetry), (telemetry) =>
      Effect.failCause(
        Cause.map(cause, (error) =>
          Failure.isReplayAmbiguous(error) ? assume(error, telemetry) : (error as Exclude<E, Failure.ReplayAmbiguous>)
        )
      )
    )
  )

const assume = (
  failure: Failure.ReplayAmbiguous,
  telemetry: Option.Option<Telemetry["Service"]>
): Failure.ReplaySafe => {
  if (Option.isSome(telemetry) && telemetry.value.isActive()) {
    telemetry.value.publishUnsafe({
      _tag: "ReplayAssumed",
      candidate: failure.candidate,
      reason: failure.reason._tag,
      rule: failure.rule,
      by: "app"
    })
  }
  return Failure.assumeSafe(failure)
}

/** The safe failure of a cause in which nothing but safe failures and interruptions are found. */
const onlySafe = <E>(cause: Cause.Cause<E>): Failure.ReplaySafe | undefined => {
  let safe: Failure.ReplaySafe | undefined
  for (const reason of cause.reasons) {
    if (Cause.isInterruptReason(reason)) continue
    if (!Cause.isFailReason(reason) || !Failure.isReplaySafe(reason.error)) return undefined
    safe ??= reason.error
  }
  return safe
}

const withoutSafe = <E>(cause: Cause.Cause<E>): Cause.Cause<Exclude<E, Failure.ReplaySafe>> =>
  Cause.fromReasons(
    cause.reasons.filter(
      (reason): reason is Cause.Reason<Exclude<E, Failure.ReplaySafe>> =>
        !Cause.isFailReason(reason) || !Failure.isReplaySafe(reason.error)
    )
  )
