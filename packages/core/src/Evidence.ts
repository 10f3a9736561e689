/**
 * What is known of one attempt's fate on the wire.
 *
 * Evidence is observed, never inferred: a field that could not be observed is absent, and an attempt through a
 * dispatcher that is not instrumented is `Unknown`. Unknown never counts in favour of a replay.
 */
import * as Schema from "effect/Schema"

/**
 * How far an attempt got. Up to `securing` it had no connection that could carry it, so no byte of it left the process;
 * from `sending` on it may have arrived. `proxying`: a proxy has been asked for a way to the provider.
 */
export const Phase = Schema.Literals([
  "queued",
  "resolving",
  "connecting",
  "proxying",
  "securing",
  "sending",
  "waiting",
  "responding"
])

/** How far an attempt got. */
export type Phase = typeof Phase.Type

/**
 * Who ended the connection and how: the peer by FIN or by RST, one of our time limits, or an abort of our own
 * (interruption, a closed scope). What is ended by us on HTTP/2 is the attempt's stream; a stream that the peer resets on
 * a connection that lives on has none.
 */
export const Closed = Schema.Literals(["peer-fin", "peer-reset", "local-limit", "local-abort"])

/** Who ended the connection and how. */
export type Closed = typeof Closed.Type

/** The connection that carried the attempt. Times in milliseconds, as they were when the attempt started on it. */
export const Connection = Schema.Struct({
  reused: Schema.Boolean,
  ageMs: Schema.Finite,
  /** How long it had been idle; 0 on a fresh connection. */
  idleMs: Schema.Finite,
  /** Requests it had answered before this one. */
  requestsServed: Schema.Int
})

/** The connection that carried the attempt. */
export type Connection = typeof Connection.Type

/** An HTTP/2 peer's claim that it did not process the stream: RFC 9113 sections 8.7 and 6.8. */
export const Unprocessed = Schema.Literals(["refused-stream", "goaway"])

/** An HTTP/2 peer's claim that it did not process the stream. */
export type Unprocessed = typeof Unprocessed.Type

/** Evidence of an attempt through an instrumented dispatcher. */
export const Observed = Schema.TaggedStruct("Observed", {
  phase: Phase,
  /**
   * Bytes of *this* request handed to the connection: an upper bound of what the peer received. It proves nothing, not
   * even when it equals the request's size. On HTTP/2 those of the stream, its head counted as RFC 7541 section 4.1 counts
   * a header list, which is more than goes over the wire.
   */
  bytesWritten: Schema.Int,
  /** Bytes of *this* response that arrived; on HTTP/2 those of the stream, heads counted likewise. */
  bytesRead: Schema.Int,
  connection: Schema.optionalKey(Connection),
  closed: Schema.optionalKey(Closed),
  status: Schema.optionalKey(Schema.Int),
  /** The provider's own table names the status as "not run", and the answer had the provider's own shape. */
  notRun: Schema.optionalKey(Schema.Literal(true)),
  unprocessed: Schema.optionalKey(Unprocessed),
  /** A proxy is configured between us and the provider, so the peer that spoke need not be the provider. */
  proxied: Schema.optionalKey(Schema.Literal(true))
})

/** Evidence of an attempt through an instrumented dispatcher. */
export type Observed = typeof Observed.Type

/** An attempt through a dispatcher that is not instrumented. Only the answer itself, if any, is known. */
export const Unknown = Schema.TaggedStruct("Unknown", {
  status: Schema.optionalKey(Schema.Int),
  notRun: Schema.optionalKey(Schema.Literal(true))
})

/** An attempt through a dispatcher that is not instrumented. */
export type Unknown = typeof Unknown.Type

/** What is known of one attempt's fate on the wire. */
export const Evidence = Schema.Union([Observed, Unknown])

/** What is known of one attempt's fate on the wire. */
export type Evidence = typeof Evidence.Type

/** Evidence of an attempt of which nothing is known. */
export const unknown: Evidence = { _tag: "Unknown" }

/** Evidence of an attempt that never left the queue of its pool. */
export const unsent: Evidence = { _tag: "Observed", phase: "queued", bytesWritten: 0, bytesRead: 0 }

/** Whether the attempt started on a connection, so that the peer may have received it. Unknown counts as started. */
export const mayHaveArrived = (evidence: Evidence): boolean => {
  if (evidence._tag === "Unknown") return true
  switch (evidence.phase) {
    case "queued":
    case "resolving":
    case "connecting":
    case "proxying":
    case "securing":
      return false
    case "sending":
    case "waiting":
    case "responding":
      return true
  }
}

/** The evidence with the provider's own word that it did not run the request. */
export const asNotRun = (evidence: Evidence): Evidence => ({ ...evidence, notRun: true })
