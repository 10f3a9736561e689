/** Which circuits a candidate stands behind, and which of them a failure is held against. */
import type { Candidate } from "../../Candidate.ts"
import { label } from "../../Candidate.ts"
import type { Failure } from "../../Failure.ts"
import * as Evidence from "../../Evidence.ts"
import * as ModelRef from "../../ModelRef.ts"
import type { Entry } from "../../ProviderHealth.ts"
import type * as Reason from "../../Reason.ts"

type Kind = Entry["kind"]

/** One circuit: a kind of trouble with one thing. */
export interface Circuit {
  /** Tells it from all others. */
  readonly id: string
  readonly scope: Reason.Scope
  readonly key: string
  readonly kind: Kind
}

/**
 * What each reason is held as, but for a limit on a model. Absent: never. `SessionExpired` is among those, for it is about
 * one conversation as often as about a token; so are limits of ours, and what another request would not meet.
 */
const kinds: { readonly [T in Reason.Tag]?: Kind } = {
  DnsFailure: "fault",
  ConnectFailure: "fault",
  TlsFailure: "fault",
  ProxyFailure: "fault",
  ConnectionLost: "fault",
  StreamTruncated: "fault",
  MalformedResponse: "fault",
  ServerError: "fault",
  RateLimited: "capacity",
  Overloaded: "capacity",
  AuthenticationFailed: "refusal",
  ModelNotFound: "refusal",
  BillingExhausted: "billing",
  CredentialRevoked: "access",
  PermissionDenied: "access",
  RegionBlocked: "access"
}

/** The kinds that reasons of each scope have, with the reason to name where another process met it. */
const commonest: {
  readonly [S in Exclude<Reason.Scope, "request">]: { readonly [K in Kind]?: Reason.Tag }
} = {
  model: { limit: "RateLimited", capacity: "Overloaded", refusal: "ModelNotFound", fault: "ServerError" },
  credential: {
    capacity: "RateLimited",
    refusal: "AuthenticationFailed",
    billing: "BillingExhausted",
    access: "PermissionDenied"
  },
  endpoint: { fault: "ConnectFailure" },
  provider: { capacity: "RateLimited", access: "RegionBlocked" }
}

const pairs = Object.entries(commonest).flatMap(([scope, reasons]) =>
  // The keys of the literal above, which `entries` widens to string.
  Object.keys(reasons).map((kind) => ({ scope: scope as keyof typeof commonest, kind: kind as Kind }))
)

/** The reason that a circuit of another process has most likely opened for: the store keeps none. */
export const likelyReason = ({ kind, scope }: Circuit): Reason.Tag =>
  (scope === "request" ? undefined : commonest[scope][kind]) ?? "Unclassified"

/** What a candidate's credential is known as; one that has no name is the provider's only one. */
export const credentialKey = (candidate: Candidate): string => `${candidate.provider}@${candidate.credential ?? ""}`

const keyOf = (candidate: Candidate, scope: Reason.Scope, kind: Kind): string => {
  switch (scope) {
    case "model":
      return kind === "limit" ? label(candidate) : ModelRef.format(candidate)
    case "credential":
      return credentialKey(candidate)
    case "endpoint":
      return candidate.endpoint ?? candidate.provider
    case "provider":
    case "request":
      return candidate.provider
  }
}

const make = (candidate: Candidate, scope: Reason.Scope, kind: Kind): Circuit => {
  const key = keyOf(candidate, scope, kind)
  return { id: `${scope}/${kind}:${key}`, scope, key, kind }
}

/** All circuits that a candidate stands behind. */
export const circuitsOf = (candidate: Candidate): ReadonlyArray<Circuit> =>
  pairs.map(({ kind, scope }) => make(candidate, scope, kind))

/** {@link circuitsOf} that names them once for each candidate: those of a chain are asked over and over. */
export const remembering = (): typeof circuitsOf => {
  const known = new WeakMap<Candidate, ReadonlyArray<Circuit>>()
  return (candidate) => {
    const before = known.get(candidate)
    if (before !== undefined) return before
    const circuits = circuitsOf(candidate)
    known.set(candidate, circuits)
    return circuits
  }
}

/** The circuit that a failure is held against, if it says anything of the candidate's health. */
export const circuitOf = (candidate: Candidate, failure: Failure): Circuit | undefined => {
  const { reason } = failure
  const kind = kindOf(reason)
  if (kind === undefined || reason.scope === "request" || isOurs(failure)) return undefined
  return make(candidate, reason.scope, kind)
}

const kindOf = (reason: Reason.Reason): Kind | undefined =>
  reason._tag === "RateLimited" && reason.scope === "model" ? "limit" : kinds[reason._tag]

/**
 * Whether two circuits of a candidate are kinds of trouble with one thing. A limit on one credential's use of a model is
 * no trouble with the model, and the other way round.
 */
export const areOfOneThing = (a: Circuit, b: Circuit): boolean =>
  a.scope === b.scope && (a.kind === "limit") === (b.kind === "limit")

/** Whether an attempt was ended by ourselves, though its reason is one that counts. */
const isOurs = ({ evidence, reason }: Failure): boolean => {
  if (reason._tag === "MalformedResponse") return reason.what === "size"
  if (reason._tag !== "ConnectionLost" || evidence._tag !== "Observed") return false
  if (evidence.closed === "local-abort" || evidence.closed === "local-limit") return true
  // Lost by nobody before it was sent: the pool itself has closed.
  return reason.how === "unknown" && !Evidence.mayHaveArrived(evidence)
}
