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
import type * as Candidate from "./Candidate.ts"
import type { Decision, Skipped } from "./Decision.ts"
import type { Failure } from "./Failure.ts"
import type { Problem } from "./InvalidInput.ts"
import { InvalidInput } from "./InvalidInput.ts"
import type { Chain } from "./ProviderRegistry.ts"
import type * as Reason from "./Reason.ts"
import * as SwapRule from "./SwapRule.ts"
import * as Verdict from "./Verdict.ts"

/** The classes of failure that are retried on the same candidate, each on a schedule of its own. */
export type RetryClass = "connection" | "response" | "capacity"

/** What the table says of a reason. */
export interface Row {
  /** Which schedule the same candidate is asked again on, if any. */
  readonly same: RetryClass | "never"
  /**
   * `next`: any other candidate. `outside-scope`: one that does not share what failed. `next-if-proven`: any other, if
   * the verdict is `Safe`. `surface`: none.
   */
  readonly onward: "next" | "outside-scope" | "next-if-proven" | "surface"
}

/** A policy. */
export interface Policy {
  /** Whether another model may answer, at the start of a turn and in the middle of one. */
  readonly swap: { readonly start: SwapRule.SwapRule; readonly midTurn: SwapRule.SwapRule }
  /** The most attempts a call makes, whatever the chain and however long the schedules go on. */
  readonly maxAttempts: number
  /** When the same candidate is asked again. Each must end. */
  readonly retry: { readonly [C in RetryClass]: Schedule.Schedule<unknown, Failure> }
  /** The longest wait that a provider may ask for before its candidate is left instead, in milliseconds. */
  readonly longestRetryAfterMs: number
  /** The table, by reason. */
  readonly table: { readonly [T in Reason.Tag]: Row }
}

/** What a decision depends on besides the failure. */
export interface State {
  readonly chain: Chain
  /** The candidate that failed, by its place in the chain. */
  readonly index: number
  /** Places in the chain that were asked and left. */
  readonly left: ReadonlyArray<number>
  /** Places in the chain that the call cannot be put to, as far as is known. */
  readonly unsuited?: ReadonlyArray<number>
  /** Attempts made so far, the failed one included. */
  readonly attempts: number
  /** What the schedule of the failure's class allows: a delay, or nothing when it has ended. */
  readonly retryDelayMs: number | undefined
  /** Milliseconds that are left of the call's time; absent where it has no limit. */
  readonly leftMs?: number | undefined
  readonly moment: "start" | "mid"
  /** Whom a swap is counted from: the model that answered this turn, else the one asked for. */
  readonly from: Candidate.Candidate
}

const connection: Row = { same: "connection", onward: "next" }
const response: Row = { same: "response", onward: "next" }
const unreachable: Row = { same: "never", onward: "outside-scope" }
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
 * jitter, at most 8 times within 90 s.
 */
export const defaults: Policy = {
  swap: { start: "any", midTurn: "same-family" },
  maxAttempts: 32,
  retry: {
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
    TlsFailure: unreachable,
    ProxyFailure: unreachable,
    StaleConnection: connection,
    ConnectionLost: connection,
    HeadersTimeout: response,
    FirstOutputTimeout: response,
    StreamStalled: response,
    TotalTimeout: surface,
    StreamTruncated: response,
    MalformedResponse: response,
    AuthenticationFailed: elsewhere,
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
    SessionExpired: elsewhere,
    Unclassified: { same: "never", onward: "next-if-proven" }
  }
}

/** The default policy with parts of it replaced. */
export const make = (overrides: Overrides = {}): Policy => ({
  swap: { ...defaults.swap, ...overrides.swap },
  maxAttempts: overrides.maxAttempts ?? defaults.maxAttempts,
  retry: { ...defaults.retry, ...overrides.retry },
  longestRetryAfterMs: overrides.longestRetryAfterMs ?? defaults.longestRetryAfterMs,
  table: { ...defaults.table, ...overrides.table }
})

/** {@link make}, or what is wrong with numbers that would let it never end. */
export const check = (overrides?: Overrides): Result.Result<Policy, InvalidInput> => {
  const policy = make(overrides)
  const wrong = problems(policy)
  return Arr.isArrayNonEmpty(wrong) ? Result.fail(new InvalidInput({ problems: wrong })) : Result.succeed(policy)
}

const sources = new WeakMap<Policy, () => Policy>()

/** A policy that may be replaced while it is in force: its parts are those of `current` when they are read. */
export const live = (current: () => Policy): Policy => {
  const policy: Policy = {
    get swap() {
      return current().swap
    },
    get maxAttempts() {
      return current().maxAttempts
    },
    get retry() {
      return current().retry
    },
    get longestRetryAfterMs() {
      return current().longestRetryAfterMs
    },
    get table() {
      return current().table
    }
  }
  sources.set(policy, current)
  return policy
}

/** The policy as it is now, which a call keeps until it ends. */
export const snapshot = (policy: Policy): Policy => sources.get(policy)?.() ?? policy

// Of a day's length: a provider that asks for more is not going to answer this call.
const longestWaitMs = 86_400_000

/** What is wrong with a policy's numbers. */
const problems = ({ longestRetryAfterMs, maxAttempts }: Policy): Array<Problem> => {
  const wrong: Array<Problem> = []
  if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1) {
    wrong.push(invalid("policy.maxAttempts", "a whole number from 1", maxAttempts))
  }
  if (!(longestRetryAfterMs >= 0 && longestRetryAfterMs <= longestWaitMs)) {
    wrong.push(
      invalid("policy.longestRetryAfterMs", `milliseconds from 0 to ${longestWaitMs}, a day`, longestRetryAfterMs)
    )
  }
  return wrong
}

const invalid = (place: string, expected: string, found: unknown): Problem => ({
  kind: "InvalidOption",
  place,
  expected,
  found: String(found)
})

/** Parts of a policy that an app replaces. */
export interface Overrides {
  readonly swap?: Partial<Policy["swap"]>
  readonly maxAttempts?: number
  readonly retry?: Partial<Policy["retry"]>
  readonly longestRetryAfterMs?: number
  readonly table?: Partial<Policy["table"]>
}

/**
 * Decides what follows a failed attempt.
 *
 * **Details**
 *
 * Total: every state and failure has a decision. It never replays what the verdict and the declaration do not allow,
 * never leaves the chain or the swap rule, and never chooses a candidate that was left or is not suited. A wait that would outlast the
 * call's time is not begun: the chain is looked along instead.
 */
export const decide = (policy: Policy, state: State, failure: Failure): Decision => {
  const ground = groundOf(failure)
  if (ground === "no") return giveUp(failure.verdict === "Unsafe" ? "unsafe" : "ambiguous")
  if (!(state.attempts < policy.maxAttempts)) return giveUp("attempts-spent")
  const { leftMs, retryDelayMs } = state
  if (leftMs !== undefined && !(leftMs > 0)) return giveUp("deadline")
  const row = policy.table[failure.reason._tag]
  const retries = row.same !== "never" && retryDelayMs !== undefined
  if (retries && (leftMs === undefined || retryDelayMs < leftMs)) {
    return { _tag: "RetryHere", delayMs: retryDelayMs, fresh: row.same === "connection", ground }
  }
  if (row.onward === "surface") return giveUp(retries ? "deadline" : "reason-surfaces")
  if (row.onward === "next-if-proven" && ground !== "proven") return giveUp("ambiguous")
  const onward = next(policy, state, failure, row, ground)
  return retries && onward._tag === "Surface" ? { ...onward, why: "deadline" } : onward
}

/** What the app assumed is not proven, though its failure is of the class that may be replayed. */
const groundOf = (failure: Failure): "proven" | "assumed" | "no" =>
  failure.assumed && failure.verdict === "Safe" ? "assumed" : Verdict.mayReplay(failure.verdict, failure.declaration)

const giveUp = (
  why: Extract<Decision, { _tag: "Surface" }>["why"],
  skipped: ReadonlyArray<Skipped> = []
): Decision => ({
  _tag: "Surface",
  why,
  skipped
})

const next = (policy: Policy, state: State, failure: Failure, row: Row, ground: "proven" | "assumed"): Decision => {
  const rule = state.moment === "mid" ? policy.swap.midTurn : policy.swap.start
  const failed = state.chain[state.index] ?? state.chain[0]
  const skipped: Array<Skipped> = []
  const open: Array<{ readonly index: number; readonly candidate: Candidate.Candidate }> = []
  for (const [index, candidate] of state.chain.entries()) {
    if (index === state.index || state.left.includes(index)) continue
    if (row.onward === "outside-scope" && sharesScope(failure.reason.scope, failed, candidate)) {
      skipped.push({ candidate, why: "same-scope" })
    } else if (!SwapRule.allows(rule, state.from, candidate)) {
      skipped.push({ candidate, why: "swap-denied" })
    } else if (state.unsuited?.includes(index) === true) {
      skipped.push({ candidate, why: "unsuited" })
    } else {
      open.push({ index, candidate })
    }
  }
  // A connection that failed says something about its endpoint, though not enough to rule it out.
  const elsewhereFirst = open.find(({ candidate }) => !sharesScope("endpoint", failed, candidate))
  const chosen = row.same === "connection" ? (elsewhereFirst ?? open[0]) : open[0]
  if (chosen !== undefined) return { _tag: "NextCandidate", ...chosen, ground, skipped }
  return giveUp(skipped.some(({ why }) => why === "swap-denied") ? "swap-denied" : "chain-exhausted", skipped)
}

/** Whether a candidate shares with the failed one what the reason's scope says has failed. */
const sharesScope = (scope: Reason.Scope, failed: Candidate.Candidate, other: Candidate.Candidate): boolean => {
  switch (scope) {
    case "request":
      return true
    case "model":
      return failed.provider === other.provider && failed.model === other.model
    case "credential":
      return failed.provider === other.provider && failed.credential === other.credential
    case "endpoint":
      return failed.endpoint === undefined || other.endpoint === undefined
        ? failed.provider === other.provider
        : failed.endpoint === other.endpoint
    case "provider":
      return failed.provider === other.provider
  }
}

/** The policy in force. */
export class FailoverPolicy extends Context.Service<FailoverPolicy, Policy>()("@holdfast/core/FailoverPolicy") {
  /** The default policy with parts of it replaced; fails with `InvalidInput` on numbers that let it never end. */
  static layer(overrides?: Overrides): Layer.Layer<FailoverPolicy, InvalidInput> {
    return Layer.effect(FailoverPolicy, Effect.fromResult(check(overrides)))
  }
}
