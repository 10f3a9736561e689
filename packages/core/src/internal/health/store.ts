/** The store of circuits, asked so that its own failures let attempts through and are logged, now and then. */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Scope from "effect/Scope"
import * as Preview from "../../Preview.ts"

/** What the store says to an attempt. */
export type Answer =
  | { readonly _tag: "Admitted"; readonly generation: number; readonly probe: boolean; readonly openings: number }
  | { readonly _tag: "Open"; readonly forMs: number }
  /** Somebody's probe is under way. */
  | { readonly _tag: "Probed" }
  /** The store failed; the attempt goes on without it. */
  | { readonly _tag: "Unknown" }

/** A circuit in the store, and the state of it that an outcome is about. */
export interface Place {
  readonly key: string
  readonly generation: number
}

type Recorded = Parameters<CircuitBreaker.CircuitBreakerStore["Service"]["record"]>[0]

// The store asks for a policy with every outcome, though only failures can open a circuit that counts them in a row.
const unused: CircuitBreaker.TripPolicy = { _tag: "Consecutive", failures: 1 }

const unknown: Answer = { _tag: "Unknown" }

/** How long a shared store is waited for, in milliseconds: an attempt is worth more than a count. */
export const longestWaitMs = 1000

// An outage of the store is said once a minute, not at every attempt.
const logEveryMs = 60_000

/** The store, which never fails. */
export class Store {
  readonly service: CircuitBreaker.CircuitBreakerStore["Service"]
  readonly shared: boolean
  readonly clock: Clock.Clock
  loggedMs = Number.NEGATIVE_INFINITY

  constructor(service: CircuitBreaker.CircuitBreakerStore["Service"], shared: boolean, clock: Clock.Clock) {
    this.service = service
    this.shared = shared
    this.clock = clock
  }

  /** Asks for an attempt; the scope lasts as long as that does. */
  admit(key: string, scope: Scope.Scope): Effect.Effect<Answer> {
    return Effect.suspend(() => Scope.provide(this.service.admit(key), scope)).pipe(
      Effect.map(({ consecutiveOpenings, generation, probe }): Answer => ({
        _tag: "Admitted",
        generation,
        probe,
        openings: consecutiveOpenings
      })),
      Effect.catch((error): Effect.Effect<Answer, CircuitBreaker.CircuitBreakerError> => {
        switch (error.reason._tag) {
          case "CircuitOpen":
            return Effect.succeed({ _tag: "Open", forMs: Duration.toMillis(error.reason.retryAfter) })
          case "CircuitHalfOpen":
            return Effect.succeed({ _tag: "Probed" })
          case "CircuitBreakerStoreError":
            return Effect.fail(error)
        }
      }),
      (asked) => this.orElse(asked, unknown)
    )
  }

  /** Records a failure, and opens the circuit for so long if it is the last that it takes. Says whether it opened. */
  fail({ generation, key }: Place, after: number, openForMs: number): Effect.Effect<boolean> {
    return Effect.map(
      this.record({
        key,
        generation,
        outcome: "Failure",
        tripPolicy: { _tag: "Consecutive", failures: after },
        openFor: Duration.millis(openForMs)
      }),
      (transition) => transition?.to === "Open"
    )
  }

  /** Records a success, or that an attempt came to nothing. Neither opens a circuit. */
  pass({ generation, key }: Place, outcome: "Success" | "Ignored"): Effect.Effect<void> {
    return Effect.asVoid(this.record({ key, generation, outcome, tripPolicy: unused, openFor: Duration.zero }))
  }

  record(outcome: Recorded): Effect.Effect<CircuitBreaker.Transition | undefined> {
    return this.orElse(
      Effect.suspend(() => this.service.record(outcome)),
      undefined
    )
  }

  /** The state of a circuit; nothing where the store failed. */
  state(key: string): Effect.Effect<CircuitBreaker.State | undefined> {
    return this.orElse(
      Effect.suspend(() => this.service.state(key)),
      undefined
    )
  }

  orElse<A, B>(asked: Effect.Effect<A, CircuitBreaker.CircuitBreakerError>, otherwise: B): Effect.Effect<A | B> {
    const inTime: Effect.Effect<A | B, CircuitBreaker.CircuitBreakerError> = this.shared
      ? Effect.timeoutOrElse(asked, {
          duration: longestWaitMs,
          orElse: () => Effect.as(this.log(`no answer within ${longestWaitMs} ms`), otherwise)
        })
      : asked
    return Effect.catchCause(inTime, (cause) => Effect.as(this.log(Cause.pretty(cause)), otherwise))
  }

  log(why: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const now = this.clock.currentTimeMillisUnsafe()
      if (now - this.loggedMs < logEveryMs) return Effect.void
      this.loggedMs = now
      return Effect.logWarning(`the store of circuits failed, attempts are let through: ${Preview.scrub(why)}`)
    })
  }
}
