/**
 * What is held against models, credentials, endpoints and providers: cooldowns and circuits, keyed by what a failure's
 * reason is about.
 *
 * A circuit opens for a window after one failure or several in a row, by the kind of the reason; when the window is over
 * one attempt at a time probes it; a success closes it and forgets, a failure opens it again for longer. Limits and aborts
 * of our own, reasons about the request itself and stale connections never count. The circuits live in a
 * `CircuitBreakerStore`: this process's memory, or one that a fleet shares.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import type { Candidate } from "./Candidate.ts"
import type { Failure } from "./Failure.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import type { Admitted } from "./internal/health/admission.ts"
import { Admission, freely } from "./internal/health/admission.ts"
import { Attempt } from "./internal/health/attempt.ts"
import { Ledger } from "./internal/health/ledger.ts"
import * as Settings from "./internal/health/settings.ts"
import { Settlement } from "./internal/health/settlement.ts"
import { Store } from "./internal/health/store.ts"
import { Uses } from "./internal/health/uses.ts"
import type * as Reason from "./Reason.ts"
import { Telemetry } from "./Telemetry.ts"

/** A candidate that is not to be asked now. */
export interface CoolingDown {
  readonly _tag: "CoolingDown"
  /** When it may be asked again, in milliseconds since the epoch; soon, where somebody else's probe is under way. */
  readonly untilMs: number
  readonly scope: Reason.Scope
  /**
   * What cools down: `provider/model`, `provider@credential`, `host:port` or `provider`, by the scope. For a rate limit on
   * a model, `provider/model@credential` where the credential has a name.
   */
  readonly key: string
  readonly reason: Reason.Tag
}

/** What became of an attempt. `Ignored`: it was interrupted, or says nothing of anybody's health. */
export type Outcome =
  | { readonly _tag: "Succeeded" }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "Ignored" }

/** The right to make one attempt. */
export interface Permit {
  readonly _tag: "Permit"
  /** Whether the attempt tries out what was cooling down: until it is settled, nobody else may. */
  readonly probe: boolean
  /** Says what became of the attempt. Takes the first outcome only; never fails. */
  readonly settle: (outcome: Outcome) => Effect.Effect<void>
}

/**
 * What a failure is held as; each kind has windows of its own. `capacity`: rate limits and overload. `refusal`: a
 * credential that was not accepted, a model that was not found. `billing`: credit or quota is used up. `access`: a revoked
 * credential, a missing permission, a region that is not served. `fault`: server errors and failures on the way.
 */
export type Kind = "capacity" | "refusal" | "billing" | "access" | "fault"

/** What is held against a key, for operators. A key has one entry for each kind of trouble. */
export interface Entry {
  readonly key: string
  readonly scope: Reason.Scope
  /** `limit`: a rate limit on one credential's use of a model, with the windows of `capacity`. */
  readonly kind: Kind | "limit"
  /** `closed`: failures are counted, and the key is asked. `half-open`: the window is over, and the next attempt, or the one under way, is the probe. */
  readonly state: "closed" | "open" | "half-open"
  /** The end of the latest window, in milliseconds since the epoch; 0 where there was none. */
  readonly untilMs: number
  /** The latest reason that counted. */
  readonly reason: Reason.Tag
  /** Failures in a row, since the last success. */
  readonly failures: number
  /** Windows in a row, since the last success. */
  readonly openings: number
}

/** When failures of one kind open a circuit, and for how long. */
export interface Cooldown {
  /** How many failures in a row open it. Default 1; 5 for `fault`, as Envoy's outlier detection has it. */
  readonly after?: number
  /** How long the first, the second ... window in a row lasts; the last one repeats. None shorter than the one before. */
  readonly windows?: ReadonlyArray<Duration.Input>
}

/**
 * Numbers that replace the defaults.
 *
 * **Details**
 *
 * The windows of `capacity`, `refusal` and `billing` are OpenClaw's, those of `fault` Envoy's. With windows of 30 s and
 * more, a primary that is down is probed at most every 30 s.
 */
export interface Options {
  /** Rate limits on a model are held for as long. Default: 30 s, 1 min, 5 min. */
  readonly capacity?: Cooldown
  /** Default: 30 s, 1 min, 5 min. */
  readonly refusal?: Cooldown
  /** Default: 5 h, 10 h, 20 h, 24 h. */
  readonly billing?: Cooldown
  /** Default: 1 h, 5 h, 24 h. */
  readonly access?: Cooldown
  /** Default: 30 s, 60 s ... 5 min, in steps of 30 s. */
  readonly fault?: Cooldown
  /** The longest that a provider's Retry-After is heeded for, where it is longer than the window. Default 24 h. */
  readonly longestRetryAfter?: Duration.Input
  /** How long a key is remembered after its last failure and its last window. Default 1 h. */
  readonly idleTimeToLive?: Duration.Input
}

/** {@link Options} as they are, or all that is wrong with them. */
export const check = (options: Options = {}): Result.Result<Options, InvalidInput> =>
  Result.map(Settings.resolve(options), () => options)

/**
 * Who is cooling down, and who may be asked.
 *
 * **Details**
 *
 * What is held follows the scope of the reason: an overloaded model leaves its provider's other models alone, a refused
 * credential its other credentials. A rate limit on a model is held against one credential's use of it, for a provider
 * counts it for each account. A failure counts when it comes, whenever its attempt began. A success counts for what
 * had not opened when it was let through: once a window has begun only a probe closes it.
 *
 * **Example**
 *
 * ```ts
 * import { Evidence, Failure, ProviderHealth, Reason, Telemetry } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const candidate = { provider: "anthropic", model: "claude-opus-4-7" }
 * const failure = Failure.make({
 *   reason: new Reason.Overloaded({ rule: "status-529" }),
 *   evidence: Evidence.asNotRun({ _tag: "Unknown", status: 529 }),
 *   declaration: "repeatable",
 *   candidate
 * })
 * const program = Effect.gen(function* () {
 *   const health = yield* ProviderHealth.ProviderHealth
 *   const permit = yield* health.admit(candidate)
 *   if (permit._tag === "Permit") yield* permit.settle({ _tag: "Failed", failure })
 *   const standing = yield* health.standing(candidate)
 *   return `${standing?.key} is cooling down: ${standing?.reason}`
 * }).pipe(Effect.provide(Layer.provide(ProviderHealth.ProviderHealth.layer(), Telemetry.layer)))
 *
 * await Effect.runPromise(program) // => "anthropic/claude-opus-4-7 is cooling down: Overloaded"
 * ```
 */
export class ProviderHealth extends Context.Service<
  ProviderHealth,
  {
    /**
     * True while nothing is held against anybody: then nobody needs to be asked, and `admit` costs next to nothing. Never
     * true where the circuits are shared with other processes.
     */
    readonly isQuiet: () => boolean
    /** Whether a candidate is cooling down, without taking anything. */
    readonly standing: (candidate: Candidate) => Effect.Effect<CoolingDown | undefined>
    /**
     * Asks for the right to an attempt: refused while something of the candidate's cools down, or while somebody else
     * probes it. A permit must be settled, an attempt that was interrupted as `Ignored`; a probe that is not gives way after
     * 10 minutes. Take it and begin within one `Effect.uninterruptibleMask`, so that no interruption comes in between.
     */
    readonly admit: (candidate: Candidate) => Effect.Effect<Permit | CoolingDown>
    /** All that is held. */
    readonly snapshot: Effect.Effect<ReadonlyArray<Entry>>
    /** Forgets what is held against a key, in every scope of that name, or against everybody. */
    readonly reset: (key?: string) => Effect.Effect<void>
    /**
     * When a candidate's credential was last used, in milliseconds since the epoch, for rotation to the least recently
     * used; later uses have larger numbers, within a millisecond too. Nothing: never.
     */
    readonly lastUsed: (candidate: Candidate) => number | undefined
  }
>()("@holdfast/core/ProviderHealth") {
  /** Nothing is held against anybody: every candidate may be asked at any time. */
  static readonly layerOff: Layer.Layer<ProviderHealth> = Layer.succeed(this, {
    isQuiet: () => true,
    standing: () => Effect.undefined,
    admit: () => Effect.succeed({ _tag: "Permit", probe: false, settle: () => Effect.void }),
    snapshot: Effect.succeed([]),
    reset: () => Effect.void,
    lastUsed: () => undefined
  })

  /** Health in this process's memory. Fails with `InvalidInput` on numbers that make no sense, all of them at once. */
  static layer(options?: Options): Layer.Layer<ProviderHealth, InvalidInput, Telemetry> {
    return Layer.effect(
      ProviderHealth,
      Effect.gen(function* () {
        const settings = yield* Effect.fromResult(Settings.resolve(options))
        const store = yield* Layer.build(CircuitBreaker.layerStoreMemory({ idleTimeToLive: settings.idleTimeToLiveMs }))
        return yield* make(settings, Context.get(store, CircuitBreaker.CircuitBreakerStore), false)
      })
    )
  }

  /**
   * Health whose circuits live in the `CircuitBreakerStore` of the context, such as
   * `CircuitBreaker.layerStoreRedis` for a fleet.
   *
   * **Details**
   *
   * Every attempt asks the store, for 1 s at most; what it does not answer counts as healthy and is logged. Windows,
   * streaks and probes are shared. Of this process alone are the times of last use, what a later Retry-After adds to a
   * window in force, and `reset`: this process leaves the key's shared circuits for others; delete them in the store to
   * reset the fleet. `snapshot` tells what this process has met. The store counts windows in a row until a circuit
   * has stayed closed for as long as it was last open: a probe that fails soon after a success opens for longer than here.
   */
  static layerShared(
    options?: Options
  ): Layer.Layer<ProviderHealth, InvalidInput, CircuitBreaker.CircuitBreakerStore | Telemetry> {
    return Layer.effect(
      ProviderHealth,
      Effect.gen(function* () {
        const settings = yield* Effect.fromResult(Settings.resolve(options))
        return yield* make(settings, yield* CircuitBreaker.CircuitBreakerStore, true)
      })
    )
  }
}

const make = (
  settings: Settings.Settings,
  service: CircuitBreaker.CircuitBreakerStore["Service"],
  shared: boolean
): Effect.Effect<ProviderHealth["Service"], never, Telemetry> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const ledger = new Ledger(settings, yield* Telemetry, clock)
    const store = new Store(service, shared, clock)
    const settlement = new Settlement(ledger, store)
    const admission = new Admission(ledger, store, settlement)
    const uses = new Uses()
    const isQuiet = () => !shared && ledger.held.size === 0
    const permit = (candidate: Candidate, admitted: Admitted): Permit => {
      uses.mark(candidate, ledger.now())
      return new Attempt(settlement, candidate, admitted)
    }
    return ProviderHealth.of({
      isQuiet,
      standing: (candidate) => Effect.suspend(() => (isQuiet() ? Effect.undefined : admission.standing(candidate))),
      admit: (candidate) =>
        Effect.suspend(() => {
          if (isQuiet()) return Effect.succeed(permit(candidate, freely))
          ledger.sweep()
          return Effect.map(admission.admit(candidate), (answer) =>
            answer._tag === "Admitted" ? permit(candidate, answer) : answer
          )
        }),
      snapshot: Effect.andThen(
        admission.refreshed,
        Effect.sync(() => ledger.snapshot())
      ),
      reset: (key) => Effect.sync(() => ledger.reset(key)),
      lastUsed: (candidate) => uses.of(candidate)
    })
  })
