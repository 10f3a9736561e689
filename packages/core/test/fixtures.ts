/** Candidates, evidence and failures that more than one suite needs. */
import type * as Candidate from "@holdfast/core/Candidate"
import type * as Declaration from "@holdfast/core/Declaration"
import type * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"

/** The model that the chains of these tests ask for. */
export const opus: Candidate.Candidate = {
  provider: "anthropic",
  model: "claude-opus-4-7",
  endpoint: "api.anthropic.com:443",
  family: { maker: "anthropic", line: "claude-opus" },
  identity: "claude-opus-4-7"
}

/** The same model with another credential at the same provider. */
export const opusAtHome: Candidate.Candidate = { ...opus, credential: "home" }

/** The same model at another host. */
export const opusOnBedrock: Candidate.Candidate = {
  ...opus,
  provider: "bedrock",
  model: "anthropic.claude-opus-4-7-v1",
  endpoint: "bedrock-runtime.eu-central-1.amazonaws.com:443"
}

/** Another model of the same family, at the same endpoint. */
export const opusOlder: Candidate.Candidate = { ...opus, model: "claude-opus-4-6", identity: "claude-opus-4-6" }

/** A model of another maker, elsewhere. */
export const gpt: Candidate.Candidate = {
  provider: "openai",
  model: "gpt-5.5",
  endpoint: "api.openai.com:443",
  family: { maker: "openai", line: "gpt" },
  identity: "gpt-5.5"
}

/** A third maker's model, elsewhere again. */
export const gemini: Candidate.Candidate = {
  provider: "google",
  model: "gemini-3-pro",
  endpoint: "generativelanguage.googleapis.com:443",
  family: { maker: "google", line: "gemini-pro" },
  identity: "gemini-3-pro"
}

const reusedAndClosed: Evidence.Evidence = {
  _tag: "Observed",
  phase: "waiting",
  bytesWritten: 812,
  bytesRead: 0,
  connection: { reused: true, ageMs: 61_000, idleMs: 60_000, requestsServed: 3 },
  closed: "peer-fin"
}

const begun: Evidence.Evidence = {
  _tag: "Observed",
  phase: "responding",
  bytesWritten: 812,
  bytesRead: 230,
  connection: { reused: false, ageMs: 40, idleMs: 0, requestsServed: 0 },
  closed: "peer-fin",
  status: 200
}

const refused = (status: number): Evidence.Evidence => ({
  _tag: "Observed",
  phase: "responding",
  bytesWritten: 812,
  bytesRead: 180,
  status,
  notRun: true
})

interface Options {
  readonly candidate?: Candidate.Candidate
  readonly declaration?: Declaration.Declaration
}

const of = (reason: Reason.Reason, evidence: Evidence.Evidence, options: Options): Failure.Failure =>
  Failure.make({
    reason,
    evidence,
    candidate: options.candidate ?? opus,
    declaration: options.declaration ?? "repeatable"
  })

/** Ambiguous: a reused connection was closed by the peer without a response byte. */
export const stale = (options: Options = {}): Failure.Failure =>
  of(new Reason.StaleConnection({ idleMs: 60_000, how: "fin" }), reusedAndClosed, options)

/** Ambiguous: the answer began, gave nothing and ended without its end marker. */
export const truncated = (options: Options = {}): Failure.Failure =>
  of(new Reason.StreamTruncated({ missing: "message_stop" }), begun, options)

/** Safe: no connection could be made. */
export const unreachable = (options: Options = {}): Failure.Failure =>
  of(
    new Reason.ConnectFailure({ host: "api.anthropic.com", code: "ECONNREFUSED", addresses: [] }),
    { _tag: "Observed", phase: "connecting", bytesWritten: 0, bytesRead: 0 },
    options
  )

/** Safe: the provider refused for want of capacity and said that it ran nothing. */
export const overloaded = (options: Options & { readonly retryAfterMs?: number } = {}): Failure.Failure =>
  of(
    new Reason.Overloaded({
      rule: "status-529",
      status: 529,
      ...(options.retryAfterMs === undefined ? undefined : { retryAfterMs: options.retryAfterMs })
    }),
    refused(529),
    options
  )

/** Safe: the provider refused for its rate limit and said that it ran nothing. */
export const rateLimited = (options: Options & { readonly retryAfterMs?: number } = {}): Failure.Failure =>
  of(
    new Reason.RateLimited({
      rule: "status-429",
      status: 429,
      limited: "model",
      ...(options.retryAfterMs === undefined ? undefined : { retryAfterMs: options.retryAfterMs })
    }),
    refused(429),
    options
  )

/** Safe: the provider did not take the credential. */
export const unauthorized = (options: Options = {}): Failure.Failure =>
  of(new Reason.AuthenticationFailed({ rule: "status-401", status: 401 }), refused(401), options)

/** Safe: the account behind the credential has no credit left. */
export const broke = (options: Options = {}): Failure.Failure =>
  of(new Reason.BillingExhausted({ rule: "status-402", status: 402 }), refused(402), options)

/** Unsafe: the request may have arrived, and the provider may have run tools for it. */
export const unsafe = (options: Options = {}): Failure.Failure =>
  of(new Reason.ConnectionLost({ how: "reset", during: "body" }), begun, { declaration: "provider-tools", ...options })
