/** A reason made of its name and of what is known besides: what an event tells of it, or what a person supposes. */
import * as Reason from "../../Reason.ts"
import * as TimeLimits from "../../TimeLimits.ts"
import { only } from "../only.ts"

/** What may be known of a reason besides its name. */
export interface Known {
  readonly scope?: Reason.Scope
  readonly status?: number
  readonly type?: string
  readonly code?: string
  readonly said?: string
  readonly requestId?: string
  readonly retryAfterMs?: number
  /** The host that was to be reached. */
  readonly host?: string
  /** The limit that was reached. */
  readonly limitMs?: number
}

/** The reason of that name. What is not known is filled in with what says the least. */
export const reasonOf = (tag: Reason.Tag, known: Known): Reason.Reason => makers[tag](known)

/** The limit of ours that such a failure mostly reached, in milliseconds; nothing where it reached none. */
export const limitOf = (tag: Reason.Tag): number | undefined => limits[tag]

const limits: { readonly [T in Reason.Tag]?: number } = {
  ConnectTimeout: TimeLimits.defaults.connectMs,
  HeadersTimeout: TimeLimits.defaults.headersMs,
  // Off by default; the length that TimeLimits advises.
  FirstOutputTimeout: 120_000,
  StreamStalled: TimeLimits.defaults.livenessMs
}

const makers: { readonly [T in Reason.Tag]: (known: Known) => Reason.Reason } = {
  DnsFailure: (known) => new Reason.DnsFailure(network(known, "ENOTFOUND")),
  ConnectFailure: (known) => new Reason.ConnectFailure({ ...network(known, "ECONNREFUSED"), addresses: [] }),
  ConnectTimeout: (known) =>
    new Reason.ConnectTimeout({ host: known.host ?? "", limitMs: limit(known, "ConnectTimeout") }),
  TlsFailure: (known) => new Reason.TlsFailure(network(known, "UNKNOWN")),
  ProxyFailure: (known) =>
    new Reason.ProxyFailure({ code: known.code ?? "UNKNOWN", ...only("status", finite(known.status)) }),
  StaleConnection: () => new Reason.StaleConnection({ idleMs: 0, how: "fin" }),
  ConnectionLost: () => new Reason.ConnectionLost({ how: "unknown", during: "request" }),
  HeadersTimeout: (known) => new Reason.HeadersTimeout({ limitMs: limit(known, "HeadersTimeout") }),
  FirstOutputTimeout: (known) => new Reason.FirstOutputTimeout({ limitMs: limit(known, "FirstOutputTimeout") }),
  StreamStalled: (known) => new Reason.StreamStalled({ limitMs: limit(known, "StreamStalled"), waitedFor: "bytes" }),
  TotalTimeout: (known) => new Reason.TotalTimeout({ limitMs: limit(known, "TotalTimeout") }),
  StreamTruncated: () => new Reason.StreamTruncated({ missing: "its end" }),
  MalformedResponse: () => new Reason.MalformedResponse({ what: "event", detail: "not known" }),
  AuthenticationFailed: (known) => new Reason.AuthenticationFailed(answer(known)),
  CredentialRevoked: (known) => new Reason.CredentialRevoked(answer(known)),
  PermissionDenied: (known) => new Reason.PermissionDenied(answer(known)),
  RegionBlocked: (known) => new Reason.RegionBlocked(answer(known)),
  BillingExhausted: (known) => new Reason.BillingExhausted(answer(known)),
  RateLimited: (known) => new Reason.RateLimited({ ...answer(known), ...wait(known), limited: limitedOf(known) }),
  Overloaded: (known) => new Reason.Overloaded({ ...answer(known), ...wait(known) }),
  ServerError: (known) => new Reason.ServerError({ ...answer(known), from: "provider" }),
  ModelNotFound: (known) => new Reason.ModelNotFound(answer(known)),
  InvalidRequest: (known) => new Reason.InvalidRequest(answer(known)),
  ContextOverflow: (known) => new Reason.ContextOverflow(answer(known)),
  ContentRefused: (known) => new Reason.ContentRefused(answer(known)),
  SessionExpired: (known) => new Reason.SessionExpired(answer(known)),
  Unclassified: (known) => new Reason.Unclassified(answer(known))
}

const network = ({ code, host }: Known, otherwise: string) => ({ host: host ?? "", code: code ?? otherwise })

const limit = ({ limitMs }: Known, tag: Reason.Tag): number => finite(limitMs) ?? limits[tag] ?? 0

const limitedOf = ({ scope }: Known): "model" | "credential" | "provider" =>
  scope === "credential" || scope === "provider" ? scope : "model"

const wait = ({ retryAfterMs }: Known) => only("retryAfterMs", finite(retryAfterMs))

const answer = ({ code, requestId, said, status, type }: Known) => ({
  rule: "not-told",
  ...only("status", Number.isSafeInteger(status) ? status : undefined),
  ...only("type", type),
  ...only("code", code),
  ...only("said", said),
  ...only("requestId", requestId)
})

const finite = (value: number | undefined): number | undefined => (Number.isFinite(value) ? value : undefined)
