/** How an attempt ends on a stream, if not with a whole answer. */
import * as Reason from "@holdfast/core/Reason"
import type { Attempt } from "../attempt.ts"
import { codeOf } from "../codeOf.ts"

/** What is known of a stream that was lost. */
export interface Lost {
  /** An error code of HTTP/2's, Node's or the system's. */
  readonly code: string
  readonly how: "fin" | "reset" | "unknown"
  /** The connection had been idle, and its close is what the request met. */
  readonly stale: boolean
  /** The peer broke the protocol: what of it. */
  readonly malformed?: string | undefined
}

/** A stream ended without a whole answer. */
export class StreamError extends Error {
  readonly code: string
  readonly lost: Lost

  constructor(lost: Lost, cause: unknown) {
    super(`the stream ended without a whole answer (${lost.code})`, { cause })
    this.code = lost.code
    this.lost = lost
  }
}

/** The reason of an attempt whose stream was lost. */
export const reasonOf = (attempt: Attempt, { lost }: StreamError): Reason.Reason => {
  const { how, malformed, stale } = lost
  if (malformed !== undefined) return new Reason.MalformedResponse({ what: "http", detail: malformed })
  if (attempt.status !== undefined) return new Reason.ConnectionLost({ how, during: "body" })
  const evidence = attempt.evidence()
  const began = evidence._tag === "Observed" && evidence.bytesRead > 0
  if (stale && !began && how !== "unknown") return new Reason.StaleConnection({ idleMs: attempt.idleMs, how })
  return new Reason.ConnectionLost({ how, during: began ? "head" : "request" })
}

// RFC 9113 section 7.
const names = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED"
]

/** The name of an error code, for people. */
export const nameOf = (code: number): string => names[code] ?? `code ${code}`

/** The connection ended, or broke the protocol, before it could carry a request. */
export const unusable = (cause: Error | undefined): Error => {
  const code = codeOf(cause) ?? "ERR_HTTP2_CLOSED"
  return Object.assign(new Error(`HTTP/2 did not begin (${code})`, { cause }), { code })
}
