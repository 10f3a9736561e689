/** A call whose answer comes in parts, along its chain. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Evidence from "../Evidence.ts"
import * as Exposure from "../Exposure.ts"
import type { Attempt, StreamCall, Timed } from "../Failover.ts"
import type { Failure } from "../Failure.ts"
import * as Turn from "../Turn.ts"
import { failureOf } from "./failureOf.ts"
import { graceMs, tell } from "./session.ts"
import type { Next, Open, Session } from "./session.ts"

type Parts<A> = Arr.NonEmptyReadonlyArray<A>
type PartsPull<A, E, R> = Pull.Pull<Parts<A>, E | Failure, void, R>

/** Streams the call: attempts are replaced until the first content, then the stream is the attempt's. */
export const run = <A, E, R>(
  call: StreamCall<A, E, R> & Partial<Timed>,
  open: Open
): Stream.Stream<A, E | Failure, R> =>
  Stream.fromChannel(
    Channel.fromTransform((_: unknown, scope: Scope.Scope) =>
      Effect.map(Turn.Current, (turn) => new Streaming(call, open(call, turn), scope).pull)
    )
  ) as Stream.Stream<A, E | Failure, R>

class Streaming<A, E, R> {
  readonly call: StreamCall<A, E, R>
  readonly session: Session
  readonly scope: Scope.Scope
  /** Parts of the attempt under way that the app has not seen. */
  held: Array<A> = []
  /** Chunks the app has received. */
  readonly given: Array<Parts<A>> = []
  exposure: Exposure.Exposure = "nothing"
  attemptScope: Scope.Closeable | undefined
  /** What the app's next pull runs: the attempt under way, the start of one, or the end. */
  source: PartsPull<A, E, R>
  /** Done when the call's time is up. Without a limit there is none, and nothing races. */
  up: Deferred.Deferred<void> | undefined
  /** A pull of the app's has begun and not ended. */
  pulling = false

  constructor(call: StreamCall<A, E, R>, session: Session, scope: Scope.Scope) {
    this.call = call
    this.session = session
    this.scope = scope
    this.source = this.start
  }

  /**
   * What the app pulls. A pull that was interrupted leaves an attempt of which nothing is known, so there is none after
   * it: asked again, the attempt might be sent a second time.
   */
  readonly pull: PartsPull<A, E, R> = Effect.suspend(() => {
    if (this.pulling) return Effect.interrupt
    this.pulling = true
    return this.source
  })

  readonly goOn: PartsPull<A, E, R> = Effect.suspend(() => this.source)

  readonly start: PartsPull<A, E, R> = Effect.suspend(() => {
    const attempt = this.session.begin()
    const scope = Scope.forkUnsafe(this.scope)
    this.attemptScope = scope
    this.held = []
    const leftMs = this.session.leftMs()
    if (leftMs === 0) return this.broke(Cause.fail(this.session.outOfTime(Evidence.unsent)))
    if (leftMs === undefined || this.up !== undefined) return this.open(attempt, scope)
    this.up = Deferred.makeUnsafe()
    return Effect.andThen(Effect.forkIn(this.strike(leftMs + graceMs, this.up), this.scope), this.open(attempt, scope))
  })

  open(attempt: Attempt, scope: Scope.Scope): PartsPull<A, E, R> {
    return Effect.matchCauseEffect(this.inTime(Channel.toPullScoped(this.call.attempt(attempt).channel, scope)), {
      onSuccess: (pull) => {
        this.source = this.next(pull)
        return this.source
      },
      onFailure: (cause) => this.broke(cause)
    })
  }

  strike(afterMs: number, up: Deferred.Deferred<void>): Effect.Effect<unknown> {
    return Effect.andThen(Effect.sleep(afterMs), Deferred.succeed(up, undefined))
  }

  /** What an attempt does, until the call's time is up and a little longer. */
  inTime<B, E2>(effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2 | Failure, R> {
    if (this.up === undefined) return effect
    const timeUp = Effect.andThen(
      Deferred.await(this.up),
      Effect.suspend(() => Effect.fail(this.session.outOfTime(Evidence.unknown)))
    )
    return Effect.raceFirst(effect, timeUp)
  }

  next(pull: PartsPull<A, E, R>): PartsPull<A, E, R> {
    return Pull.matchEffect(this.inTime(pull), {
      onSuccess: (parts) => this.received(parts),
      onDone: () => this.ended(),
      onFailure: (cause) => this.broke(cause)
    })
  }

  received(parts: Parts<A>): PartsPull<A, E, R> {
    const before = this.exposure
    if (before !== "provider-tool") {
      for (const part of parts) this.exposure = Exposure.max(this.exposure, this.call.exposure(part))
    }
    if (before !== "nothing") {
      return this.give(parts)
    }
    for (const part of parts) this.held.push(part)
    return this.exposure === "nothing" ? this.goOn : this.release()
  }

  /** Gives the app what was held back, after saying who answers. */
  release(): PartsPull<A, E, R> {
    const answered = this.session.answered()
    const parts: ReadonlyArray<A> = this.call.announce?.(answered, this.held) ?? this.held
    this.held = []
    const told = tell(this.call, answered)
    return Effect.andThen(
      told,
      Effect.suspend(() => (Arr.isReadonlyArrayNonEmpty(parts) ? this.give(parts) : this.goOn))
    )
  }

  give(parts: Parts<A>): PartsPull<A, E, R> {
    this.given.push(parts)
    this.pulling = false
    return Effect.succeed(parts)
  }

  /** The end of the stream, for this pull and for every one after it. */
  over(end: PartsPull<A, E, R>): PartsPull<A, E, R> {
    this.source = Effect.suspend(() => {
      this.pulling = false
      return end
    })
    return this.source
  }

  ended(): PartsPull<A, E, R> {
    const end = this.over(Cause.done())
    // An answer without content is an answer all the same: its metadata and finish still belong to the app.
    const rest = this.exposure === "nothing" ? this.release() : end
    this.session.succeeded()
    return Effect.andThen(this.closeAttempt(Exit.void), rest)
  }

  broke(cause: Cause.Cause<E | Failure>): PartsPull<A, E, R> {
    const failure = failureOf(cause)
    if (failure === undefined) return this.over(Effect.failCause(cause))
    const given = this.exposure === "nothing" ? undefined : { exposure: this.exposure, partial: this.given.flat() }
    return Effect.andThen(
      this.closeAttempt(Exit.failCause(cause)),
      Effect.flatMap(this.session.failed(failure, given), (next) => this.after(next))
    )
  }

  after(next: Next): PartsPull<A, E, R> {
    if (next._tag === "GiveUp") return this.over(Effect.fail(next.failure))
    return next.delayMs > 0 ? Effect.andThen(Effect.sleep(Duration.millis(next.delayMs)), this.start) : this.start
  }

  closeAttempt(exit: Exit.Exit<void, E | Failure>): Effect.Effect<void> {
    return this.attemptScope === undefined ? Effect.void : Scope.close(this.attemptScope, exit)
  }
}
