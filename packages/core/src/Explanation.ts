/**
 * What a policy would do with a call whose attempts fail in a given way, as data: a dry run that sends nothing and waits
 * for nothing. `FailoverPolicy.explain` makes it.
 */
import * as Schema from "effect/Schema"
import type { CallState, TurnReplay } from "./CallState.ts"
import { Candidate } from "./Candidate.ts"
import { Decision, Skipped, Surface } from "./Decision.ts"
import type { Declaration } from "./Declaration.ts"
import type { Evidence } from "./Evidence.ts"
import type { Exposure } from "./Exposure.ts"
import type { CallOptions, Timed } from "./Failover.ts"
import type { Failure } from "./Failure.ts"
import * as Reason from "./Reason.ts"
import { Rule, Verdict } from "./Verdict.ts"

/**
 * A failure in short. What is left out is as such failures mostly are: evidence by the reason (a refused connection never
 * started, a 529 was not run, nothing is proven of a 500), nothing exposed, a repeatable call.
 */
export interface Supposed {
  readonly reason: Reason.Tag | Reason.Reason
  readonly evidence?: Evidence
  readonly exposure?: Exposure
  readonly declaration?: Declaration
  /** What a rate limit is on, where the reason is given by its name. Default: the model. */
  readonly scope?: "model" | "credential" | "provider"
  /** How long the provider asks to wait, where the reason is given by its name. */
  readonly retryAfterMs?: number
  /** How long the attempt takes, in milliseconds. Default: 0, or the limit that it reaches. */
  readonly elapsedMs?: number
}

/** How an attempt fails, at whichever candidate it is made. Of a failure that holds several attempts the last counts. */
export type Fault = Failure | Supposed | Reason.Tag

/** A call, and how its attempts fail. */
export interface Scenario
  extends Pick<CallOptions, "chain" | "chains" | "moment" | "replays" | "suits">, Partial<Timed> {
  /** How the attempts fail, in order. */
  readonly failures: ReadonlyArray<Fault>
  /** Whether all attempts after those named fail like the last of them. Default: no. */
  readonly repeats?: boolean
  /** What the app says where a swap is left to it. Default: yes. */
  readonly agrees?: boolean
  /** Whether credentials can be renewed, and are others then. Default: no. */
  readonly refreshes?: boolean
  /** Who is cooling down when the call begins. */
  readonly cooling?: CallState["cooling"]
  /**
   * Whether what fails here cools down for the rest of the call, by the default numbers of `ProviderHealth` and as if nobody
   * else called. Default: yes.
   */
  readonly cooldowns?: boolean
  /** Providers whose retry budget is spent. Nothing here takes of it. */
  readonly spent?: ReadonlyArray<string>
  /** Whether the turn may be run again. Default: nothing is known of it. */
  readonly turn?: TurnReplay
}

/** A decision, and when it is taken: milliseconds since the call began. */
export const Decided = Schema.Struct({
  atMs: Schema.Finite,
  decision: Decision,
  /** What the delay of a retry is between, where the schedule leaves it to chance. */
  between: Schema.optionalKey(Schema.Struct({ leastMs: Schema.Finite, mostMs: Schema.Finite }))
})

/** A decision, and when it is taken. */
export type Decided = typeof Decided.Type

/** An attempt that fails, and what follows. */
export const Step = Schema.Struct({
  /** Counted from 1 across the call. */
  attempt: Schema.Int,
  /** The candidate's place in the chain, from 0. */
  index: Schema.Int,
  candidate: Candidate,
  connection: Schema.Literals(["any", "fresh"]),
  /** Milliseconds since the call began. */
  startedAtMs: Schema.Finite,
  failedAtMs: Schema.Finite,
  reason: Schema.Literals(Reason.tags),
  scope: Reason.Scope,
  message: Schema.String,
  verdict: Verdict,
  rule: Rule,
  /** Whether the verdict and what the call declares allow a replay, and on what ground. */
  ground: Schema.Literals(["proven", "assumed", "no"]),
  /** What is decided, the last to be carried out last: after a wait is decided again. */
  decisions: Schema.NonEmptyArray(Decided)
})

/** An attempt that fails, and what follows. */
export type Step = typeof Step.Type

/** The failures that were given are over: this attempt would be made next. */
export const Asks = Schema.TaggedStruct("Asks", {
  attempt: Schema.Int,
  index: Schema.Int,
  candidate: Candidate,
  connection: Schema.Literals(["any", "fresh"]),
  atMs: Schema.Finite
})

/** The call is given up. */
export const Fails = Schema.TaggedStruct("Fails", {
  why: Surface.fields.why,
  /** What the app gets: the worst verdict of all attempts, or that only the swap rule was against another model. */
  error: Schema.Literals(["ReplaySafe", "ReplayAmbiguous", "ReplayUnsafe", "SwapDenied"]),
  /** Who was passed over at last, and why. */
  skipped: Schema.Array(Skipped),
  /** Who would have been asked, had the swap rule or the app allowed it. */
  denied: Schema.Array(Candidate),
  atMs: Schema.Finite
})

/** What a policy would do with a call. */
export const Explanation = Schema.Struct({
  /** Where the call may go, those named for single reasons at the end. */
  chain: Schema.NonEmptyArray(Candidate),
  moment: Schema.Literals(["start", "mid"]),
  /** Whom a swap is counted from. */
  from: Candidate,
  /** What is decided before anybody is asked, because of who is cooling down. */
  before: Schema.Array(Decided),
  steps: Schema.Array(Step),
  end: Schema.Union([Asks, Fails])
})

/** What a policy would do with a call. */
export type Explanation = typeof Explanation.Type
