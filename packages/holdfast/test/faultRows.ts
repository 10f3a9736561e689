/** The faults, and what a call that meets each must say of it. */
import { FaultScript } from "@holdfast/testing"
import type { Cell } from "./faultCell.ts"

/** What is said in a cell. */
export type Expected = (cell: Cell) => string

/** A fault in the table. `ran` is the server's word: whether the model runs the request that the fault strikes. */
export interface Row {
  readonly says: string
  readonly fault: FaultScript.Fault
  readonly expected: Expected
  readonly ran: boolean
}

const everywhere =
  (words: string): Expected =>
  () =>
    words

const answers = everywhere("answers")

/** Nothing of an answer came. */
const silent: Expected = ({ reused }) =>
  reused ? "StaleConnection Ambiguous stale-connection" : "ConnectionLost Ambiguous lost-before-answer"

/** An answer had begun; only a stream has given some of it to the app. */
const begun =
  (reason: string): Expected =>
  () =>
    `${reason} Ambiguous begun-not-exposed`

const exposed =
  (reason: string, whole = reason): Expected =>
  ({ stream }) =>
    stream ? `${reason} Unsafe exposed` : `${whole} Ambiguous begun-not-exposed`

/** A headers limit that is set holds for the head of a whole answer too. */
const beforeHead =
  (rule: string): Expected =>
  () =>
    `HeadersTimeout Ambiguous ${rule}`

const { afterEvents, afterHead, afterHeadBytes, afterRequest, afterRequestBytes, cut } = FaultScript

const closes = { fin: "FIN", "half-fin": "FIN, and runs what it still reads,", reset: "RST" } as const

const cuts: ReadonlyArray<Row> = (["fin", "half-fin", "reset"] as const).flatMap((how): ReadonlyArray<Row> => {
  const word = closes[how]
  const runsRest = how === "half-fin"
  return [
    { says: `${word} within the request`, fault: cut(how, afterRequestBytes(60)), expected: silent, ran: runsRest },
    { says: `${word} after the request`, fault: cut(how, afterRequest), expected: silent, ran: true },
    {
      says: `${word} in the status line`,
      fault: cut(how, afterHeadBytes(9)),
      expected: begun("ConnectionLost"),
      ran: true
    },
    { says: `${word} after the head`, fault: cut(how, afterHead), expected: begun("ConnectionLost"), ran: true },
    {
      says: `${word} after the first event, which is no content`,
      fault: cut(how, afterEvents(1)),
      expected: begun("ConnectionLost"),
      ran: true
    },
    {
      says: `${word} after content`,
      fault: cut(how, afterEvents(5)),
      expected: exposed("ConnectionLost"),
      ran: true
    },
    {
      says: `${word} after content, with "connection: close" announced`,
      fault: cut(how, afterEvents(5), { connectionClose: true }),
      expected: exposed("ConnectionLost"),
      ran: true
    },
    {
      says: `${word} after the provider's end marker, within HTTP's own framing`,
      fault: cut(how, afterEvents(40)),
      expected: answers,
      ran: true
    }
  ]
})

const stalls: ReadonlyArray<Row> = [
  {
    says: "silence within the request",
    fault: cut("stall", afterRequestBytes(60)),
    expected: beforeHead("lost-before-answer"),
    ran: false
  },
  {
    says: "silence after the request",
    fault: cut("stall", afterRequest),
    expected: beforeHead("lost-before-answer"),
    ran: true
  },
  {
    says: "silence in the status line",
    fault: cut("stall", afterHeadBytes(9)),
    expected: beforeHead("begun-not-exposed"),
    ran: true
  },
  {
    says: "silence after the head",
    fault: cut("stall", afterHead),
    expected: begun("StreamStalled"),
    ran: true
  },
  {
    says: "silence after content",
    fault: cut("stall", afterEvents(5)),
    expected: exposed("StreamStalled"),
    ran: true
  }
]

const framed: ReadonlyArray<Row> = [
  ...(
    ["bad-status-line", "bad-version", "bad-header", "bare-lf", "both-lengths", "two-lengths", "long-headers"] as const
  ).map((kind) => ({
    says: `wrong framing: ${kind}`,
    fault: FaultScript.framing(kind),
    expected: begun("MalformedResponse"),
    ran: true
  })),
  {
    says: "wrong framing: bad-chunk-size after content",
    fault: FaultScript.framing("bad-chunk-size", { afterEvents: 5 }),
    expected: exposed("MalformedResponse"),
    ran: true
  },
  ...(["no-length-then-close", "early-close-header", "http-1.0"] as const).flatMap((kind) =>
    (["fin", "reset"] as const).map((how) => ({
      says: `a body without a length, ended early: ${kind}, ${how}`,
      fault: FaultScript.framing(kind, { afterEvents: 5, how }),
      expected: how === "fin" ? exposed("StreamTruncated", "MalformedResponse") : exposed("ConnectionLost"),
      ran: true
    }))
  ),
  ...([100, 101] as const).map((status) => ({
    says: `an unsolicited ${status}`,
    fault: FaultScript.informational(status),
    expected: begun("MalformedResponse"),
    ran: true
  })),
  ...([102, 103] as const).map((status) => ({
    says: `${status} before the answer`,
    fault: FaultScript.informational(status),
    expected: answers,
    ran: true
  }))
]

/** What each provider says of itself in an error event. */
const inBand = ({ api }: Cell): string => (api === "anthropic" ? "Overloaded" : "ServerError")

const endings: ReadonlyArray<Row> = [
  ...[0, 1].map((events) => ({
    says: `a clean end without the end marker, after ${events} events`,
    fault: FaultScript.noEndMarker({ afterEvents: events }),
    expected: ({ stream }: Cell) => `${stream ? "StreamTruncated" : "MalformedResponse"} Ambiguous begun-not-exposed`,
    ran: true
  })),
  {
    says: "a clean end without the end marker, after all content",
    fault: FaultScript.noEndMarker(),
    expected: exposed("StreamTruncated", "MalformedResponse"),
    ran: true
  },
  ...[0, 1].map((events) => ({
    says: `an error event after ${events} events`,
    fault: FaultScript.inBandError(events),
    expected: (cell: Cell) => `${inBand(cell)} Ambiguous begun-not-exposed`,
    ran: true
  })),
  {
    says: "an error event after content",
    fault: FaultScript.inBandError(5),
    expected: (cell) => exposed(inBand(cell))(cell),
    ran: true
  },
  { says: "a slow drip", fault: FaultScript.drip(5), expected: answers, ran: true },
  { says: "an answer that closes its connection", fault: FaultScript.connectionClose, expected: answers, ran: true }
]

const refusals: ReadonlyArray<Row> = (
  [
    [400, "InvalidRequest"],
    [401, "AuthenticationFailed"],
    [404, "ModelNotFound"],
    [413, "InvalidRequest"],
    [429, "RateLimited"]
  ] as const
).flatMap(([status, reason]) => [
  {
    says: `${status} in the provider's own shape`,
    fault: FaultScript.status(status),
    expected: everywhere(`${reason} Safe refused-by-provider`),
    ran: false
  },
  ...(["html", "empty", "json-foreign"] as const).map((shape) => ({
    says: `${status} as ${shape}, from something in between that had passed the request on`,
    fault: FaultScript.status(status, { shape, ran: true }),
    expected: everywhere(`${reason} Ambiguous answered-with-error`),
    ran: true
  }))
])

const errors: ReadonlyArray<Row> = (
  [
    [500, "ServerError"],
    [502, "ServerError"],
    [503, "ServerError"],
    [504, "ServerError"],
    [529, "Overloaded"]
  ] as const
).flatMap(([status, reason]) =>
  (["provider", "html"] as const).map((shape) => ({
    says: `${status} as ${shape}, after the model ran`,
    fault: FaultScript.status(status, { shape, ran: true }),
    // OpenAI's own 503 says that it is overloaded.
    expected: ({ api }: Cell) => {
      const isOverload = api === "openai" && status === 503 && shape === "provider"
      return `${isOverload ? "Overloaded" : reason} Ambiguous answered-with-error`
    },
    ran: true
  }))
)

const requestTimeout: Row = {
  says: "408 to a request: on a reused connection it was meant for the idle time before",
  fault: FaultScript.status(408, { shape: "html" }),
  expected: ({ reused }) =>
    reused ? "StaleConnection Ambiguous begun-not-exposed" : "ServerError Ambiguous answered-with-error",
  ran: false
}

/** Every fault that strikes a request. */
export const rows: ReadonlyArray<Row> = [
  ...cuts,
  ...stalls,
  ...framed,
  ...endings,
  ...refusals,
  ...errors,
  requestTimeout
]
