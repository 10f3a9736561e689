/**
 * Runs a call along a chain of candidates: repairs on the same candidate what can be repaired, moves to another only
 * where verdict and swap rule allow, and says so.
 *
 * It never replays what the app has seen. Before the first content of a stream a failed attempt leaves no trace in the
 * answer; after it, the failure carries what was given out.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Stream from "effect/Stream"
import type { Candidate } from "./Candidate.ts"
import type * as Exposure from "./Exposure.ts"
import type * as Failure from "./Failure.ts"
import { FailoverPolicy } from "./FailoverPolicy.ts"
import * as FailoverStream from "./internal/failoverStream.ts"
import { failureOf } from "./internal/failureOf.ts"
import * as Session from "./internal/session.ts"
import type { Chain } from "./ProviderRegistry.ts"
import { Telemetry } from "./Telemetry.ts"
import type { SwapReason } from "./TelemetryEvent.ts"
import * as Turn from "./Turn.ts"

/** What an attempt is told. */
export interface Attempt {
  /** Names the call. */
  readonly call: string
  /** Counted from 1 across the call. */
  readonly attempt: number
  readonly candidate: Candidate
  /** `fresh` where a repair wants a connection that has carried nothing. */
  readonly connection: "any" | "fresh"
  /**
   * What is left of the call's time, in milliseconds; 0 is no limit. An attempt that ends itself by then, as a transport
   * does, keeps its evidence; one that does not is interrupted a little later, and nothing is known of it.
   */
  readonly totalMs: number
}

/** Who was asked and who answered. */
export interface Answered {
  readonly requested: Candidate
  readonly answered: Candidate
  /** Set if and only if another model answered than was asked for. */
  readonly swap: { readonly why: SwapReason } | undefined
  /** The attempts that failed before. */
  readonly failed: ReadonlyArray<Failure.Attempt>
}

/** An answer, and who gave it. */
export interface Answer<A> extends Answered {
  readonly value: A
}

/** What every call says. */
export interface CallOptions {
  readonly chain: Chain
  /** Where in a turn the call stands. Default: what the explicit turn records, else the start of one. */
  readonly moment?: Turn.Moment
  /** Told of a swap before the first content reaches the app, which waits for it; a defect in it is logged. */
  readonly onSwap?: (answered: Answered) => Effect.Effect<void>
  /**
   * Whether the call can be put to a candidate at all: a prompt with an image cannot to a model that reads text alone.
   * Asked of a candidate that is about to stand in, once, and never of the first; should it throw, the answer is no.
   * Default: every candidate suits.
   */
  readonly suits?: (candidate: Candidate) => boolean
}

/** A call without a limit of its own. */
export interface Untimed {
  readonly totalMs?: never
}

/** A call that has a limit: it can fail of that, whatever its attempts fail of. */
export interface Timed {
  /**
   * How long the whole call may take, its attempts and the waits between them, in milliseconds; 0 is no limit. When the
   * time is up the call fails with `TotalTimeout`, and is neither retried nor swapped; a wait that would outlast it is
   * not begun.
   */
  readonly totalMs: number
}

/** A call whose answer comes at once. */
export interface Call<A, E, R> extends CallOptions {
  readonly attempt: (attempt: Attempt) => Effect.Effect<A, E, R>
}

/** A call whose answer comes in parts. */
export interface StreamCall<A, E, R> extends CallOptions {
  readonly attempt: (attempt: Attempt) => Stream.Stream<A, E, R>
  /** What a part gives out. Parts of `nothing` are held back until the first that gives out something. */
  readonly exposure: (part: A) => Exposure.Exposure
  /** What the app gets in place of the parts held back when the first content comes: the same, with who answers. */
  readonly announce?: (answered: Answered, held: ReadonlyArray<A>) => ReadonlyArray<A>
}

/** Runs a call. */
export interface Run {
  <A, E, R>(call: Call<A, E, R> & Timed): Effect.Effect<Answer<A>, E | Failure.Failure, R>
  <A, E, R>(call: Call<A, E, R> & Untimed): Effect.Effect<Answer<A>, E, R>
}

/** Streams a call. */
export interface RunStream {
  <A, E, R>(call: StreamCall<A, E, R> & Timed): Stream.Stream<A, E | Failure.Failure, R>
  <A, E, R>(call: StreamCall<A, E, R> & Untimed): Stream.Stream<A, E, R>
}

/** Runs calls along their chains. */
export class Failover extends Context.Service<
  Failover,
  {
    /**
     * Runs a call until an attempt succeeds or the policy gives up.
     *
     * **Details**
     *
     * A call that is given up fails with the last attempt's failure, holding all attempts; its verdict is the worst of
     * theirs. Failures of other classes, `InvalidInput` for one, pass through at once.
     */
    readonly run: Run
    /**
     * Streams a call. Until the first content an attempt that fails is replaced like one of {@link run}; after it, its
     * failure is the stream's, with the partial output.
     */
    readonly stream: RunStream
  }
>()("@holdfast/core/Failover") {
  /** Failover under the policy in force. */
  static get layer(): Layer.Layer<Failover, never, FailoverPolicy | Telemetry> {
    return layer
  }
}

/** Makes a {@link Failover}. */
export const make: Effect.Effect<Failover["Service"], never, FailoverPolicy | Telemetry> = Effect.gen(function* () {
  const policy = yield* FailoverPolicy
  const telemetry = yield* Telemetry
  const clock = yield* Clock.Clock
  // Calls of different processes meet in one log.
  const prefix = (yield* Random.nextIntBetween(0, 36 ** 4)).toString(36).padStart(4, "0")
  const open = Session.opener({ policy, telemetry, clock, prefix })

  const run = Effect.fnUntraced(function* <A, E, R>(
    call: Call<A, E, R> & Partial<Timed>
  ): Effect.fn.Return<Answer<A>, E | Failure.Failure, R> {
    const session = open(call, yield* Turn.Current)
    while (true) {
      const attempt = session.begin()
      const outcome = yield* Effect.catchCause(session.inTime(call.attempt(attempt)), (cause) => {
        const failure = failureOf(cause)
        return failure === undefined ? Effect.failCause(cause) : Effect.succeed(new Failed(failure))
      })
      if (!(outcome instanceof Failed)) {
        const answered = session.answered()
        yield* Session.tell(call, answered)
        session.succeeded()
        return { value: outcome, ...answered }
      }
      const next = yield* session.failed(outcome.failure)
      if (next._tag === "GiveUp") return yield* next.failure
      if (next.delayMs > 0) yield* Effect.sleep(Duration.millis(next.delayMs))
    }
  })

  const stream = <A, E, R>(call: StreamCall<A, E, R> & Partial<Timed>): Stream.Stream<A, E | Failure.Failure, R> =>
    FailoverStream.run(call, open)

  // Without a limit every failure is an attempt's, so that E includes its class; one signature cannot say both.
  return Failover.of({ run: run as Run, stream: stream as RunStream })
})

class Failed {
  readonly failure: Failure.Failure
  constructor(failure: Failure.Failure) {
    this.failure = failure
  }
}

/** Failover under the policy in force. */
export const layer: Layer.Layer<Failover, never, FailoverPolicy | Telemetry> = Layer.effect(Failover, make)
