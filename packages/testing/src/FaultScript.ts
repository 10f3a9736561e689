/**
 * The script of a fault server endpoint: which request is answered wrongly, and how.
 *
 * A script is plain JSON data, an ordered list of rules; the first rule that matches a request decides, and a request that
 * no rule matches is answered normally. Rules count from the moment the script was set. A connection that was already open
 * then gets its number at its first request, so `connection: 1` is the first connection that is *used* under the script.
 */
import * as Schema from "effect/Schema"

const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const Millis = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 86_400_000 }))

/**
 * Where an answer is cut.
 *
 * - `Accept`: as soon as TCP has accepted the connection, before TLS and before any request. Its rule may match a connection only.
 * - `RequestBytes`: when `bytes` bytes of this request have been read; what arrived behind them is thrown away unread. A shorter
 *   request is cut when it is whole: received, but not run. A rule that matches a tag acts at the end of the head at the earliest.
 * - `Request`: after the whole request, before any byte of the response.
 * - `StatusLine`: after `bytes` bytes of the response head.
 * - `Headers`: after the whole response head.
 * - `Event`: after `index` SSE events. The body of a non-streaming answer counts as cut into as many equal slices as the
 *   streaming answer has events. Past the last event everything but the end of the chunked encoding has been sent.
 */
export const Point = Schema.TaggedUnion({
  Accept: {},
  RequestBytes: { bytes: Positive },
  Request: {},
  StatusLine: { bytes: Schema.Natural },
  Headers: {},
  Event: { index: Schema.Natural }
}).annotate({
  expected: "a point: { _tag } of Accept, RequestBytes, Request, StatusLine, Headers or Event"
})
/** @see {@link Point} */
export type Point = typeof Point.Type

/**
 * How the server ends a connection: `fin` closes both sides (FIN, later bytes are refused), `half-fin` sends FIN but goes on reading
 * and *runs* what still arrives, `reset` sends RST.
 */
export const CloseHow = Schema.Literals(["fin", "half-fin", "reset"])
/** @see {@link CloseHow} */
export type CloseHow = typeof CloseHow.Type

/** How an answer is cut: a {@link CloseHow}, or `stall`, which says nothing more and keeps the connection open. */
export const CutHow = Schema.Literals(["fin", "half-fin", "reset", "stall"])
/** @see {@link CutHow} */
export type CutHow = typeof CutHow.Type

/** How an idle connection is closed: a {@link CloseHow}, or an unsolicited complete `408` or `200` response and then FIN. */
export const IdleHow = Schema.Literals(["fin", "half-fin", "reset", "408", "200"])
/** @see {@link IdleHow} */
export type IdleHow = typeof IdleHow.Type

/** The fields of a provider's error object; what is absent gets the provider's usual value for the status. */
export const ErrorFields = Schema.Struct({
  type: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String)
})
/** @see {@link ErrorFields} */
export type ErrorFields = typeof ErrorFields.Type

/**
 * A response whose framing is broken. `bad-chunk-size` comes after `afterEvents` good chunks (1 unless told). The last three send a body
 * without any length, ended by the close: `early-close-header` announces it with `connection: close`, `http-1.0` by its version,
 * `no-length-then-close` not at all; they close with `how` (`fin` unless told) after `afterEvents` events (all unless told).
 */
export const FramingKind = Schema.Literals([
  "bad-status-line",
  "bad-version",
  "bad-header",
  "bad-chunk-size",
  "bare-lf",
  "both-lengths",
  "two-lengths",
  "long-headers",
  "no-length-then-close",
  "early-close-header",
  "http-1.0"
])
/** @see {@link FramingKind} */
export type FramingKind = typeof FramingKind.Type

/** What goes wrong. The README lists the faults with what each does to streaming and non-streaming answers. */
export const Fault = Schema.TaggedUnion({
  /** Ends the connection at a point. With `connectionClose` the response head announced `connection: close`. */
  Cut: { at: Point, how: CutHow, connectionClose: Schema.optionalKey(Schema.Boolean) },
  /** Answers normally and closes the connection when it has then been idle for `afterMs`; `keepAliveHint` is in seconds. */
  IdleClose: { afterMs: Millis, how: IdleHow, keepAliveHint: Schema.optionalKey(Schema.Natural) },
  /** Answers the whole request with a status. `ran` says whether the model ran all the same (default false); `connectionClose` also closes. */
  Status: {
    status: Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 })),
    shape: Schema.Literals(["provider", "html", "empty", "json-foreign"]),
    headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    error: Schema.optionalKey(ErrorFields),
    ran: Schema.optionalKey(Schema.Boolean),
    connectionClose: Schema.optionalKey(Schema.Boolean),
    /** The value of the `retry-after` header: seconds, or any text. */
    retryAfter: Schema.optionalKey(Schema.Union([Schema.Natural, Schema.String]))
  },
  /** A 200 that turns into the provider's error event after `afterEvents` events; not streaming: a 200 whose body is the error. */
  InBandError: {
    afterEvents: Schema.Natural,
    type: Schema.optionalKey(Schema.String),
    code: Schema.optionalKey(Schema.String),
    message: Schema.optionalKey(Schema.String)
  },
  /** A well framed end after `afterEvents` events, without the end marker (default: all but the marker; not streaming: half the body). */
  NoEndMarker: { afterEvents: Schema.optionalKey(Schema.Natural) },
  /** Waits `headDelayMs` before the head and `delayMs` before each event, each in a write of its own. */
  Drip: { delayMs: Millis, headDelayMs: Schema.optionalKey(Millis) },
  /** An informational response before the normal answer; 100 and 101 are unsolicited. */
  Informational: { status: Schema.Literals([100, 101, 102, 103]) },
  /** @see {@link FramingKind} */
  Framing: {
    kind: FramingKind,
    afterEvents: Schema.optionalKey(Schema.Natural),
    how: Schema.optionalKey(Schema.Literals(["fin", "reset"]))
  },
  /** A normal answer with `connection: close`, and the close. */
  ConnectionClose: {}
}).annotate({
  expected:
    "a fault: { _tag } of Cut, IdleClose, Status, InBandError, NoEndMarker, Drip, Informational, Framing or ConnectionClose"
})
/** @see {@link Fault} */
export type Fault = typeof Fault.Type
/** A fault of one kind. */
export type FaultOf<Tag extends Fault["_tag"]> = Extract<Fault, { readonly _tag: Tag }>

/**
 * Which requests a rule means; every given field has to agree. `connection` counts connections since the script was set, `request`
 * counts requests on that connection, `nth` counts requests on the endpoint, all from 1; `tag` is the request's `x-fault-tag` header.
 */
export const Match = Schema.Struct({
  connection: Schema.optionalKey(Positive),
  request: Schema.optionalKey(Positive),
  nth: Schema.optionalKey(Positive),
  tag: Schema.optionalKey(Schema.String)
})
/** @see {@link Match} */
export type Match = typeof Match.Type

/** A fault for the requests that match; `times` is how often it may strike (unless told: always). */
export const Rule = Schema.Struct({ match: Match, fault: Fault, times: Schema.optionalKey(Positive) }).check(
  Schema.makeFilter(({ fault, match }) =>
    isAtAccept(fault)
      ? (["request", "nth", "tag"] as const)
          .filter((key) => match[key] !== undefined)
          .map((key) => ({ path: ["match", key], issue: "Expected no such key: at Accept there is no request yet" }))
      : undefined
  )
)
/** @see {@link Rule} */
export type Rule = typeof Rule.Type

/** The rules of one endpoint, first match wins. */
export const Script = Schema.Array(Rule)
/** @see {@link Script} */
export type Script = typeof Script.Type

/** Whether a fault strikes before there is any request. */
export const isAtAccept = (fault: Fault): boolean => fault._tag === "Cut" && fault.at._tag === "Accept"

/**
 * A rule: these requests get that fault.
 *
 * @example
 * ```ts
 * import * as FaultScript from "@holdfast/testing/FaultScript"
 *
 * const script: FaultScript.Script = [
 *   FaultScript.on({ connection: 1, request: 2 }, FaultScript.cut("reset", FaultScript.afterRequest)),
 *   FaultScript.on({ tag: "slow" }, FaultScript.drip(20)),
 *   FaultScript.always(FaultScript.status(529), { times: 3 })
 * ]
 * script.length // => 3
 * ```
 */
export const on = (match: Match, fault: Fault, options?: { readonly times?: number }): Rule => ({
  match,
  fault,
  ...options
})

/** A rule for every request. */
export const always = (fault: Fault, options?: { readonly times?: number }): Rule => on({}, fault, options)

/** As soon as the connection is accepted. */
export const atAccept: Point = { _tag: "Accept" }
/** After the whole request, before any byte of the response. */
export const afterRequest: Point = { _tag: "Request" }
/** After the whole response head. */
export const afterHead: Point = { _tag: "Headers" }
/** After this many bytes of the request. */
export const afterRequestBytes = (bytes: number): Point => ({ _tag: "RequestBytes", bytes })
/** After this many bytes of the response head. */
export const afterHeadBytes = (bytes: number): Point => ({ _tag: "StatusLine", bytes })
/** After this many events of the answer. */
export const afterEvents = (index: number): Point => ({ _tag: "Event", index })

type Options<Tag extends Fault["_tag"], Given extends string> = Omit<FaultOf<Tag>, "_tag" | Given>

/** Ends the connection at a point. */
export const cut = (how: CutHow, at: Point, options?: Options<"Cut", "at" | "how">): Fault => ({
  _tag: "Cut",
  at,
  how,
  ...options
})
/** Closes the connection once it has been idle for `afterMs` after a normal answer. */
export const idleClose = (how: IdleHow, afterMs: number, options?: Options<"IdleClose", "how" | "afterMs">): Fault => ({
  _tag: "IdleClose",
  afterMs,
  how,
  ...options
})
/** Answers with a status, in the provider's own shape unless told otherwise. */
export const status = (status: number, options?: Partial<Options<"Status", "status">>): Fault => ({
  _tag: "Status",
  status,
  shape: "provider",
  ...options
})
/** An error event inside a 200. */
export const inBandError = (afterEvents: number, options?: Options<"InBandError", "afterEvents">): Fault => ({
  _tag: "InBandError",
  afterEvents,
  ...options
})
/** A clean end of the body without the provider's end marker. */
export const noEndMarker = (options?: Options<"NoEndMarker", never>): Fault => ({ _tag: "NoEndMarker", ...options })
/** Each event in a write of its own, `delayMs` apart. */
export const drip = (delayMs: number, options?: Options<"Drip", "delayMs">): Fault => ({
  _tag: "Drip",
  delayMs,
  ...options
})
/** An informational response before the answer. */
export const informational = (status: FaultOf<"Informational">["status"]): Fault => ({ _tag: "Informational", status })
/** A response whose framing is broken. */
export const framing = (kind: FramingKind, options?: Options<"Framing", "kind">): Fault => ({
  _tag: "Framing",
  kind,
  ...options
})
/** A normal answer with `connection: close`. */
export const connectionClose: Fault = { _tag: "ConnectionClose" }
