/** The attempts of a call that a program takes along its chain by itself. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Answer, Attempt } from "../../Failover.ts"
import type { Failure } from "../../Failure.ts"
import type { SwapDenied } from "../../SwapDenied.ts"
import { failureOf } from "./failureOf.ts"
import * as Hedging from "./hedging.ts"
import * as Moves from "./moves.ts"
import type { Session } from "./session.ts"
import { answerOf } from "./session.ts"

/** An attempt that failed, of which it has not been said what follows. */
interface Fallen<E> {
  readonly cause: Cause.Cause<E>
  /** The failure as the call sees it. */
  readonly failure: Failure
  /** Whether it was held against whom it is about. */
  readonly isHeld: boolean
}

/** The attempts of a call. What became of one is settled when it ends, for nobody can say whether the program goes on. */
export class Rungs {
  readonly session: Session
  private fallen: Fallen<unknown> | undefined

  constructor(session: Session) {
    this.session = session
  }

  /** Finds whom the first attempt asks. */
  readonly enter: Effect.Effect<void, Failure | SwapDenied> = Effect.suspend(() =>
    this.orDropped(Moves.enter(this.session))
  )

  /** Makes an attempt, and settles what became of it. */
  attempt<A, E, R>(f: (attempt: Attempt) => Effect.Effect<A, E, R>): Effect.Effect<Answer<A>, E | Failure, R> {
    const { session } = this
    return Effect.uninterruptibleMask((restore) =>
      Effect.andThen(
        // The program asks whoever is cooling down, too, where it did not ask what follows.
        session.standing.retaken(session.candidate),
        Effect.onExit(
          restore(
            Effect.suspend(() => {
              this.passOver()
              return Effect.flatMap(Hedging.run(session, f), (value) => answerOf(session, value))
            })
          ),
          (exit) => (Exit.isSuccess(exit) ? Effect.void : this.fell(exit.cause))
        )
      )
    )
  }

  /** What follows a failed attempt. */
  next(raw: Failure): Effect.Effect<void, Failure | SwapDenied> {
    return Effect.suspend(() => {
      const { fallen, session } = this
      this.fallen = undefined
      const failure = fallen !== undefined && isOf(fallen.cause, raw) ? fallen.failure : session.failure(raw)
      const follows = Moves.follows(session, failure)
      // What the program has amended is one failure still: it counts twice only where it is about something else now.
      const isHeld = fallen?.isHeld === true && fallen.failure.reason === failure.reason
      return this.orDropped(isHeld ? follows : Effect.andThen(session.standing.retaken(session.candidate), follows))
    })
  }

  /** The program makes another attempt without asking what follows the last. */
  private passOver(): void {
    if (this.fallen !== undefined) this.session.records.push(...this.fallen.failure.attempts)
    this.fallen = undefined
  }

  private fell<E>(cause: Cause.Cause<E>): Effect.Effect<void> {
    const { session } = this
    const raw = failureOf(cause)
    if (raw === undefined) return session.standing.dropped()
    const failure = session.failure(raw)
    // Nothing is held against a credential before it is known that there is no other: calls beside this one would be lost.
    const isHeld = !session.isRefused(failure)
    this.fallen = { cause, failure, isHeld }
    return isHeld ? session.standing.failed(failure) : session.standing.dropped()
  }

  /** The right to an attempt is given back where none is going to be made. */
  private orDropped<A, E>(move: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.onExit(move, (exit) => (Exit.isSuccess(exit) ? Effect.void : this.session.standing.dropped()))
  }
}

/** Whether an attempt ended in a failure, which may not be the only one that it ended in. */
const isOf = (cause: Cause.Cause<unknown>, failure: Failure): boolean =>
  cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error === failure)
