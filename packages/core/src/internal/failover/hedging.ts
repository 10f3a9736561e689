/** One attempt of a call, and a second beside it where the first is slow and the policy says so. */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Attempt } from "../../Failover.ts"
import type { Failure } from "../../Failure.ts"
import { failureOf } from "./failureOf.ts"
import type { Session } from "./session.ts"

/** How an attempt is made. */
export type Make<A, E, R> = (attempt: Attempt) => Effect.Effect<A, E, R>

/** Makes an attempt, or two, and gives what the first gave that succeeded. The other is interrupted. */
export const run = <A, E, R>(session: Session, make: Make<A, E, R>): Effect.Effect<A, E | Failure, R> =>
  session.policy.hedge === undefined
    ? session.inTime(make(session.begin()))
    : paced(session, (attempt) => session.inTime(make(attempt)))

/** The same of attempts that keep to the call's time by themselves; how long it took is remembered. */
export const paced = <A, E, R>(session: Session, make: Make<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const ms = afterMs(session)
    const first = session.begin()
    const begun = session.now()
    const made = ms === undefined ? make(first) : race(session, first, ms, make)
    return Effect.tap(made, () => Effect.sync(() => session.shared.paces.add(session.candidate, session.now() - begun)))
  })

/** How long the attempt about to begin may take before a second is made beside it; nothing where none is. */
const afterMs = ({ call, candidate, policy: { hedge }, shared: { paces } }: Session): number | undefined => {
  if (hedge === undefined || call.declaration !== "repeatable") return undefined
  if (hedge.after === "p95") return paces.p95(candidate)
  return Option.getOrUndefined(Option.map(Duration.fromInput(hedge.after), Duration.toMillis))
}

/** An attempt that did not answer. */
interface Lost<E> {
  readonly attempt: Attempt
  readonly startedAt: number
  readonly elapsedMs: number
  readonly cause: Cause.Cause<E>
}

const race = <A, E, R>(session: Session, first: Attempt, ms: number, make: Make<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const firstFailed = Deferred.makeUnsafe<void>()
    const lost: Array<Lost<E>> = []
    const running = new Map<Attempt, number>()
    const one = (attempt: Attempt): Effect.Effect<A, E, R> => {
      const startedAt = session.now()
      running.set(attempt, startedAt)
      return Effect.matchCauseEffect(make(attempt), {
        onSuccess: (value) => {
          session.isNow(attempt, startedAt)
          running.delete(attempt)
          return Effect.succeed(value)
        },
        onFailure: (cause) => {
          lost.push({ attempt, startedAt, elapsedMs: session.now() - startedAt, cause })
          running.delete(attempt)
          return Effect.andThen(Deferred.succeed(firstFailed, undefined), Effect.failCause(cause))
        }
      })
    }
    const slow = Effect.timeoutOrElse(Effect.as(Deferred.await(firstFailed), false), {
      duration: ms,
      orElse: () => Effect.succeed(true)
    })
    const second = Effect.flatMap(slow, (isSlow) => {
      const attempt = isSlow ? session.beginBeside() : undefined
      // Without a second the first decides: a race ends with the first that succeeds, or when all have failed.
      return attempt === undefined ? Effect.andThen(Deferred.await(firstFailed), none) : one(attempt)
    })
    return Effect.matchCauseEffect(Effect.race(one(first), second), {
      onSuccess: (value) => {
        for (const [attempt, startedAt] of running) session.aborted(attempt, startedAt)
        return Effect.succeed(value)
      },
      onFailure: (cause) => {
        const last = lost.at(-1)
        if (last === undefined) return Effect.failCause(cause as Cause.Cause<E>)
        session.isNow(last.attempt, last.startedAt)
        const before = lost.length === 2 ? lost[0] : undefined
        const failure = before === undefined ? undefined : failureOf(before.cause)
        if (before !== undefined && failure !== undefined) {
          session.failedBeside(failure, before.attempt, before.elapsedMs)
        }
        return Effect.failCause(last.cause)
      }
    })
  })

const none: Effect.Effect<never, undefined> = Effect.fail(undefined)
