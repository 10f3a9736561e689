/**
 * The one place where undici's and Node's errors become reasons.
 *
 * Each row was measured on real sockets (undici 8.12, Node 22 to 26); the integration tests of this package hold one
 * case for each. What an attempt's error *means for a replay* is not decided here: that is the verdict's, from evidence.
 */
import type * as Evidence from "@holdfast/core/Evidence"
import * as Reason from "@holdfast/core/Reason"
import * as Predicate from "effect/Predicate"
import type { Attempt } from "./attempt.ts"
import type { Tried } from "./connecting.ts"
import { wholeLimit } from "./attempt.ts"
import { codeOf } from "./codeOf.ts"
import { headBytes, PrefaceOverflow, prefaceBytes } from "./headLimit.ts"
import { reasonOf, StreamError } from "./http2/failure.ts"
import { ProxyError } from "./proxy/failure.ts"
import { hostAndPort } from "./proxy/proxy.ts"
import { certificateOf, isTlsCode } from "./tls/certificate.ts"

/** The reason of a broken attempt. */
export const classify = (attempt: Attempt, error: Error, host: string): Reason.Reason => {
  const evidence = attempt.evidence()
  const code = named(error)
  if (attempt.limit !== undefined) return attempt.limit
  if (error instanceof ProxyError) return error.reason
  if (!attempt.started) return unstarted(attempt, evidence, error, code, host)
  if (attempt.answeredEarly) {
    return new Reason.StaleConnection({ idleMs: attempt.idleMs, how: "early-answer" })
  }
  if (attempt.oversized) {
    return tooLong(`more than ${wholeLimit / 1024 ** 2} MiB in one answer`)
  }
  if (error instanceof PrefaceOverflow) return tooLong(`more than ${prefaceBytes / 1024} KiB before an answer`)
  if (error instanceof StreamError) return reasonOf(attempt, error)
  // With TLS 1.3 our side of the handshake is over before the peer has looked at our certificate (RFC 8446 section 2).
  if (attempt.alert !== undefined && facts(evidence).bytesRead === 0) {
    return new Reason.TlsFailure({ host, code: attempt.alert })
  }
  switch (code) {
    case "UND_ERR_HEADERS_TIMEOUT":
      return new Reason.HeadersTimeout({ limitMs: attempt.limits.headersMs })
    case "UND_ERR_BODY_TIMEOUT":
      return new Reason.StreamStalled({ limitMs: attempt.limits.livenessMs, waitedFor: "bytes" })
    case "UND_ERR_HEADERS_OVERFLOW":
      return tooLong(`more than ${headBytes / 1024} KiB of headers`)
    case "UND_ERR_RES_EXCEEDED_MAX_SIZE":
      return tooLong("more than may be read")
    default:
      break
  }
  if (isMalformed(error, code, attempt.status)) {
    return new Reason.MalformedResponse({ what: "http", detail: httpDetail(error, code) })
  }
  const how = howClosed(evidence, code)
  if (attempt.status !== undefined) return new Reason.ConnectionLost({ how, during: "body" })
  const { bytesRead, reused } = facts(evidence)
  if (bytesRead > 0) return new Reason.ConnectionLost({ how, during: "head" })
  return reused && how !== "unknown"
    ? new Reason.StaleConnection({ idleMs: attempt.idleMs, how })
    : new Reason.ConnectionLost({ how, during: "request" })
}

const tooLong = (detail: string) => new Reason.MalformedResponse({ what: "size", detail })

/** An error's code, or its name where it has none. */
const named = (error: Error): string => codeOf(error) ?? error.name

/** Nothing was put on a connection: look-up, connecting, TLS, or a pooled connection that died while it was waited for. */
const unstarted = (
  attempt: Attempt,
  evidence: Evidence.Evidence,
  error: Error,
  code: string,
  host: string
): Reason.Reason => {
  const phase = evidence._tag === "Observed" ? evidence.phase : "queued"
  if (code === "UND_ERR_CONNECT_TIMEOUT") {
    if (error.cause instanceof AggregateError) {
      // Every address failed, one because its own time was over, and all before the limit.
      return new Reason.ConnectFailure({ host, code: "ETIMEDOUT", addresses: addressesOf(attempt, error.cause) })
    }
    const addresses = attempt.connecting?.tried ?? []
    return new Reason.ConnectTimeout({
      host,
      limitMs: attempt.limits.connectMs,
      ...(addresses.length === 0 ? undefined : { addresses }),
      ...silentProxy(attempt, phase)
    })
  }
  // After TLS and before the peer's settings, without which nothing is sent.
  if (code.startsWith("ERR_HTTP2_")) return new Reason.ConnectFailure({ host, code, addresses: [] })
  if (isTlsCode(code) || phase === "securing") {
    const certificate = certificateOf(error, code, attempt.connecting?.certificate)
    return new Reason.TlsFailure({ host, code, ...(certificate === undefined ? undefined : { certificate }) })
  }
  if (isLookup(error, code)) return new Reason.DnsFailure({ host, code: code === "TypeError" ? "ENODATA" : code })
  if (phase === "queued" && !isConnect(error)) {
    return code === "ECONNRESET"
      ? new Reason.StaleConnection({ idleMs: attempt.idleMs, how: "reset" })
      : new Reason.ConnectionLost({ how: "unknown", during: "request" })
  }
  return new Reason.ConnectFailure({ host, code, addresses: addressesOf(attempt, error) })
}

/** Until TLS with the provider began, it was the proxy that was waited for. */
const silentProxy = ({ connecting }: Attempt, phase: Evidence.Phase) =>
  connecting?.proxy === undefined || phase === "securing" ? undefined : { proxy: connecting.proxy }

const facts = (evidence: Evidence.Evidence) =>
  evidence._tag === "Observed"
    ? { bytesRead: evidence.bytesRead, reused: evidence.connection?.reused === true }
    : { bytesRead: 0, reused: false }

const howClosed = (evidence: Evidence.Evidence, code: string): "fin" | "reset" | "unknown" => {
  if (evidence._tag === "Observed" && evidence.closed === "peer-fin") return "fin"
  if (evidence._tag === "Observed" && evidence.closed === "peer-reset") return "reset"
  switch (code) {
    case "UND_ERR_SOCKET":
      return "fin"
    case "ECONNRESET":
    case "EPIPE":
      return "reset"
    default:
      return "unknown"
  }
}

/**
 * Framing that HTTP/1.1 does not allow. An end of the connection within a body that says how long it is comes in the
 * same classes where the peer sent `connection: close`; that is a lost connection, not a malformed answer.
 */
const isMalformed = (error: Error, code: string, status: number | undefined): boolean => {
  if (error.name === "HTTPParserError") return status === undefined || !/EOF/.test(error.message)
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return status === undefined
  return code === "UND_ERR_SOCKET" && /^bad (response|upgrade)/.test(error.message)
}

const httpDetail = (error: Error, code: string): string =>
  error.name === "HTTPParserError" ? (/\(([^)]*)\)/.exec(error.message)?.[1] ?? "not HTTP/1.1") : code

/** What getaddrinfo fails with; an empty answer is a TypeError without a code. */
const isLookup = (error: Error, code: string): boolean =>
  (Predicate.hasProperty(error, "syscall") && error.syscall === "getaddrinfo") ||
  /^(ENOTFOUND|EAI_|ESERVFAIL|ENODATA|EREFUSED$)/.test(code) ||
  code === "TypeError"

/** A connect that failed; the phase is not known where the dispatcher is not instrumented. */
const isConnect = (error: Error): boolean =>
  error instanceof AggregateError || (Predicate.hasProperty(error, "syscall") && error.syscall === "connect")

/** As events of the connection in the making told, or, where there were none, as the error does. */
const addressesOf = ({ connecting }: Attempt, error: Error): ReadonlyArray<Tried> => {
  const tried = connecting?.tried ?? []
  if (tried.length > 0) return tried
  const each = error instanceof AggregateError ? error.errors : [error]
  return each.flatMap((one: unknown) =>
    Predicate.hasProperty(one, "address") && Predicate.isString(one.address) && one instanceof Error
      ? [{ address: withPort(one.address, one), code: named(one) }]
      : []
  )
}

const withPort = (address: string, error: Error): string =>
  Predicate.hasProperty(error, "port") && Predicate.isNumber(error.port) ? hostAndPort(address, error.port) : address
