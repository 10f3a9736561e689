/**
 * Runs a call along a chain of candidates: repairs on the same candidate what can be repaired, moves to another only
 * where verdict and swap rule allow, and says so.
 *
 * It never replays what the app has seen. Before the first content of a stream a failed attempt leaves no trace in the
 * answer; after it, the failure carries what was given out.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Stream from "effect/Stream"
import type { NamedReason } from "./CallState.ts"
import type { Candidate } from "./Candidate.ts"
import type { Declaration } from "./Declaration.ts"
import type * as Exposure from "./Exposure.ts"
import type * as Failure from "./Failure.ts"
import type * as FailoverPolicyModule from "./FailoverPolicy.ts"
import { FailoverPolicy } from "./FailoverPolicy.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import type * as Hold from "./Hold.ts"
import * as FailoverStream from "./internal/failover/failoverStream.ts"
import * as FailureOf from "./internal/failover/failureOf.ts"
import * as Hedging from "./internal/failover/hedging.ts"
import { Rungs } from "./internal/failover/ladder.ts"
import * as Moves from "./internal/failover/moves.ts"
import { Paces } from "./internal/failover/paces.ts"
import * as Session from "./internal/failover/session.ts"
import type * as ProviderHealthModule from "./ProviderHealth.ts"
import { ProviderHealth } from "./ProviderHealth.ts"
import type { Chain } from "./ProviderRegistry.ts"
import type * as RetryBudgetModule from "./RetryBudget.ts"
import { RetryBudget } from "./RetryBudget.ts"
import type { SwapDenied } from "./SwapDenied.ts"
import { isSwapDenied } from "./SwapDenied.ts"
import { Telemetry } from "./Telemetry.ts"
import type { SwapReason, Usage } from "./TelemetryEvent.ts"
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
  /** Candidates for failures of one reason alone, in order: a model with a longer context for `ContextOverflow`. */
  readonly chains?: { readonly [R in NamedReason]?: ReadonlyArray<Candidate> }
  /**
   * What a replay runs again. `call`, the default: an attempt is one call of a model. `turn`: it is a whole turn in a
   * harness of somebody else's, tools included, so that it is made again only in a turn that may be run again.
   */
  readonly replays?: "call" | "turn"
  /** Whether doing the call twice matters, where that is known before it is sent: only a `repeatable` one is hedged. */
  readonly declaration?: Declaration
  /**
   * Renews the credential that an attempt was refused for. Asked of each failed attempt what it would do, and done once
   * for a candidate, where the table says `refresh` of the failure. Nothing: it cannot be renewed, or the failure says
   * nothing of it.
   */
  readonly refresh?: (refused: Attempt, failure: Failure.Failure) => Effect.Effect<Renewed, unknown> | undefined
  /**
   * Whether the call can be put to a candidate at all: a prompt with an image cannot to a model that reads text alone.
   * Asked of a candidate that is about to stand in, once, and never of the first; should it throw, the answer is no.
   * Default: every candidate suits.
   */
  readonly suits?: (candidate: Candidate) => boolean
}

/**
 * Whether a credential is another now than a refused attempt was made with. `true`: it has just been renewed, and what was
 * held against the old one is forgotten; `"already"`: somebody else has done so before, and what is held may be about the
 * new one. The same candidate is then asked again, as far as policy and retry budget allow, and the refusal is held against
 * nobody. `false`: it is not; failing, or taking longer than a minute or the call's time, means the same.
 */
export type Renewed = boolean | "already"

/** A call that has a limit. */
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
  /** What the answer counted and cost, where that is known; asked where somebody listens. */
  readonly usage?: (value: A, candidate: Candidate) => Usage | undefined
}

/** A call whose answer comes in parts. */
export interface StreamCall<A, E, R> extends CallOptions {
  readonly attempt: (attempt: Attempt) => Stream.Stream<A, E, R>
  /** What a part gives out. Parts of `nothing` are held back until the first that gives out something. */
  readonly exposure: (part: A) => Exposure.Exposure
  /** How much is held back before the app gets any of it, in place of what the policy says. */
  readonly hold?: Hold.Hold
  /** The size of a part in bytes, for a hold that counts them and for the bound. Default: the length of its JSON. */
  readonly size?: (part: A) => number
  /** What the answer counted and cost, if this part of it tells; asked of its last parts, where somebody listens. */
  readonly usage?: (part: A, candidate: Candidate) => Usage | undefined
  /** What the app gets in place of the parts held back when the first content comes: the same, with who answers. */
  readonly announce?: (answered: Answered, held: ReadonlyArray<A>) => ReadonlyArray<A>
}

/** What a call is given up with: what its attempts failed with, or that only the swap rule kept it from another model. */
export type GivenUp = Failure.Failure | SwapDenied

/** The failure of a call that was given up, whatever kept it from going on. */
export const failureOf = (givenUp: GivenUp): Failure.Failure => (isSwapDenied(givenUp) ? givenUp.failure : givenUp)

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
     * theirs. One that only the swap rule kept from another model fails with `SwapDenied`, which holds that failure. Where
     * all candidates are cooling down for longer than the call can wait, nothing is sent and the failure says when.
     * Failures of other classes, `InvalidInput` for one, pass through at once.
     */
    readonly run: <A, E, R>(call: Call<A, E, R> & Partial<Timed>) => Effect.Effect<Answer<A>, E | GivenUp, R>
    /**
     * Streams a call. Until the first content, or for as long as `hold` says, an attempt that fails is replaced like one
     * of {@link run}; after it, its failure is the stream's, with the partial output.
     */
    readonly stream: <A, E, R>(call: StreamCall<A, E, R> & Partial<Timed>) => Stream.Stream<A, E | GivenUp, R>
    /**
     * Opens a call for a program that makes the attempts by itself, with {@link attempt} and {@link next}. After each of
     * `open` and `next` an attempt is made at once: where it is to find out whether its candidate answers again, nobody else
     * asks that one until it has ended, for 10 minutes at most.
     */
    readonly open: (call: CallOptions & Partial<Timed>) => Effect.Effect<Ladder, GivenUp>
  }
>()("@holdfast/core/Failover") {
  /** Failover under the policy in force. */
  static get layer(): Layer.Layer<Failover, never, Services> {
    return layer
  }

  /** Failover with all that it stands on, in this process's memory. See {@link layerMemory}. */
  static layerMemory(options?: MemoryOptions): ReturnType<typeof layerMemory> {
    return layerMemory(options)
  }
}

/** What {@link layer} stands on. */
export type Services = FailoverPolicy | ProviderHealth | RetryBudget | Telemetry

/** A call that a program takes along its chain by itself. */
export interface Ladder {
  /** Whom the next attempt asks. */
  readonly candidate: Candidate
  /** The attempts made so far. */
  readonly attempts: number
}

const ladders = new WeakMap<Ladder, Rungs>()

/**
 * Makes one attempt of a call at the candidate whose turn it is: within the call's time, counted in health, budget and
 * telemetry. What follows a failure is for {@link next} to say, or for the program.
 *
 * **Details**
 *
 * What became of the attempt is settled when it ends, whether or not `next` is asked: an answer counts as one, and a
 * `Failure` is told of and held against whom it is about. Only where `refresh` may renew the credential that the attempt
 * was refused for, `next` holds it, once it is known that there is no other. An attempt that was interrupted or failed of
 * something else says nothing of anybody's health.
 *
 * **Example**
 *
 * ```ts
 * import { Failover, Failure } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const ladder = <A, R>(
 *   call: Failover.CallOptions,
 *   f: (attempt: Failover.Attempt) => Effect.Effect<A, Failure.Failure, R>
 * ) =>
 *   Effect.gen(function* () {
 *     const failover = yield* Failover.Failover
 *     const ladder = yield* failover.open(call)
 *     const climb: Effect.Effect<Failover.Answer<A>, Failover.GivenUp, R> = Failover.attempt(ladder, f).pipe(
 *       Effect.catchIf(Failure.isFailure, (failure) => Effect.andThen(Failover.next(ladder, failure), climb))
 *     )
 *     return yield* climb
 *   })
 * ```
 */
export const attempt = <A, E, R>(
  ladder: Ladder,
  f: (attempt: Attempt) => Effect.Effect<A, E, R>
): Effect.Effect<Answer<A>, E | Failure.Failure, R> => Effect.suspend(() => rungsOf(ladder).attempt(f))

/**
 * Decides what follows a failed attempt of a call, waits as long as that says, and moves the call on; fails when the call
 * is given up.
 *
 * **Details**
 *
 * A failure that {@link attempt} ended in has been counted: it is told of and held once. One that the program made, or
 * changed by a combinator, is told of here; it is held as well where its reason is not the one that was.
 */
export const next = (ladder: Ladder, failure: Failure.Failure): Effect.Effect<void, GivenUp> =>
  Effect.suspend(() => rungsOf(ladder).next(failure))

const rungsOf = (ladder: Ladder): Rungs => {
  const rungs = ladders.get(ladder)
  if (rungs === undefined) throw new TypeError("expected a Ladder that Failover.open made")
  return rungs
}

/** Makes a {@link Failover}. */
export const make: Effect.Effect<Failover["Service"], never, Services> = Effect.gen(function* () {
  const policy = yield* FailoverPolicy
  const telemetry = yield* Telemetry
  const health = yield* ProviderHealth
  const budget = yield* RetryBudget
  const clock = yield* Clock.Clock
  // Calls of different processes meet in one log.
  const prefix = (yield* Random.nextIntBetween(0, 36 ** 4)).toString(36).padStart(4, "0")
  const open = Session.opener({ policy, telemetry, health, budget, clock, prefix, paces: new Paces() })

  const answer = Effect.fnUntraced(function* <A, E, R>(
    session: Session.Session,
    call: Call<A, E, R>
  ): Effect.fn.Return<Answer<A>, E | GivenUp, R> {
    yield* Moves.enter(session)
    while (true) {
      const outcome = yield* Effect.catchCause(Hedging.run(session, call.attempt), (cause) => {
        const failure = FailureOf.failureOf(cause)
        return failure === undefined ? Effect.failCause(cause) : Effect.succeed(new Failed(failure))
      })
      if (!(outcome instanceof Failed)) return yield* Session.answerOf(session, outcome, call.usage)
      yield* Moves.failed(session, outcome.failure)
    }
  })

  const run = <A, E, R>(call: Call<A, E, R> & Partial<Timed>): Effect.Effect<Answer<A>, E | GivenUp, R> =>
    Turn.Current.use((turn) => {
      const session = open(call, turn)
      return Effect.ensuring(answer(session, call), session.standing.abandoned)
    })

  return Failover.of({
    run,
    stream: (call) => FailoverStream.run(call, open),
    open: (call) =>
      Turn.Current.use((turn) => {
        const session = open(call, turn)
        const ladder: Ladder = {
          get candidate() {
            return session.candidate
          },
          get attempts() {
            return session.attempts
          }
        }
        const rungs = new Rungs(session)
        ladders.set(ladder, rungs)
        return Effect.as(rungs.enter, ladder)
      })
  })
})

class Failed {
  readonly failure: Failure.Failure
  constructor(failure: Failure.Failure) {
    this.failure = failure
  }
}

/** Parts of what {@link layerMemory} is made of that an app replaces. */
export interface MemoryOptions {
  readonly policy?: FailoverPolicyModule.Overrides
  /** `false`: nobody cools down. */
  readonly health?: ProviderHealthModule.Options | false
  /** `false`: retries have no budget. */
  readonly budget?: RetryBudgetModule.Options | false
}

/** Failover with all that it stands on, in this process's memory; fails with `InvalidInput` on numbers that make no sense. */
export const layerMemory = (
  options: MemoryOptions = {}
): Layer.Layer<Failover | FailoverPolicy | ProviderHealth | RetryBudget, InvalidInput, Telemetry> =>
  layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        FailoverPolicy.layer(options.policy),
        options.health === false ? ProviderHealth.layerOff : ProviderHealth.layer(options.health),
        options.budget === false ? RetryBudget.layerOff : RetryBudget.layer(options.budget)
      )
    )
  )

/** Failover under the policy in force. */
export const layer: Layer.Layer<Failover, never, Services> = Layer.effect(Failover, make)
