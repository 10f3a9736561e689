/**
 * What Holdfast tells of itself: one tagged, versioned, JSON-safe event per thing that happened.
 *
 * Events carry names, numbers and evidence; never a URL with its query, a header, a key, a prompt or an answer.
 * Within a version fields are only added. Readers must skip tags they do not know.
 */
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { CallState } from "./CallState.ts"
import { Caller } from "./Caller.ts"
import { Candidate } from "./Candidate.ts"
import { Declaration } from "./Declaration.ts"
import { Closed, Evidence } from "./Evidence.ts"
import { Exposure } from "./Exposure.ts"
import { Decision } from "./Decision.ts"
import { Problem } from "./InvalidInput.ts"
import * as Reason from "./Reason.ts"
import { Rule, Verdict } from "./Verdict.ts"

/** The version of the events below. */
export const version = 1

const stamp = {
  version: Schema.Literal(version),
  /** Milliseconds since the epoch. */
  at: Schema.Finite
}

const ofCall = {
  ...stamp,
  /** Names the call; the same on all its events. */
  call: Schema.String,
  /** Names the turn, where the app made it explicit. */
  turn: Schema.optionalKey(Schema.String)
}

const ofAttempt = {
  ...ofCall,
  /** Counted from 1 across the call. */
  attempt: Schema.Int,
  candidate: Candidate
}

const reason = {
  reason: Schema.Literals(Reason.tags),
  scope: Reason.Scope,
  /** What happened, in constant words and safe fields. */
  message: Schema.String,
  /** What a person can do about it. */
  advice: Schema.String
}

/** What a provider counted, in tokens, as far as it told. */
export const Tokens = Schema.Struct({
  /** All of the prompt, what was read from a cache or written to one included. */
  input: Schema.optionalKey(Schema.Finite),
  /** All of the answer, reasoning included. */
  output: Schema.optionalKey(Schema.Finite),
  cacheRead: Schema.optionalKey(Schema.Finite),
  cacheWrite: Schema.optionalKey(Schema.Finite),
  reasoning: Schema.optionalKey(Schema.Finite)
})

/** What was charged, in US dollars, and where the price stands. */
export const Cost = Schema.Struct({
  usd: Schema.Finite,
  source: Schema.String,
  /** What of it the prompt alone was charged, where that is known. */
  promptUsd: Schema.optionalKey(Schema.Finite)
})

const usage = {
  tokens: Schema.optionalKey(Tokens),
  cost: Schema.optionalKey(Cost)
}

/** What an attempt counted and cost, as far as it is known. */
export const Usage = Schema.Struct(usage)

/** What an attempt counted and cost, as far as it is known. */
export type Usage = typeof Usage.Type

/** What a provider answered with, or what the network did: cut, and scrubbed of anything that looks like a key. */
const said = {
  /** HTTP status of the provider's answer. */
  status: Schema.optionalKey(Schema.Int),
  /** The provider's own error type. */
  type: Schema.optionalKey(Schema.String),
  /** The provider's own error code, or the system's: `ECONNREFUSED`. */
  code: Schema.optionalKey(Schema.String),
  /** The provider's own words. */
  said: Schema.optionalKey(Schema.String),
  requestId: Schema.optionalKey(Schema.String),
  /** How long the provider asked to wait, in milliseconds. */
  retryAfterMs: Schema.optionalKey(Schema.Finite)
}

/** An attempt begins. `connection` says whether it insists on a fresh connection. */
export const AttemptStarted = Schema.TaggedStruct("AttemptStarted", {
  ...ofAttempt,
  connection: Schema.Literals(["any", "fresh"]),
  /** Where the call may go, in order, the one asked for first; on the call's first attempt. */
  chain: Schema.optionalKey(Schema.Array(Candidate)),
  /** Whose call it is, where the app says so. */
  caller: Schema.optionalKey(Caller),
  /** The candidate is cooling down, and is asked to find out whether it answers again. */
  probe: Schema.optionalKey(Schema.Literal(true))
})

/** An attempt gave the whole answer. */
export const AttemptSucceeded = Schema.TaggedStruct("AttemptSucceeded", {
  ...ofAttempt,
  elapsedMs: Schema.Finite,
  ...usage
})

/** An attempt failed: why, on what evidence, and what that means for a replay. */
export const AttemptFailed = Schema.TaggedStruct("AttemptFailed", {
  ...ofAttempt,
  elapsedMs: Schema.Finite,
  ...reason,
  ...said,
  ...usage,
  verdict: Verdict,
  rule: Rule,
  exposure: Exposure,
  declaration: Declaration,
  evidence: Evidence
})

/** An attempt was ended on the wire because a hedge beside it, or the one that it was made beside, was quicker. */
export const AttemptAborted = Schema.TaggedStruct("AttemptAborted", {
  ...ofAttempt,
  elapsedMs: Schema.Finite
})

const { left, ...stood } = Struct.omit(CallState.fields, ["chain", "leftMs", "retryDelayMs"])

/** Where a call stood when it was decided, in the chain that its first event tells; lists that are empty are left out. */
export const Situation = Schema.Struct({
  ...stood,
  left: Schema.optionalKey(left),
  leftMs: Schema.optionalKey(Schema.Finite),
  retryDelayMs: Schema.optionalKey(Schema.Finite)
})

/** Where a call stood when it was decided. */
export type Situation = typeof Situation.Type

/** What the policy decided after a failed attempt; attempt 0 where it decided before anybody was asked. */
export const Decided = Schema.TaggedStruct("Decided", {
  ...ofAttempt,
  decision: Decision,
  /** Whom the call asks for. */
  requested: Schema.optionalKey(Candidate),
  /** What it was decided by, besides the policy and the failure. */
  state: Schema.optionalKey(Situation),
  /** Where the call may go, in order; where it was decided before anybody was asked. */
  chain: Schema.optionalKey(Schema.Array(Candidate))
})

/** An ambiguous failure was taken as safe because the call is repeatable; `by` says on whose word. */
export const ReplayAssumed = Schema.TaggedStruct("ReplayAssumed", {
  ...stamp,
  call: Schema.optionalKey(Schema.String),
  candidate: Candidate,
  reason: Schema.Literals(Reason.tags),
  rule: Rule,
  by: Schema.Literals(["declaration", "app"])
})

/** Why another model answers: the reason the one before it failed for, or that the turn goes on where it went before. */
export const SwapReason = Schema.Literals([...Reason.tags, "TurnContinues"])

/** Why another model answers than the one asked for. */
export type SwapReason = typeof SwapReason.Type

/** The call was answered by another model than the one asked for. */
export const Swapped = Schema.TaggedStruct("Swapped", {
  ...ofCall,
  requested: Candidate,
  answered: Candidate,
  why: SwapReason
})

/**
 * The call has its answer. What it counted and cost is what the answer did, and the prompt once more for each attempt that
 * was aborted for it; what failed attempts may have cost is not known.
 */
export const CallSucceeded = Schema.TaggedStruct("CallSucceeded", {
  ...ofCall,
  requested: Candidate,
  answered: Candidate,
  /** How many were made, also those that were aborted. */
  attempts: Schema.Int,
  elapsedMs: Schema.Finite,
  ...usage
})

/** The call was given up. */
export const CallFailed = Schema.TaggedStruct("CallFailed", {
  ...ofCall,
  requested: Candidate,
  ...reason,
  verdict: Verdict,
  rule: Rule,
  attempts: Schema.Int,
  elapsedMs: Schema.Finite
})

/** A connection to a provider stands. */
export const ConnectionOpened = Schema.TaggedStruct("ConnectionOpened", {
  ...stamp,
  provider: Schema.String,
  origin: Schema.String,
  connectMs: Schema.Finite,
  /** The proxy it leads through, as `host:port`. */
  proxy: Schema.optionalKey(Schema.String)
})

/**
 * A connection to a provider stands whose certificate nobody verified, because the provider's options say so: whoever is
 * in between may read and change everything.
 */
export const ConnectionUnverified = Schema.TaggedStruct("ConnectionUnverified", {
  ...stamp,
  provider: Schema.String,
  origin: Schema.String,
  /** What verification would have said against it, as OpenSSL or Node name it; nothing where it is in order. */
  code: Schema.optionalKey(Schema.String)
})

/** A connection to a provider is gone; `idle` tells whether a request was on it. */
export const ConnectionClosed = Schema.TaggedStruct("ConnectionClosed", {
  ...stamp,
  provider: Schema.String,
  origin: Schema.String,
  /** Who closed it; `agreed` where a `connection: close` had announced it. */
  closed: Schema.Literals([...Closed.literals, "agreed"]),
  idle: Schema.Boolean,
  idleMs: Schema.Finite,
  ageMs: Schema.Finite,
  requestsServed: Schema.Int
})

/**
 * A server was seen to close idle connections after `limitMs`, so that ours are closed after `evictAfterMs` from now on;
 * again where the limit changes. `observed` counts the moments at which it was seen.
 */
export const IdleLimitLearnt = Schema.TaggedStruct("IdleLimitLearnt", {
  ...stamp,
  provider: Schema.String,
  origin: Schema.String,
  limitMs: Schema.Finite,
  evictAfterMs: Schema.Finite,
  observed: Schema.Int
})

/** An idle limit is in force no more: the server was seen to keep connections for longer, or not seen for too long. */
export const IdleLimitForgotten = Schema.TaggedStruct("IdleLimitForgotten", {
  ...stamp,
  provider: Schema.String,
  origin: Schema.String,
  limitMs: Schema.Finite
})

/**
 * A configuration is in force from now on; `place` is where it was found, `unknown` what of it is not: it was not
 * understood, or waits for the next start.
 */
export const ConfigurationTaken = Schema.TaggedStruct("ConfigurationTaken", {
  ...stamp,
  place: Schema.String,
  unknown: Schema.Array(Problem)
})

/** A configuration cannot be: the one before it stays in force. */
export const ConfigurationRefused = Schema.TaggedStruct("ConfigurationRefused", {
  ...stamp,
  place: Schema.String,
  problems: Schema.Array(Problem)
})

/** A credential that the provider did not accept was read again; `changed`: it is another now, and is tried at once. */
export const CredentialReread = Schema.TaggedStruct("CredentialReread", {
  ...stamp,
  call: Schema.String,
  candidate: Candidate,
  changed: Schema.Boolean
})

/**
 * A model, a credential, an endpoint or a provider is not to be asked until `untilMs`; again where a probe failed or the
 * provider asked for more time. `candidate` is whose failure it was.
 */
export const CooldownStarted = Schema.TaggedStruct("CooldownStarted", {
  ...stamp,
  /**
   * `provider/model`, `provider@credential`, `host:port` or `provider`, by the scope; for a rate limit on a model,
   * `provider/model@credential` where the credential has a name.
   */
  key: Schema.String,
  scope: Reason.Scope,
  reason: Schema.Literals(Reason.tags),
  /** Milliseconds since the epoch. */
  untilMs: Schema.Finite,
  candidate: Candidate
})

/** What was held against a key for this reason is held no more: a probe succeeded, or it was reset or forgotten. */
export const CooldownEnded = Schema.TaggedStruct("CooldownEnded", {
  ...stamp,
  key: Schema.String,
  scope: Reason.Scope,
  reason: Schema.Literals(Reason.tags)
})

/** Every event. */
export const TelemetryEvent = Schema.Union([
  AttemptStarted,
  AttemptSucceeded,
  AttemptFailed,
  AttemptAborted,
  Decided,
  ReplayAssumed,
  Swapped,
  CallSucceeded,
  CallFailed,
  ConnectionOpened,
  ConnectionUnverified,
  ConnectionClosed,
  IdleLimitLearnt,
  IdleLimitForgotten,
  ConfigurationTaken,
  ConfigurationRefused,
  CredentialReread,
  CooldownStarted,
  CooldownEnded
])

/** What happened. */
export type TelemetryEvent = typeof TelemetryEvent.Type

type Unstamp<E> = E extends unknown ? Omit<E, "version" | "at"> : never

/** An event before it is stamped with version and time. */
export type Draft = Unstamp<TelemetryEvent>
