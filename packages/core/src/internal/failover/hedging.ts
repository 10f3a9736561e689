/** One attempt of a call, and a second beside it where the first is slow and the policy says so. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Attempt } from "../../Failover.ts"
import type { Failure } from "../../Failure.ts"
import { addressed } from "../addressed.ts"
import { failureOf } from "./failureOf.ts"
import type { Until } from "./paces.ts"
import type { Session } from "./session.ts"

/** How an attempt is made. */
export type Make<A, E, R> = (attempt: Attempt) => Effect.Effect<A, E, R>

/** Makes an attempt, or two, and gives what the first gave that succeeded. The other is interrupted. */
export const run = <A, E, R>(session: Session, make: Make<A, E, R>): Effect.Effect<A, E | Failure, R> => {
  const made = (attempt: Attempt) => session.inTime(addressed(make(attempt), attempt.candidate))
  return session.policy.hedge === undefined ? made(session.begin()) : paced(session, "answer", made)
}

/** The same of attempts that keep to the call's time by themselves; how long it took is remembered. */
export const paced = <A, E, R>(session: Session, until: Until, make: Make<A, E, R>): Effect.Effect<A, E | Failure, R> =>
  Effect.suspend(() => {
    const ms = afterMs(session, until)
    const first = session.begin()
    const begun = session.now()
    const made = ms === undefined ? make(first) : race(session, first, ms, make)
    return Effect.tap(made, () =>
      Effect.sync(() => {
        // An attempt that failed counts for nothing; one that was ended took at least as long.
        const since = session.isAfterFailure ? session.attemptStartedAt : begun
        session.shared.paces.add(session.candidate, until, session.now() - since)
      })
    )
  })

/** How long the attempt about to begin may take before a second is made beside it; nothing where none is. */
const afterMs = (
  { call, candidate, policy: { hedge }, shared: { paces } }: Session,
  until: Until
): number | undefined => {
  if (hedge === undefined || call.declaration !== "repeatable") return undefined
  if (hedge.after === "p95") return paces.p95(candidate, until)
  return Option.getOrUndefined(Option.map(Duration.fromInput(hedge.after), Duration.toMillis))
}

/**
 * Ends with the first attempt that succeeds, with the failure of both when both have failed, and at once where one ends
 * otherwise: a defect, or an error of another class, is no failed attempt that the other could make good.
 */
const race = <A, E, R>(
  session: Session,
  first: Attempt,
  ms: number,
  make: Make<A, E, R>
): Effect.Effect<A, E | Failure, R> =>
  Effect.suspend(() => {
    const running = new Map<Attempt, number>()
    let outcome: Effect.Effect<A, E | Failure> | undefined
    const one = (attempt: Attempt): Effect.Effect<void, never, R> => {
      const startedAt = session.now()
      running.set(attempt, startedAt)
      const ends = (as: Effect.Effect<A, E | Failure>): Effect.Effect<void> => {
        if (outcome === undefined) {
          outcome = as
          running.delete(attempt)
          session.isNow(attempt, startedAt)
        }
        return Effect.void
      }
      return Effect.matchCauseEffect(make(attempt), {
        onSuccess: (value) => ends(Effect.succeed(value)),
        onFailure: (cause) => {
          const failure = failureOf(cause)
          if (failure === undefined || outcome !== undefined) return ends(Effect.failCause(cause))
          running.delete(attempt)
          if (running.size === 0) {
            return ends(session.isAfterFailure ? Effect.fail(session.bothFailed(failure)) : Effect.failCause(cause))
          }
          // What it is held against must hear of it, however soon the other ends.
          return Effect.andThen(Effect.uninterruptible(session.failedBeside(failure, attempt, startedAt)), Effect.never)
        }
      })
    }
    const second = Effect.andThen(
      Effect.sleep(ms),
      Effect.flatMap(session.mayBeginBeside(), (may) =>
        may && outcome === undefined ? one(session.beginBeside()) : Effect.never
      )
    )
    return Effect.flatMap(Effect.raceFirst(one(first), second), () => {
      for (const [attempt, startedAt] of running) session.aborted(attempt, startedAt)
      return outcome ?? Effect.never
    })
  })
