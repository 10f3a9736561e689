/**
 * Why an attempt failed on its way: the network, TLS, a proxy, the connection, a time limit, the shape of the answer.
 *
 * Transport failures are not model failures and none is filed under "timeout". A reason is named for what is known, not
 * for what threw; what may be done about the failure is the verdict's to say, not the reason's.
 */
import * as Schema from "effect/Schema"
import type { Scope } from "./Reason.ts"

const tagged = "@holdfast/core/Reason"
const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`

/** Addresses of a host that gave no connection, as `address:port`, and why. */
const Addresses = Schema.Array(Schema.Struct({ address: Schema.String, code: Schema.String }))

/** The provider's host name did not resolve. */
export class DnsFailure extends Schema.TaggedError<DnsFailure>(`${tagged}/DnsFailure`)("DnsFailure", {
  host: Schema.String,
  /** The resolver's code: `ENOTFOUND`, `EAI_AGAIN`, `ESERVFAIL`; `ENODATA` where it gave no address. */
  code: Schema.String
}) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    return `${this.host} did not resolve (${this.code})`
  }
  get advice(): string {
    return this.code === "ENOTFOUND"
      ? "Check the base URL's host name and the machine's resolver and search domains."
      : "The resolver did not answer; try again or use another resolver."
  }
}

/** No connection could be made to any of the host's addresses. */
export class ConnectFailure extends Schema.TaggedError<ConnectFailure>(`${tagged}/ConnectFailure`)("ConnectFailure", {
  host: Schema.String,
  /** The system's code of the first address that failed: `ECONNREFUSED`, `ENETUNREACH`, `EHOSTUNREACH`. */
  code: Schema.String,
  /** Every address tried, with its own code; `ETIMEDOUT` where it gave no answer in its time. */
  addresses: Addresses
}) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    return `no connection to ${this.host} (${this.code})`
  }
  get advice(): string {
    return this.code === "ECONNREFUSED"
      ? "Nothing listens there: check host and port of the base URL, or start the local server."
      : "Check network, firewall and whether a proxy is needed."
  }
}

/** No connection was ready, name look-up to TLS included, within the limit. */
export class ConnectTimeout extends Schema.TaggedError<ConnectTimeout>(`${tagged}/ConnectTimeout`)("ConnectTimeout", {
  host: Schema.String,
  limitMs: Schema.Finite,
  /** Every address tried by then, with its own code; `ETIMEDOUT` where it gave no answer in its time. */
  addresses: Schema.optionalKey(Addresses),
  /** The proxy that had given no way to the host by then, as `host:port`. */
  proxy: Schema.optionalKey(Schema.String)
}) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    const proxy = this.proxy === undefined ? "" : `: the proxy ${this.proxy} gave no way to it`
    return `no connection to ${this.host} within ${seconds(this.limitMs)}${proxy}`
  }
  get advice(): string {
    return this.proxy === undefined
      ? "Check network and firewall, and whether a proxy is missing; raise the connect limit only for slow links."
      : "Check whether the proxy is up, and whether this host needs one at all (NO_PROXY)."
  }
}

/** What a server's certificate says of itself. Times are in ISO 8601. */
export const Certificate = Schema.Struct({
  /** Empty where only `names` say whose it is. */
  subject: Schema.String,
  /** Who vouches for it; another than the provider's usual authority tells who intercepts. */
  issuer: Schema.String,
  validFrom: Schema.optionalKey(Schema.String),
  validTo: Schema.String,
  /** The hosts that it is for, the first few. */
  names: Schema.optionalKey(Schema.Array(Schema.String))
})

/** The TLS handshake failed, or the peer refused what we showed in it. */
export class TlsFailure extends Schema.TaggedError<TlsFailure>(`${tagged}/TlsFailure`)("TlsFailure", {
  /** The host the certificate was asked for. */
  host: Schema.String,
  /** OpenSSL's or Node's code: `CERT_HAS_EXPIRED`, `ERR_TLS_CERT_ALTNAME_INVALID`, `ECONNRESET` (cut in the handshake). */
  code: Schema.String,
  certificate: Schema.optionalKey(Certificate)
}) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    const { certificate } = this
    const failed = `TLS to ${this.host} failed (${this.code})`
    if (certificate === undefined) return failed
    const { issuer, names = [], subject, validFrom, validTo } = certificate
    const of = subject === "" ? names.join(", ") : subject
    const only = this.code === "ERR_TLS_CERT_ALTNAME_INVALID" && names.length > 0 ? ` for ${names.join(", ")}` : ""
    const from = this.code === "CERT_NOT_YET_VALID" && validFrom !== undefined ? ` from ${validFrom}` : ""
    return `${failed}; certificate of ${of}${only}, issued by ${issuer}, valid${from} to ${validTo}`
  }
  get advice(): string {
    switch (this.code) {
      case "CERT_HAS_EXPIRED":
        return "The certificate has expired; check the machine's clock, then the server or the proxy that intercepts."
      case "ERR_TLS_CERT_ALTNAME_INVALID":
        return "The certificate is for another host: check the base URL, or who answers in the provider's place; for one reached by address, give the provider's tls.serverName."
      case "CERT_NOT_YET_VALID":
        return "The certificate is not valid yet: check the machine's clock."
      case "CERT_REVOKED":
        return "The certificate was revoked: nobody should be answering with it; tell the provider."
      case "DEPTH_ZERO_SELF_SIGNED_CERT":
      case "SELF_SIGNED_CERT_IN_CHAIN":
      case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      case "UNABLE_TO_GET_ISSUER_CERT":
      case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
        return "The issuer is not trusted here, or the server leaves out a certificate in between: give its CA with NODE_EXTRA_CA_CERTS or the provider's tls.ca option; never set NODE_TLS_REJECT_UNAUTHORIZED=0."
      default:
        if (this.code.includes("_ALERT_") && /CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED/.test(this.code)) {
          return "The peer does not accept who we are: give a client certificate that it knows in the provider's tls.cert and tls.key."
        }
        return "Check that the base URL's port speaks TLS, whether it wants a client certificate, and that nothing in between breaks it."
    }
  }
}

/** The proxy in between could not be reached, refused or failed before a way to the provider stood. */
export class ProxyFailure extends Schema.TaggedError<ProxyFailure>(`${tagged}/ProxyFailure`)("ProxyFailure", {
  /**
   * `PROXY_REFUSED` with a status, `PROXY_CLOSED`, a code of SOCKS (`SOCKS_NOT_ALLOWED`, `SOCKS_CREDENTIALS_REFUSED`), or
   * the system's, OpenSSL's or the HTTP parser's own (`ECONNREFUSED`, `CERT_HAS_EXPIRED`, `HPE_INVALID_CONSTANT`).
   */
  code: Schema.String,
  /** The proxy's HTTP answer, if it gave one. */
  status: Schema.optionalKey(Schema.Int),
  /** Which proxy, as `host:port`; never with credentials. */
  proxy: Schema.optionalKey(Schema.String),
  /**
   * Where it failed: its name did not resolve, no connection to it, TLS to it, the way to the provider that it was asked
   * for, or a request that it was to pass on.
   */
  step: Schema.optionalKey(Schema.Literals(["resolving", "connecting", "securing", "tunnelling", "forwarding"]))
}) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    const proxy = this.proxy === undefined ? "the proxy" : `the proxy ${this.proxy}`
    const why = `(${this.status ?? this.code})`
    switch (this.step) {
      case "resolving":
        return `${proxy} did not resolve ${why}`
      case "connecting":
        return `no connection to ${proxy} ${why}`
      case "securing":
        return `TLS to ${proxy} failed ${why}`
      case "forwarding":
        return `${proxy} did not pass the request on ${why}`
      default:
        return `${proxy} did not open a tunnel ${why}`
    }
  }
  get advice(): string {
    // tinyproxy refuses wrong credentials with 401.
    if (this.status === 407 || this.status === 401 || this.code.startsWith("SOCKS_CREDENTIALS")) {
      return "The proxy wants other credentials: put them into the proxy's URL or options."
    }
    switch (this.step) {
      case "resolving":
      case "connecting":
        return "Check the proxy's address and that it runs, and whether this host needs a proxy at all (NO_PROXY)."
      case "securing":
        return "Check that the proxy's port speaks TLS, and give its CA in the proxy's tls options."
      default:
        return "Check the proxy's rules for this host and port, whether it can reach it, and NO_PROXY."
    }
  }
}

/** A pooled connection turned out closed: no byte of an answer came on it. */
export class StaleConnection extends Schema.TaggedError<StaleConnection>(`${tagged}/StaleConnection`)(
  "StaleConnection",
  {
    /** How long the connection had been idle before it was used again, in milliseconds. */
    idleMs: Schema.Finite,
    how: Schema.Literals(["fin", "reset", "early-answer"])
  }
) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    return this.how === "early-answer"
      ? `a reused connection delivered an answer that was not to this request (idle ${seconds(this.idleMs)})`
      : `a reused connection was closed by the peer (${this.how}) before any answer (idle ${seconds(this.idleMs)})`
  }
  get advice(): string {
    return "Keep the provider's keepAlive limit below the server's idle limit; the call is repaired where it may be repeated."
  }
}

/** The connection was closed under the attempt. */
export class ConnectionLost extends Schema.TaggedError<ConnectionLost>(`${tagged}/ConnectionLost`)("ConnectionLost", {
  how: Schema.Literals(["fin", "reset", "unknown"]),
  /** Where the answer was when it happened. */
  during: Schema.Literals(["request", "head", "body"])
}) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    const where = { request: "before any answer", head: "within the response head", body: "within the response body" }
    return `the connection was closed (${this.how}) ${where[this.during]}`
  }
  get advice(): string {
    return "If it recurs, look for a proxy, load balancer or firewall that cuts long calls."
  }
}

/** No response head within the limit. */
export class HeadersTimeout extends Schema.TaggedError<HeadersTimeout>(`${tagged}/HeadersTimeout`)("HeadersTimeout", {
  limitMs: Schema.Finite
}) {
  readonly scope: Scope = "model"
  override get message(): string {
    return `no response headers within ${seconds(this.limitMs)}`
  }
  get advice(): string {
    return "A limit of ours ended it; raise the headers limit if this model is slow to begin."
  }
}

/** No content within the limit, though the stream was alive. */
export class FirstOutputTimeout extends Schema.TaggedError<FirstOutputTimeout>(`${tagged}/FirstOutputTimeout`)(
  "FirstOutputTimeout",
  { limitMs: Schema.Finite }
) {
  readonly scope: Scope = "model"
  override get message(): string {
    return `no content within ${seconds(this.limitMs)}`
  }
  get advice(): string {
    return "Reasoning models think behind pings for minutes; raise or drop the first-content limit for them."
  }
}

/** The stream stopped: no byte, or no content, within its limit. */
export class StreamStalled extends Schema.TaggedError<StreamStalled>(`${tagged}/StreamStalled`)("StreamStalled", {
  limitMs: Schema.Finite,
  /** What failed to come: any byte at all, or content between pings. */
  waitedFor: Schema.Literals(["bytes", "content"])
}) {
  readonly scope: Scope = "model"
  override get message(): string {
    return `no ${this.waitedFor} for ${seconds(this.limitMs)} in the middle of the answer`
  }
  get advice(): string {
    return "A limit of ours ended it; raise the liveness or stall limit if the provider is known to pause."
  }
}

/** The call's own time was spent. */
export class TotalTimeout extends Schema.TaggedError<TotalTimeout>(`${tagged}/TotalTimeout`)("TotalTimeout", {
  limitMs: Schema.Finite
}) {
  readonly scope: Scope = "request"
  override get message(): string {
    return `the call was not finished within ${seconds(this.limitMs)}`
  }
  get advice(): string {
    return "Raise the call's limit, or ask for less."
  }
}

/** The answer ended cleanly but without the end marker that the provider's format demands. */
export class StreamTruncated extends Schema.TaggedError<StreamTruncated>(`${tagged}/StreamTruncated`)(
  "StreamTruncated",
  {
    /** The marker that did not come: `message_stop`, `[DONE]`. */
    missing: Schema.String
  }
) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    return `the answer ended without ${this.missing}`
  }
  get advice(): string {
    return "Something between the model and us cut the answer and hid it; look for a proxy that ends responses early."
  }
}

/** The answer is not what the protocol or the provider's format allows. */
export class MalformedResponse extends Schema.TaggedError<MalformedResponse>(`${tagged}/MalformedResponse`)(
  "MalformedResponse",
  {
    /** What could not be read: the HTTP framing, the JSON, an event. */
    what: Schema.Literals(["http", "json", "event", "content-type", "size"]),
    detail: Schema.String
  }
) {
  readonly scope: Scope = "endpoint"
  override get message(): string {
    return `malformed response (${this.what}): ${this.detail}`
  }
  get advice(): string {
    return "Check that the base URL is the provider's API and that nothing in between rewrites its answers."
  }
}
