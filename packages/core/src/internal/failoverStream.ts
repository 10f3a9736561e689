/** A call whose answer comes in parts, along its chain. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Exposure from "../Exposure.ts"
import * as Failure from "../Failure.ts"
import type { StreamCall } from "../Failover.ts"
import * as Turn from "../Turn.ts"
import type { Open, Session } from "./session.ts"

type Parts<A> = Arr.NonEmptyReadonlyArray<A>
type PartsPull<A, E, R> = Pull.Pull<Parts<A>, E, void, R>

/** Streams the call: attempts are replaced until the first content, then the stream is the attempt's. */
export const run = <A, E, R>(call: StreamCall<A, E, R>, open: Open): Stream.Stream<A, E, R> =>
  Stream.fromChannel(
    Channel.fromTransform((_: unknown, scope: Scope.Scope) =>
      Effect.map(Turn.Current, (turn) => new Streaming(call, open(call, turn), scope).pull)
    )
  ) as Stream.Stream<A, E, R>

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
  attemptPull: PartsPull<A, E, R> | undefined

  constructor(call: StreamCall<A, E, R>, session: Session, scope: Scope.Scope) {
    this.call = call
    this.session = session
    this.scope = scope
  }

  readonly pull: PartsPull<A, E, R> = Effect.suspend(() =>
    this.attemptPull === undefined ? this.start() : this.next(this.attemptPull)
  )

  start(): PartsPull<A, E, R> {
    const attempt = this.session.begin()
    const scope = Scope.forkUnsafe(this.scope)
    this.attemptScope = scope
    this.held = []
    return Effect.flatMap(Channel.toPullScoped(this.call.attempt(attempt).channel, scope), (pull) => {
      this.attemptPull = pull
      return this.next(pull)
    })
  }

  next(pull: PartsPull<A, E, R>): PartsPull<A, E, R> {
    return Pull.matchEffect(pull, {
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
      this.given.push(parts)
      return Effect.succeed(parts)
    }
    this.held.push(...parts)
    return this.exposure === "nothing" ? this.pull : this.release()
  }

  /** Gives the app what was held back, after saying who answers. */
  release(): PartsPull<A, E, R> {
    const answered = this.session.answered()
    const parts = [...(this.call.announce?.(answered) ?? []), ...this.held]
    this.held = []
    const told =
      answered.swap !== undefined && this.call.onSwap !== undefined ? this.call.onSwap(answered) : Effect.void
    if (!Arr.isArrayNonEmpty(parts)) return Effect.andThen(told, Cause.done())
    this.given.push(parts)
    return Effect.as(told, parts)
  }

  ended(): PartsPull<A, E, R> {
    // An answer without content is an answer all the same: its metadata and finish still belong to the app.
    const rest = this.given.length === 0 ? this.release() : Cause.done()
    this.attemptPull = Cause.done()
    this.session.succeeded()
    return Effect.andThen(this.closeAttempt, rest)
  }

  broke(cause: Cause.Cause<E>): PartsPull<A, E, R> {
    const failure = Cause.findErrorOption(cause)
    if (failure._tag === "None" || !Failure.isFailure(failure.value)) return Effect.failCause(cause)
    const given = this.exposure === "nothing" ? undefined : { exposure: this.exposure, partial: this.given.flat() }
    this.attemptPull = undefined
    return Effect.andThen(
      this.closeAttempt,
      Effect.flatMap(this.session.failed(failure.value, given), (next) => {
        // E includes the failure's class: the attempt failed with it.
        if (next._tag === "GiveUp") return Effect.fail(next.failure as E)
        return next.delayMs > 0 ? Effect.andThen(Effect.sleep(Duration.millis(next.delayMs)), this.pull) : this.pull
      })
    )
  }

  readonly closeAttempt: Effect.Effect<void> = Effect.suspend(() =>
    this.attemptScope === undefined ? Effect.void : Scope.close(this.attemptScope, Exit.void)
  )
}
