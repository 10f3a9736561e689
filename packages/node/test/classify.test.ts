import { assert, describe, it } from "@effect/vitest"
import type * as Evidence from "@holdfast/core/Evidence"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Undici from "undici"
import type { Attempt } from "../src/internal/attempt.ts"
import { classify } from "../src/internal/classify.ts"

const host = "api.example.com"
const limits = TimeLimits.resolve({ connect: "3 seconds", headers: "4 seconds", liveness: "5 seconds" })

interface Known {
  readonly started?: boolean
  readonly status?: number
  readonly answeredEarly?: boolean
  readonly oversized?: boolean
  readonly evidence?: Partial<Evidence.Observed> | Evidence.Unknown
}

/** The fields of the reason, but for its scope. */
const reasonOf = (
  error: Error,
  { answeredEarly = false, evidence, oversized = false, started = true, status }: Known = {}
): Record<string, unknown> => {
  const observed: Evidence.Observed = {
    _tag: "Observed",
    phase: started ? "waiting" : "connecting",
    bytesWritten: 0,
    bytesRead: 0
  }
  const known: Evidence.Evidence = evidence?._tag === "Unknown" ? evidence : { ...observed, ...evidence }
  const attempt: Pick<
    Attempt,
    "started" | "status" | "answeredEarly" | "oversized" | "limits" | "evidence" | "idleMs"
  > = {
    started,
    status,
    answeredEarly,
    oversized,
    limits,
    idleMs: 8000,
    evidence: () => known
  }
  // The classifier reads no more of an attempt than this.
  const { cause: _, scope: _scope, ...fields } = classify(attempt as Attempt, error, host)
  return { ...fields }
}

const coded = (code: string, more: object = {}): Error =>
  Object.assign(new Error("text that nobody reads"), { code, ...more })
const onConnect = (code: string, address = "192.0.2.1") => coded(code, { syscall: "connect", address, port: 443 })
const reused = { reused: true, ageMs: 9000, idleMs: 8000, requestsServed: 4 }

describe("an error before the request was on a connection", () => {
  const started = false

  it.each(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "ESERVFAIL", "ENODATA"])("is DnsFailure: %s", (code) => {
    const evidence = { phase: "resolving" } as const
    const expected = { _tag: "DnsFailure", host, code }
    assert.deepStrictEqual(reasonOf(coded(code, { syscall: "getaddrinfo" }), { started, evidence }), expected)
    assert.deepStrictEqual(reasonOf(coded(code), { started, evidence }), expected)
  })

  it("is DnsFailure where the resolver gave no address, for which Node has no code", () => {
    const evidence = { phase: "resolving" } as const
    assert.deepInclude(reasonOf(new TypeError("undefined"), { started, evidence }), { _tag: "DnsFailure" })
  })

  it.each(["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EACCES", "EADDRNOTAVAIL"])(
    "is ConnectFailure with its address: %s",
    (code) => {
      const expected = { _tag: "ConnectFailure", host, code, addresses: [{ address: "192.0.2.1:443", code }] }
      assert.deepStrictEqual(reasonOf(onConnect(code), { started }), expected)
      // Through a dispatcher that is not watched, too.
      assert.deepStrictEqual(reasonOf(onConnect(code), { started, evidence: { _tag: "Unknown" } }), expected)
    }
  )

  it("is ConnectFailure with the code of the first address and each address's own", () => {
    const errors = [onConnect("ENETUNREACH", "2001:db8::1"), onConnect("ECONNREFUSED")]
    const error = Object.assign(new AggregateError(errors), { code: "ENETUNREACH" })
    assert.deepStrictEqual(reasonOf(error, { started }), {
      _tag: "ConnectFailure",
      host,
      code: "ENETUNREACH",
      addresses: [
        { address: "[2001:db8::1]:443", code: "ENETUNREACH" },
        { address: "192.0.2.1:443", code: "ECONNREFUSED" }
      ]
    })
  })

  it("is ConnectTimeout for our limit, and ConnectFailure for the system's own", () => {
    const ours = new Undici.errors.ConnectTimeoutError()
    assert.deepStrictEqual(reasonOf(ours, { started }), { _tag: "ConnectTimeout", host, limitMs: 3000 })
    const theirs = new Undici.errors.ConnectTimeoutError("Connect Timeout Error (timeout: 10000ms)")
    theirs.cause = new AggregateError([onConnect("ETIMEDOUT")])
    assert.deepInclude(reasonOf(theirs, { started }), { _tag: "ConnectFailure", code: "ETIMEDOUT" })
  })

  it.each([
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    "EPROTO"
  ])("is TlsFailure: %s", (code) => {
    const evidence = { phase: "securing" } as const
    const expected = { _tag: "TlsFailure", host, code }
    assert.deepStrictEqual(reasonOf(coded(code), { started, evidence }), expected)
    assert.deepStrictEqual(reasonOf(coded(code), { started, evidence: { _tag: "Unknown" } }), expected)
  })

  it("is TlsFailure with the facts of the certificate", () => {
    const cert = {
      subject: { CN: "other.example", O: "Other" },
      issuer: { CN: "CA" },
      valid_to: "Jan  1 00:00:00 2030 GMT"
    }
    const error = coded("ERR_TLS_CERT_ALTNAME_INVALID", { cert })
    assert.deepInclude(reasonOf(error, { started, evidence: { phase: "securing" } }), {
      certificate: { subject: "CN=other.example, O=Other", issuer: "CN=CA", validTo: "2030-01-01T00:00:00.000Z" }
    })
  })

  it("is TlsFailure where the peer cut the handshake", () => {
    assert.deepStrictEqual(reasonOf(coded("ECONNRESET"), { started, evidence: { phase: "securing" } }), {
      _tag: "TlsFailure",
      host,
      code: "ECONNRESET"
    })
  })

  it("is ConnectFailure where the peer reset the connect itself", () => {
    assert.deepInclude(reasonOf(coded("ECONNRESET"), { started }), { _tag: "ConnectFailure", code: "ECONNRESET" })
  })

  it("is StaleConnection where the connection it waited for was reset while idle", () => {
    assert.deepStrictEqual(reasonOf(coded("ECONNRESET"), { started, evidence: { phase: "queued" } }), {
      _tag: "StaleConnection",
      idleMs: 8000,
      how: "reset"
    })
  })

  it("is ConnectionLost where its pool was closed", () => {
    for (const error of [new Undici.errors.ClientClosedError(), new Undici.errors.ClientDestroyedError()]) {
      assert.deepStrictEqual(reasonOf(error, { started, evidence: { phase: "queued" } }), {
        _tag: "ConnectionLost",
        how: "unknown",
        during: "request"
      })
    }
  })
})

describe("an error on a connection", () => {
  it("is the limit that struck", () => {
    assert.deepStrictEqual(reasonOf(new Undici.errors.HeadersTimeoutError()), { _tag: "HeadersTimeout", limitMs: 4000 })
    assert.deepStrictEqual(reasonOf(new Undici.errors.BodyTimeoutError(), { status: 200 }), {
      _tag: "StreamStalled",
      limitMs: 5000,
      waitedFor: "bytes"
    })
  })

  it.each([
    ["UND_ERR_SOCKET", "peer-fin", "fin"],
    ["UND_ERR_SOCKET", "peer-reset", "reset"],
    ["UND_ERR_SOCKET", undefined, "fin"],
    ["ECONNRESET", undefined, "reset"],
    ["EPIPE", undefined, "reset"],
    ["ETIMEDOUT", "peer-reset", "reset"]
  ] as const)("is what the evidence says, or else what the error says: %s, %s", (code, closed, how) => {
    const evidence = closed === undefined ? {} : { closed }
    const error = coded(code)
    assert.deepStrictEqual(reasonOf(error, { evidence }), { _tag: "ConnectionLost", how, during: "request" })
    assert.deepStrictEqual(reasonOf(error, { evidence: { ...evidence, connection: reused } }), {
      _tag: "StaleConnection",
      how,
      idleMs: 8000
    })
    const responding = { ...evidence, connection: reused, bytesRead: 5, phase: "responding" } as const
    assert.deepStrictEqual(reasonOf(error, { evidence: responding }), { _tag: "ConnectionLost", how, during: "head" })
    assert.deepStrictEqual(reasonOf(error, { status: 200, evidence: responding }), {
      _tag: "ConnectionLost",
      how,
      during: "body"
    })
  })

  it("is no StaleConnection where we ended it ourselves", () => {
    const evidence = { closed: "local-abort", connection: reused } as const
    assert.deepStrictEqual(reasonOf(new Undici.errors.ClientDestroyedError(), { evidence }), {
      _tag: "ConnectionLost",
      how: "unknown",
      during: "request"
    })
  })

  it("is StaleConnection where the answer was not to this request", () => {
    const evidence = { closed: "local-abort", connection: reused, bytesRead: 90, phase: "responding" } as const
    assert.deepStrictEqual(reasonOf(new Error("ours"), { answeredEarly: true, evidence }), {
      _tag: "StaleConnection",
      how: "early-answer",
      idleMs: 8000
    })
  })

  it("is MalformedResponse where a whole answer was longer than is kept, with the size that is", () => {
    const evidence = { closed: "local-abort", bytesRead: 70_000_000, phase: "responding", status: 200 } as const
    assert.deepStrictEqual(reasonOf(new Error("ours"), { oversized: true, status: 200, evidence }), {
      _tag: "MalformedResponse",
      what: "size",
      detail: "more than 64 MiB in one answer"
    })
  })

  it("is MalformedResponse for framing that HTTP/1.1 does not allow", () => {
    const parser = new Undici.errors.HTTPParserError("Response does not match the HTTP/1.1 protocol (Invalid header)")
    assert.deepStrictEqual(reasonOf(parser), { _tag: "MalformedResponse", what: "http", detail: "Invalid header" })
    const lengths = new Undici.errors.ResponseContentLengthMismatchError()
    assert.deepInclude(reasonOf(lengths), { _tag: "MalformedResponse", what: "http" })
    const overflow = new Undici.errors.HeadersOverflowError()
    assert.deepInclude(reasonOf(overflow), { _tag: "MalformedResponse", what: "size" })
    for (const message of ["bad response", "bad upgrade"]) {
      assert.deepInclude(reasonOf(new Undici.errors.SocketError(message)), { _tag: "MalformedResponse", what: "http" })
    }
  })

  it("is ConnectionLost and not malformed where a body that said its length ended early", () => {
    const evidence = { closed: "peer-fin", bytesRead: 500, phase: "responding" } as const
    const eof = new Undici.errors.HTTPParserError("Response does not match the HTTP/1.1 protocol (Invalid EOF state)")
    const mismatch = new Undici.errors.ResponseContentLengthMismatchError()
    for (const error of [eof, mismatch]) {
      assert.deepStrictEqual(reasonOf(error, { status: 200, evidence }), {
        _tag: "ConnectionLost",
        how: "fin",
        during: "body"
      })
    }
  })

  it("repeats no text of the error, which may hold anything", () => {
    const secret = "sk-secret"
    const errors = [
      Object.assign(new Error(secret), { code: "ECONNREFUSED", syscall: "connect" }),
      new Undici.errors.HTTPParserError(secret),
      new Undici.errors.SocketError(`bad response ${secret}`),
      new Error(secret)
    ]
    for (const error of errors) {
      for (const started of [true, false]) assert.notInclude(JSON.stringify(reasonOf(error, { started })), secret)
    }
  })
})
