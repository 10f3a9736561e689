/** Failures that somebody supposes: what is not said of one is as such failures mostly are. */
import type { Candidate } from "../../Candidate.ts"
import type { Evidence } from "../../Evidence.ts"
import type { Fault, Supposed } from "../../Explanation.ts"
import * as Failure from "../../Failure.ts"
import type * as Reason from "../../Reason.ts"
import { limitOf, reasonOf } from "./reasonOf.ts"

/** A failure as it would be at a candidate. */
export interface At {
  readonly candidate: Candidate
  /** Which attempt it is, counted from 1. */
  readonly attempt: number
}

/** How long the attempt takes that fails so, in milliseconds. */
export const elapsedMs = (fault: Fault): number => {
  if (Failure.isFailure(fault)) return length(fault.attempts.at(-1)?.elapsedMs) ?? 0
  const { elapsedMs, reason } = supposed(fault)
  if (elapsedMs !== undefined) return length(elapsedMs) ?? 0
  return typeof reason === "string" ? (limitOf(reason) ?? 0) : "limitMs" in reason ? (length(reason.limitMs) ?? 0) : 0
}

/** The failure of an attempt that fails so. Each is another one, as each attempt's is. */
export const failureOf = (fault: Fault, at: At, elapsedMs: number): Failure.Failure => {
  const { assumed, ...facts } = Failure.isFailure(fault) ? ofFailure(fault) : ofSupposed(supposed(fault), at.candidate)
  const failure = Failure.make({ ...facts, ...at, elapsedMs })
  return assumed && Failure.isReplayAmbiguous(failure) ? Failure.assumeSafe(failure) : failure
}

const supposed = (fault: Supposed | Reason.Tag): Supposed => (typeof fault === "string" ? { reason: fault } : fault)

const ofFailure = ({ assumed, declaration, evidence, exposure, reason }: Failure.Failure) => ({
  reason,
  evidence,
  exposure,
  declaration,
  assumed
})

const ofSupposed = (of: Supposed, { endpoint, provider }: Candidate) => {
  const { retryAfterMs, scope } = of
  const known = {
    host: endpoint ?? provider,
    ...(scope === undefined ? undefined : { scope }),
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs })
  }
  const reason = typeof of.reason === "string" ? reasonOf(of.reason, known) : of.reason
  return {
    reason,
    evidence: of.evidence ?? evidenceOf[reason._tag],
    exposure: of.exposure ?? ("nothing" as const),
    declaration: of.declaration ?? ("repeatable" as const),
    assumed: false
  }
}

const length = (ms: number | undefined): number | undefined =>
  ms !== undefined && Number.isFinite(ms) && ms >= 0 ? ms : undefined

const sent = { bytesWritten: 1_000, bytesRead: 0 }

const unsent = (phase: "resolving" | "connecting" | "proxying" | "securing"): Evidence => ({
  _tag: "Observed",
  phase,
  bytesWritten: 0,
  bytesRead: 0
})

const waiting: Evidence = { _tag: "Observed", phase: "waiting", ...sent, closed: "local-limit" }

const begun = (closed: "peer-fin" | "local-limit"): Evidence => ({
  _tag: "Observed",
  phase: "responding",
  bytesWritten: 1_000,
  bytesRead: 200,
  closed,
  status: 200
})

const answered = (status: number): Evidence => ({
  _tag: "Observed",
  phase: "responding",
  bytesWritten: 1_000,
  bytesRead: 200,
  status
})

const refused = (status: number): Evidence => ({ ...answered(status), notRun: true })

const evidenceOf: { readonly [T in Reason.Tag]: Evidence } = {
  DnsFailure: unsent("resolving"),
  ConnectFailure: unsent("connecting"),
  ConnectTimeout: unsent("connecting"),
  TlsFailure: unsent("securing"),
  ProxyFailure: unsent("proxying"),
  StaleConnection: {
    _tag: "Observed",
    phase: "waiting",
    ...sent,
    connection: { reused: true, ageMs: 61_000, idleMs: 60_000, requestsServed: 1 },
    closed: "peer-fin"
  },
  ConnectionLost: {
    _tag: "Observed",
    phase: "waiting",
    ...sent,
    connection: { reused: false, ageMs: 0, idleMs: 0, requestsServed: 0 },
    closed: "peer-reset"
  },
  HeadersTimeout: waiting,
  FirstOutputTimeout: begun("local-limit"),
  StreamStalled: begun("local-limit"),
  TotalTimeout: waiting,
  StreamTruncated: begun("peer-fin"),
  MalformedResponse: begun("peer-fin"),
  AuthenticationFailed: refused(401),
  CredentialRevoked: refused(401),
  PermissionDenied: refused(403),
  RegionBlocked: refused(403),
  BillingExhausted: refused(402),
  RateLimited: refused(429),
  Overloaded: refused(529),
  // Nothing in a 500 says that the model did not run.
  ServerError: answered(500),
  ModelNotFound: refused(404),
  InvalidRequest: refused(400),
  ContextOverflow: refused(400),
  ContentRefused: refused(400),
  SessionExpired: refused(410),
  Unclassified: answered(400)
}
