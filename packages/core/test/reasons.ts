/** One of every reason, and of those whose scope varies one for each scope. */
import * as Reason from "@holdfast/core/Reason"

const rule = "a rule"

/** One of every reason, by its name; with the scope where a reason has more than one. */
export const reasons = {
  DnsFailure: new Reason.DnsFailure({ host: "api.anthropic.com", code: "ENOTFOUND" }),
  ConnectFailure: new Reason.ConnectFailure({ host: "api.anthropic.com", code: "ECONNREFUSED", addresses: [] }),
  ConnectTimeout: new Reason.ConnectTimeout({ host: "api.anthropic.com", limitMs: 10_000 }),
  TlsFailure: new Reason.TlsFailure({ host: "api.anthropic.com", code: "CERT_HAS_EXPIRED" }),
  ProxyFailure: new Reason.ProxyFailure({ code: "PROXY_REFUSED", status: 407 }),
  StaleConnection: new Reason.StaleConnection({ idleMs: 60_000, how: "fin" }),
  ConnectionLost: new Reason.ConnectionLost({ how: "reset", during: "head" }),
  HeadersTimeout: new Reason.HeadersTimeout({ limitMs: 60_000 }),
  FirstOutputTimeout: new Reason.FirstOutputTimeout({ limitMs: 120_000 }),
  StreamStalled: new Reason.StreamStalled({ limitMs: 90_000, waitedFor: "bytes" }),
  TotalTimeout: new Reason.TotalTimeout({ limitMs: 600_000 }),
  StreamTruncated: new Reason.StreamTruncated({ missing: "message_stop" }),
  MalformedResponse: new Reason.MalformedResponse({ what: "json", detail: "unexpected end" }),
  AuthenticationFailed: new Reason.AuthenticationFailed({ rule }),
  CredentialRevoked: new Reason.CredentialRevoked({ rule }),
  PermissionDenied: new Reason.PermissionDenied({ rule }),
  RegionBlocked: new Reason.RegionBlocked({ rule }),
  BillingExhausted: new Reason.BillingExhausted({ rule }),
  "RateLimited of the model": new Reason.RateLimited({ rule, limited: "model" }),
  "RateLimited of the credential": new Reason.RateLimited({ rule, limited: "credential" }),
  Overloaded: new Reason.Overloaded({ rule }),
  ServerError: new Reason.ServerError({ rule, from: "provider" }),
  ModelNotFound: new Reason.ModelNotFound({ rule }),
  InvalidRequest: new Reason.InvalidRequest({ rule }),
  ContextOverflow: new Reason.ContextOverflow({ rule }),
  ContentRefused: new Reason.ContentRefused({ rule }),
  SessionExpired: new Reason.SessionExpired({ rule }),
  Unclassified: new Reason.Unclassified({ rule })
} as const satisfies { readonly [name: string]: Reason.Reason }

/** The name of one of {@link reasons}. */
export type Name = keyof typeof reasons
