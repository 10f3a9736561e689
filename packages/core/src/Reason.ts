/**
 * Why an attempt failed: one closed union, each member with a scope and with what a person can do about it.
 *
 * A reason says what is known; it never says whether the call may be replayed. That is the verdict's, and a failure
 * carries both: `catchTag` for the verdict, `Failure.catchReason` for the cause.
 */
import * as Schema from "effect/Schema"
import * as Provider from "./ProviderReason.ts"
import * as Transport from "./TransportReason.ts"

/**
 * What a reason is about, narrowest first. Candidates that share what failed are not worth trying: `request` (any
 * model), `model` (this model at this provider; of a rate limit, with this credential, for a provider counts it for each
 * account), `credential`, `endpoint` (host and port), `provider`.
 */
export const Scope = Schema.Literals(["request", "model", "credential", "endpoint", "provider"])

/** What a reason is about. */
export type Scope = typeof Scope.Type

/** Every reason, transport first. */
export const Reason = Schema.Union([
  Transport.DnsFailure,
  Transport.ConnectFailure,
  Transport.ConnectTimeout,
  Transport.TlsFailure,
  Transport.ProxyFailure,
  Transport.StaleConnection,
  Transport.ConnectionLost,
  Transport.HeadersTimeout,
  Transport.FirstOutputTimeout,
  Transport.StreamStalled,
  Transport.TotalTimeout,
  Transport.StreamTruncated,
  Transport.MalformedResponse,
  Provider.AuthenticationFailed,
  Provider.CredentialRevoked,
  Provider.PermissionDenied,
  Provider.RegionBlocked,
  Provider.BillingExhausted,
  Provider.RateLimited,
  Provider.Overloaded,
  Provider.ServerError,
  Provider.ModelNotFound,
  Provider.InvalidRequest,
  Provider.ContextOverflow,
  Provider.ContentRefused,
  Provider.SessionExpired,
  Provider.Unclassified
])

/** Why an attempt failed. */
export type Reason = typeof Reason.Type

/** The name of a reason. */
export type Tag = Reason["_tag"]

/** The reason of a given name. */
export type Of<T extends Tag> = Extract<Reason, { readonly _tag: T }>

/** The names of all reasons, in the order of {@link Reason}. */
export const tags: ReadonlyArray<Tag> = Reason.members.map((member) => member.fields._tag.schema.literal)

export {
  AuthenticationFailed,
  BillingExhausted,
  ContentRefused,
  ContextOverflow,
  CredentialRevoked,
  InvalidRequest,
  ModelNotFound,
  Overloaded,
  PermissionDenied,
  RateLimited,
  RegionBlocked,
  ServerError,
  SessionExpired,
  Unclassified
} from "./ProviderReason.ts"
export {
  ConnectFailure,
  ConnectionLost,
  ConnectTimeout,
  DnsFailure,
  FirstOutputTimeout,
  HeadersTimeout,
  MalformedResponse,
  ProxyFailure,
  StaleConnection,
  StreamStalled,
  StreamTruncated,
  TlsFailure,
  TotalTimeout
} from "./TransportReason.ts"
