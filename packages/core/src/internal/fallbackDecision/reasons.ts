/** Our reasons in the words of OpenClaw's logs. */
import * as Schema from "effect/Schema"
import type { Tag } from "../../Reason.ts"

/** Why a candidate failed or was passed over, as OpenClaw's logs have it. */
export const Word = Schema.Literals([
  "auth",
  "auth_permanent",
  "format",
  "rate_limit",
  "overloaded",
  "billing",
  "server_error",
  "timeout",
  "tls_certificate",
  "context_overflow",
  "model_not_found",
  "session_expired",
  "empty_response",
  "no_error_details",
  "unclassified",
  "unknown"
])

/** Why a candidate failed or was passed over, as OpenClaw's logs have it. */
export type Word = typeof Word.Type

/**
 * What each of our reasons is there. OpenClaw files whatever happens between it and the provider under `timeout`; the
 * record's `reasonTag` has the reason itself.
 */
export const wordOf: { readonly [T in Tag]: Word } = {
  DnsFailure: "timeout",
  ConnectFailure: "timeout",
  ConnectTimeout: "timeout",
  TlsFailure: "tls_certificate",
  ProxyFailure: "timeout",
  StaleConnection: "timeout",
  ConnectionLost: "timeout",
  HeadersTimeout: "timeout",
  FirstOutputTimeout: "timeout",
  StreamStalled: "timeout",
  TotalTimeout: "timeout",
  StreamTruncated: "empty_response",
  MalformedResponse: "server_error",
  AuthenticationFailed: "auth",
  CredentialRevoked: "auth_permanent",
  PermissionDenied: "auth",
  RegionBlocked: "auth",
  BillingExhausted: "billing",
  RateLimited: "rate_limit",
  Overloaded: "overloaded",
  ServerError: "server_error",
  ModelNotFound: "model_not_found",
  InvalidRequest: "format",
  ContextOverflow: "context_overflow",
  ContentRefused: "format",
  SessionExpired: "session_expired",
  Unclassified: "unclassified"
}

/** The status that OpenClaw gives a failure of a kind that has none of its own. */
export const statusOf: { readonly [W in Word]: number | undefined } = {
  auth: 401,
  auth_permanent: 403,
  format: 400,
  rate_limit: 429,
  overloaded: 503,
  billing: 402,
  server_error: 500,
  timeout: 408,
  tls_certificate: undefined,
  context_overflow: undefined,
  model_not_found: 404,
  session_expired: 410,
  empty_response: undefined,
  no_error_details: undefined,
  unclassified: undefined,
  unknown: undefined
}
