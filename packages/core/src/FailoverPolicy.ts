/**
 * What to do after a failed attempt: data plus one pure, total function.
 *
 * *Which* failures may be replayed is not the policy's to say; it starts from the verdict. *How often and when* a
 * candidate is asked again is a `Schedule` per class of failure, and when the schedules of a candidate have ended the
 * policy looks along the chain, within the swap rule. Every path ends: a candidate that was left is not asked again.
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type { CallState, NamedReason } from "./CallState.ts"
import type { Decision } from "./Decision.ts"
import type { Failure } from "./Failure.ts"
import type * as Hedge from "./Hedge.ts"
import type * as Hold from "./Hold.ts"
import { InvalidInput } from "./InvalidInput.ts"
import type * as Explanation from "./Explanation.ts"
import * as Default from "./internal/decide.ts"
import * as DryRun from "./internal/explanation/dryRun.ts"
import { policyProblems } from "./internal/policyProblems.ts"
import type * as Reason from "./Reason.ts"
import type * as SwapRule from "./SwapRule.ts"

/** The classes of failure that are retried on the same candidate, each on a schedule of its own. */
export type RetryClass = "reach" | "connection" | "response" | "capacity"

/** What the table says of a reason. */
export interface Row {
  /**
   * Which schedule the same candidate is asked again on, if any; `refresh`: once, when its credential has been renewed.
   */
  readonly same: RetryClass | "refresh" | "never"
  /**
   * `next`: any other candidate. `outside-scope`: one that does not share what failed. `next-if-proven`: any other, if
   * the verdict is `Safe`. `surface`: none, but for those that are named for the reason.
   */
  readonly onward: "next" | "outside-scope" | "next-if-proven" | "surface"
}

/** A policy. */
export interface Policy {
  /** Whether another model may answer, at the start of a turn and in the middle of one. */
  readonly swap: { readonly start: SwapRule.SwapPolicy; readonly midTurn: SwapRule.SwapPolicy }
  /** The most attempts a call makes, whatever the chain and however long the schedules go on. */
  readonly maxAttempts: number
  /** When the same candidate is asked again. Each must end. */
  readonly retry: { readonly [C in RetryClass]: Schedule.Schedule<unknown, Failure> }
  /**
   * The longest wait that a provider may ask for before it is given up, in milliseconds. A call without a deadline waits no
   * longer for candidates that are all cooling down; one with a deadline as long as that allows. 0: nobody is waited for.
   */
  readonly longestRetryAfterMs: number
  /** The table, by reason. */
  readonly table: { readonly [T in Reason.Tag]: Row }
  /** Models that are asked for failures of one reason alone, as an app would name them. */
  readonly chains: { readonly [R in NamedReason]?: ReadonlyArray<string> }
  /** How much of a stream is held back, so that a failure until then can still be replaced. */
  readonly hold: Hold.Hold
  /** When a second attempt of a repeatable call is made beside one that is slow; nothing: never. */
  readonly hedge: Hedge.Hedge | undefined
  /** Which credential of a provider a call begins with: the first in order, or the one that was used longest ago. */
  readonly rotation: "in-order" | "least-recently-used"
  /**
   * Decides in place of the default, which decides where this throws. What would replay what must not be, is surfaced
   * whatever it says. It may ask somebody who shares what failed: that this is not worth trying is the table's word, and
   * no bound.
   */
  readonly decide: Decide
}

/** Decides what follows a failed attempt. `otherwise` is what the default decides. */
export type Decide = (policy: Policy, state: State, failure: Failure, otherwise: () => Decision) => Decision

/** What a decision depends on besides the failure. */
export type State = CallState

const connection: Row = { same: "connection", onward: "next" }
const response: Row = { same: "response", onward: "next" }
const unreachable: Row = { same: "reach", onward: "outside-scope" }
const credential: Row = { same: "refresh", onward: "outside-scope" }
const capacity: Row = { same: "capacity", onward: "outside-scope" }
const elsewhere: Row = { same: "never", onward: "outside-scope" }
const surface: Row = { same: "never", onward: "surface" }

/**
 * The default policy.
 *
 * **Details**
 *
 * A stale or lost connection, and a lost or unreadable response, are tried once more, at once: RFC 9110 section 9.2.2
 * forbids to retry an automatic retry that failed. Shortage of capacity backs off from 1 s, doubled up to 30 s, with
 * jitter, at most 8 times within 90 s, the numbers that OpenClaw retries by. What cannot be reached is tried twice more,
 * after 250 and 500 ms with jitter: a name or a route that comes back at all mostly does by then.
 */
export const defaults: Policy = {
  swap: { start: "any", midTurn: "same-family" },
  maxAttempts: 32,
  retry: {
    reach: Schedule.exponential(Duration.millis(250)).pipe(Schedule.jittered, Schedule.upTo({ times: 2 })),
    connection: Schedule.recurs(1),
    response: Schedule.recurs(1),
    capacity: Schedule.min([Schedule.exponential(Duration.seconds(1)), Schedule.spaced(Duration.seconds(30))]).pipe(
      Schedule.jittered,
      Schedule.upTo({ times: 8, duration: Duration.seconds(90) })
    )
  },
  longestRetryAfterMs: 60_000,
  table: {
    DnsFailure: unreachable,
    ConnectFailure: unreachable,
    ConnectTimeout: unreachable,
    TlsFailure: elsewhere,
    ProxyFailure: unreachable,
    StaleConnection: connection,
    ConnectionLost: connection,
    HeadersTimeout: response,
    FirstOutputTimeout: response,
    StreamStalled: response,
    TotalTimeout: surface,
    StreamTruncated: response,
    MalformedResponse: response,
    AuthenticationFailed: credential,
    CredentialRevoked: elsewhere,
    PermissionDenied: elsewhere,
    RegionBlocked: elsewhere,
    BillingExhausted: elsewhere,
    RateLimited: capacity,
    Overloaded: capacity,
    ServerError: capacity,
    ModelNotFound: elsewhere,
    InvalidRequest: surface,
    ContextOverflow: surface,
    ContentRefused: surface,
    SessionExpired: credential,
    Unclassified: { same: "never", onward: "next-if-proven" }
  },
  chains: {},
  hold: "first-content",
  hedge: undefined,
  rotation: "in-order",
  decide: (_policy, _state, _failure, otherwise) => otherwise()
}

/** The default policy with parts of it replaced. A part that is `undefined`, on either level, stays the default's. */
export const make = (overrides: Overrides = {}): Policy => ({
  swap: { ...defaults.swap, ...given(overrides.swap) },
  maxAttempts: overrides.maxAttempts ?? defaults.maxAttempts,
  retry: { ...defaults.retry, ...given(overrides.retry) },
  longestRetryAfterMs: overrides.longestRetryAfterMs ?? defaults.longestRetryAfterMs,
  table: { ...defaults.table, ...given(overrides.table) },
  chains: { ...defaults.chains, ...given(overrides.chains) },
  hold: overrides.hold ?? defaults.hold,
  hedge: overrides.hedge ?? defaults.hedge,
  rotation: overrides.rotation ?? defaults.rotation,
  decide: overrides.decide ?? defaults.decide
})

const given = <P extends object>(parts: P | undefined): Partial<P> =>
  // The keys are those of `P`; `fromEntries` forgets them.
  Object.fromEntries(Object.entries(parts ?? {}).filter(([, part]) => part !== undefined)) as Partial<P>

/** {@link make}, or all that is wrong: what is no part of a policy, and numbers that would let it never end. */
export const check = (overrides: Overrides = {}): Result.Result<Policy, InvalidInput> => {
  const wrong = policyProblems(overrides)
  return Arr.isReadonlyArrayNonEmpty(wrong)
    ? Result.fail(new InvalidInput({ problems: wrong }))
    : Result.succeed(make(overrides))
}

const sources = new WeakMap<Policy, () => Policy>()

/** A policy that may be replaced while it is in force: its parts are those of `current` when they are read. */
export const live = (current: () => Policy): Policy => {
  const parts = Object.keys(defaults) as ReadonlyArray<keyof Policy>
  const policy = Object.defineProperties(
    {},
    Object.fromEntries(parts.map((part) => [part, { enumerable: true, get: () => current()[part] }]))
    // Each part is there, by its own name.
  ) as Policy
  sources.set(policy, current)
  return policy
}

/** The policy as it is now, which a call keeps until it ends. */
export const snapshot = (policy: Policy): Policy => sources.get(policy)?.() ?? policy

/** Parts of a policy that an app replaces. */
export interface Overrides {
  readonly swap?: Partial<Policy["swap"]>
  readonly maxAttempts?: number
  readonly retry?: Partial<Policy["retry"]>
  readonly longestRetryAfterMs?: number
  readonly table?: Partial<Policy["table"]>
  readonly chains?: Policy["chains"]
  readonly hold?: Hold.Hold
  readonly hedge?: Hedge.Hedge
  readonly rotation?: Policy["rotation"]
  readonly decide?: Decide
}

/**
 * Decides what follows a failed attempt.
 *
 * **Details**
 *
 * Total: every state and failure has a decision. It never replays what the verdict and the declaration do not allow,
 * never leaves the chain or the swap rule, never goes beyond attempts, budget or deadline, and never chooses a candidate
 * that was left or is not suited. A wait that would outlast the call's time is not begun: the chain is looked along
 * instead. Where nobody may be asked now, it waits for who is soonest, if that is in time.
 */
export const decide = (policy: Policy, state: State, failure: Failure): Decision => {
  const otherwise = () => Default.decide(policy, state, failure)
  const said = Result.try(() => policy.decide(policy, state, failure, otherwise))
  return Default.within(policy, state, failure, Result.getOrElse(said, otherwise))
}

/**
 * Where a call begins of which `cooling` says that some candidates are not to be asked now: `NextCandidate`, the same one
 * or another that the swap rule allows, `Wait`, or `Surface`.
 */
export const begin: (policy: Policy, state: State) => Decision = Default.begin

/**
 * What the policy would do with a call whose attempts fail in a given way: a dry run that sends nothing and waits for
 * nothing.
 *
 * **Details**
 *
 * Schedules are stepped as a call steps them. Where they leave a delay to chance the run goes on with the one in the
 * middle, and says between which it is. What fails cools down for the rest of the call, as `ProviderHealth` has it by
 * default; retry budgets are not spent. It ends where the failures do, where the policy gives up, or after 1,000 attempts.
 *
 * **Example**
 *
 * ```ts
 * import { FailoverPolicy } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const opus = { provider: "anthropic", model: "claude-opus-4-7" }
 * const gpt = { provider: "openai", model: "gpt-5.5" }
 * const policy = FailoverPolicy.make({ swap: { start: "never" } })
 *
 * const { end } = Effect.runSync(
 *   FailoverPolicy.explain(policy, { chain: [opus, gpt], failures: ["Overloaded"], repeats: true })
 * )
 * end._tag === "Fails" && end.error // => "SwapDenied"
 * ```
 */
export const explain = (policy: Policy, scenario: Explanation.Scenario): Effect.Effect<Explanation.Explanation> =>
  Effect.suspend(() => DryRun.explain({ decide, begin }, snapshot(policy), scenario))

/** The policy in force. */
export class FailoverPolicy extends Context.Service<FailoverPolicy, Policy>()("@holdfast/core/FailoverPolicy") {
  /** The default policy with parts of it replaced; fails with `InvalidInput` as {@link check} does. */
  static layer(overrides?: Overrides): Layer.Layer<FailoverPolicy, InvalidInput> {
    return Layer.effect(FailoverPolicy, Effect.fromResult(check(overrides)))
  }
}
