/** A call whose answer comes in parts, along its chain. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Evidence from "../../Evidence.ts"
import * as Exposure from "../../Exposure.ts"
import type { Attempt, GivenUp, StreamCall, Timed } from "../../Failover.ts"
import * as Failure from "../../Failure.ts"
import * as Hold from "../../Hold.ts"
import * as Reason from "../../Reason.ts"
import type { Usage } from "../../TelemetryEvent.ts"
import * as Turn from "../../Turn.ts"
import { addressed } from "../addressed.ts"
import { failureOf } from "./failureOf.ts"
import * as Hedging from "./hedging.ts"
import type { Parts } from "./lead.ts"
import { Lead } from "./lead.ts"
import * as Moves from "./moves.ts"
import { graceMs, tell } from "./session.ts"
import type { Open, Session } from "./session.ts"

type AppPull<A, E, R> = Pull.Pull<Parts<A>, E | GivenUp, void, R>

/** Streams the call: attempts are replaced until parts are given out, then the stream is the attempt's. */
export const run = <A, E, R>(
  call: StreamCall<A, E, R> & Partial<Timed>,
  open: Open
): Stream.Stream<A, E | GivenUp, R> =>
  Stream.fromChannel(
    Channel.fromTransform((_: unknown, scope: Scope.Scope) =>
      Turn.Current.use((turn) => {
        const streaming = new Streaming(call, open(call, turn), scope)
        return Effect.as(Scope.addFinalizer(scope, streaming.session.standing.abandoned), streaming.pull)
      })
    )
  ) as Stream.Stream<A, E | GivenUp, R>

class Streaming<A, E, R> {
  readonly call: StreamCall<A, E, R>
  readonly session: Session
  readonly scope: Scope.Scope
  readonly hold: Hold.Hold
  /** The attempt that the app's parts come from. */
  lead: Lead<A, E, R> | undefined
  /** Chunks the app has received. */
  readonly given: Array<Parts<A>> = []
  /** What the app's next pull runs: the start of an attempt, the one under way, or the end. */
  source: AppPull<A, E, R>
  /** Done when the call's time is up. Without a limit there is none, and nothing races. */
  up: Deferred.Deferred<void> | undefined
  /** A pull of the app's has begun and not ended. */
  pulling = false

  constructor(call: StreamCall<A, E, R>, session: Session, scope: Scope.Scope) {
    this.call = call
    this.session = session
    this.scope = scope
    this.hold = call.hold ?? session.policy.hold
    this.source = this.enter
  }

  /**
   * What the app pulls. A pull that was interrupted leaves an attempt of which nothing is known, so there is none after
   * it: asked again, the attempt might be sent a second time.
   */
  readonly pull: AppPull<A, E, R> = Effect.suspend(() => {
    if (this.pulling) return Effect.interrupt
    this.pulling = true
    return this.source
  })

  readonly enter: AppPull<A, E, R> = Effect.suspend(() =>
    Effect.matchCauseEffect(Moves.enter(this.session), {
      onSuccess: () => this.start,
      onFailure: (cause) => this.over(Effect.failCause(cause))
    })
  )

  readonly start: AppPull<A, E, R> = Effect.suspend(() => {
    const begun = this.timed(
      this.session.policy.hedge === undefined
        ? Effect.suspend(() => this.leadOf(this.session.begin()))
        : Hedging.paced(this.session, "content", (attempt) => this.leadOf(attempt))
    )
    return Effect.matchCauseEffect(
      Effect.flatMap(begun, (lead) => this.filled(lead)),
      {
        onSuccess: (lead) => {
          this.lead = lead
          return this.release(lead)
        },
        onFailure: (cause) => this.broke(cause)
      }
    )
  })

  /** An attempt that has its first content, or its end; one that does not get there leaves nothing behind. */
  leadOf(attempt: Attempt): Effect.Effect<Lead<A, E, R>, E | Failure.Failure, R> {
    if (this.session.leftMs() === 0) return Effect.fail(this.session.outOfTime(Evidence.unsent))
    const lead = new Lead(this.call, this.hold, attempt, Scope.forkUnsafe(this.scope))
    const begun = lead.begin(
      (effect) => this.inTime(effect),
      () => this.overfull()
    )
    return this.orClosed(lead, addressed(begun, attempt.candidate))
  }

  /** The same attempt when its parts may be given out. */
  filled(lead: Lead<A, E, R>): Effect.Effect<Lead<A, E, R>, E | Failure.Failure, R> {
    if (lead.isReady) return Effect.succeed(lead)
    return this.orClosed(
      lead,
      lead.fill((effect) => this.inTime(effect))
    )
  }

  orClosed<B, E2>(lead: Lead<A, E, R>, effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2, R> {
    return Effect.onExit(effect, (exit) => {
      if (Exit.isSuccess(exit)) return Effect.void
      // What the provider began by itself has begun, whoever saw it.
      if (lead.exposure === "provider-tool") this.lead = lead
      return Scope.close(lead.scope, exit)
    })
  }

  /** The failure of an attempt of which more would have to be held back than may be, and nothing of it is content. */
  overfull(): Failure.Failure {
    const { candidate, declaration } = this.session
    const detail = `no content within ${Hold.longestBytes} bytes and ${Hold.longestParts} parts, the most that is held back`
    return Failure.make({
      reason: new Reason.MalformedResponse({ what: "size", detail }),
      evidence: Evidence.unknown,
      declaration,
      candidate
    })
  }

  /** Begins to count the call's time, where it has a limit. */
  timed<B, E2>(effect: Effect.Effect<B, E2, R>): Effect.Effect<B, E2, R> {
    const leftMs = this.session.leftMs()
    if (leftMs === undefined || leftMs === 0 || this.up !== undefined) return effect
    this.up = Deferred.makeUnsafe()
    return Effect.andThen(Effect.forkIn(this.strike(leftMs + graceMs, this.up), this.scope), effect)
  }

  strike(afterMs: number, up: Deferred.Deferred<void>): Effect.Effect<unknown> {
    return Effect.andThen(Effect.sleep(afterMs), Deferred.succeed(up, undefined))
  }

  /** What an attempt does, until the call's time is up and a little longer. */
  inTime<B, E2, R2>(effect: Effect.Effect<B, E2, R2>): Effect.Effect<B, E2 | Failure.Failure, R2> {
    if (this.up === undefined) return effect
    const timeUp = Effect.andThen(
      Deferred.await(this.up),
      Effect.suspend(() => Effect.fail(this.session.outOfTime(Evidence.unknown)))
    )
    return Effect.raceFirst(effect, timeUp)
  }

  /** Gives the app what was held back, after saying who answers. */
  release(lead: Lead<A, E, R>): AppPull<A, E, R> {
    const answered = this.session.answered()
    const parts: ReadonlyArray<A> = this.call.announce?.(answered, lead.held) ?? lead.held
    lead.held = []
    this.source = lead.isEnded || lead.pull === undefined ? this.ended : this.next(lead.pull)
    const { standing } = this.session
    const given = () => (Arr.isReadonlyArrayNonEmpty(parts) ? this.give(parts) : this.source)
    // As it mostly is: there is nothing to tell.
    if (answered.swap === undefined && !standing.isProbe) return given()
    // Who waits for a probe to end need not wait for the whole of a long answer.
    const settled = standing.isProbe ? standing.succeeded() : Effect.void
    return settled.pipe(Effect.andThen(tell(this.call, answered)), Effect.andThen(Effect.suspend(given)))
  }

  next(pull: Pull.Pull<Parts<A>, E | Failure.Failure, void, R>): AppPull<A, E, R> {
    return Pull.matchEffect(this.inTime(pull), {
      onSuccess: this.give,
      onDone: () => this.ended,
      onFailure: (cause) => this.broke(cause)
    })
  }

  readonly give = (parts: Parts<A>): AppPull<A, E, R> => {
    this.given.push(parts)
    this.pulling = false
    return Effect.succeed(parts)
  }

  /** The end of the stream, for this pull and for every one after it. */
  over(end: AppPull<A, E, R>): AppPull<A, E, R> {
    this.source = Effect.suspend(() => {
      this.pulling = false
      return end
    })
    return this.source
  }

  readonly ended: AppPull<A, E, R> = Effect.suspend(() =>
    this.session
      .succeeded(() => this.usageIn(this.given.at(-1) ?? []))
      .pipe(Effect.andThen(this.closeLead(Exit.void)), Effect.andThen(this.over(Cause.done())))
  )

  /** What parts tell of the whole answer, the last of them first. */
  usageIn(parts: ReadonlyArray<A>): Usage | undefined {
    const { usage } = this.call
    return usage === undefined
      ? undefined
      : parts.reduceRight<Usage | undefined>((found, part) => found ?? usage(part, this.session.candidate), undefined)
  }

  broke(cause: Cause.Cause<E | Failure.Failure>): AppPull<A, E, R> {
    const failure = failureOf(cause)
    if (failure === undefined) return this.over(Effect.failCause(cause))
    const partial = this.given.flat()
    const exposure = this.lead === undefined ? "nothing" : this.exposureOf(partial, this.lead.exposure)
    const given = exposure === "nothing" ? undefined : { exposure, partial, usage: () => this.usageIn(partial) }
    return this.closeLead(Exit.failCause(cause)).pipe(
      Effect.andThen(Moves.failed(this.session, failure, given)),
      Effect.matchCauseEffect({
        onSuccess: () => this.start,
        onFailure: (cause) => this.over(Effect.failCause(cause))
      })
    )
  }

  /** What parts have given out, and what was held back before them. Looked at where the attempt fails: few do. */
  exposureOf(parts: ReadonlyArray<A>, held: Exposure.Exposure): Exposure.Exposure {
    return parts.reduce((exposure, part) => Exposure.max(exposure, this.call.exposure(part)), held)
  }

  closeLead(exit: Exit.Exit<void, E | Failure.Failure>): Effect.Effect<void> {
    const { lead } = this
    this.lead = undefined
    return lead === undefined ? Effect.void : Scope.close(lead.scope, exit)
  }
}
