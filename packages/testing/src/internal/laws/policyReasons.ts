/** Reasons as they come: each of them, and of those that vary in scope or in what they ask for one of each kind. */
import * as Reason from "@holdfast/core/Reason"

const host = "api.anthropic.com"
const rule = "a-rule"

const byTag: { readonly [T in Reason.Tag]: ReadonlyArray<Reason.Of<T>> } = {
  DnsFailure: [new Reason.DnsFailure({ host, code: "ENOTFOUND" })],
  ConnectFailure: [new Reason.ConnectFailure({ host, code: "ECONNREFUSED", addresses: [] })],
  ConnectTimeout: [new Reason.ConnectTimeout({ host, limitMs: 10_000 })],
  TlsFailure: [new Reason.TlsFailure({ host, code: "CERT_HAS_EXPIRED" })],
  ProxyFailure: [new Reason.ProxyFailure({ code: "PROXY_REFUSED", status: 407 })],
  StaleConnection: [new Reason.StaleConnection({ idleMs: 60_000, how: "fin" })],
  ConnectionLost: [new Reason.ConnectionLost({ how: "reset", during: "head" })],
  HeadersTimeout: [new Reason.HeadersTimeout({ limitMs: 60_000 })],
  FirstOutputTimeout: [new Reason.FirstOutputTimeout({ limitMs: 120_000 })],
  StreamStalled: [new Reason.StreamStalled({ limitMs: 90_000, waitedFor: "bytes" })],
  TotalTimeout: [new Reason.TotalTimeout({ limitMs: 600_000 })],
  StreamTruncated: [new Reason.StreamTruncated({ missing: "message_stop" })],
  MalformedResponse: [new Reason.MalformedResponse({ what: "json", detail: "unexpected end" })],
  AuthenticationFailed: [new Reason.AuthenticationFailed({ rule, status: 401 })],
  CredentialRevoked: [new Reason.CredentialRevoked({ rule, status: 401 })],
  PermissionDenied: [new Reason.PermissionDenied({ rule, status: 403 })],
  RegionBlocked: [new Reason.RegionBlocked({ rule, status: 403 })],
  BillingExhausted: [new Reason.BillingExhausted({ rule, status: 402 })],
  RateLimited: [
    new Reason.RateLimited({ rule, status: 429, limited: "model" }),
    new Reason.RateLimited({ rule, status: 429, limited: "credential", retryAfterMs: 5000 }),
    new Reason.RateLimited({ rule, status: 429, limited: "provider", retryAfterMs: 250 })
  ],
  Overloaded: [
    new Reason.Overloaded({ rule, status: 529 }),
    new Reason.Overloaded({ rule, status: 529, retryAfterMs: 5000 })
  ],
  ServerError: [new Reason.ServerError({ rule, status: 500, from: "provider" })],
  ModelNotFound: [new Reason.ModelNotFound({ rule, status: 404 })],
  InvalidRequest: [new Reason.InvalidRequest({ rule, status: 400 })],
  ContextOverflow: [new Reason.ContextOverflow({ rule, status: 400 })],
  ContentRefused: [new Reason.ContentRefused({ rule, status: 200 })],
  SessionExpired: [new Reason.SessionExpired({ rule, status: 410 })],
  Unclassified: [new Reason.Unclassified({ rule, status: 418 })]
}

/** One of every reason and scope. */
export const reasons: ReadonlyArray<Reason.Reason> = Object.values(byTag).flat()
