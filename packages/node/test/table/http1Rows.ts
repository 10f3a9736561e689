/**
 * HTTP/1.1: what may become of a request on a connection that stands, one row for each way that was measured.
 *
 * Of undici's API alone, and so without a row:
 * - fetch's wrapping of errors (`fetch failed`, `terminated`): the cause is what is classified;
 * - the live race of a close and a request within a millisecond: its ends are those of the rows on silent closes, and how
 *   often it happens is a measurement (`idleLimit` and the pool's turns of the event loop are there for it).
 */
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ask, failureOf } from "../support/harness.ts"
import type { Answers, Cell, Fails, Row } from "./row.ts"
import { cutShort, everywhere, ranOnce } from "./row.ts"
import type { Reply } from "./scenes.ts"
import { faulted, pieces, raw, scripted } from "./scenes.ts"

const { afterEvents, afterHead, afterHeadBytes, afterRequest, cut, framing, on, status } = FaultScript

/** The two ways in which a peer ends a connection. */
const ways = ["fin", "reset"] as const
type Way = (typeof ways)[number]
const word = { fin: "FIN", reset: "RST" } as const
const closed = { fin: "peer-fin", reset: "peer-reset" } as const

/** No byte of an answer. */
const silent =
  (how: Way) =>
  ({ reused }: Cell): Fails =>
    reused
      ? {
          reason: { _tag: "StaleConnection", how },
          judged: "Ambiguous stale-connection",
          phase: "waiting",
          closed: closed[how]
        }
      : {
          reason: { _tag: "ConnectionLost", how, during: "request" },
          judged: "Ambiguous lost-before-answer",
          phase: "waiting",
          closed: closed[how]
        }

const inHead = (how: Way): Fails => ({
  reason: { _tag: "ConnectionLost", how, during: "head" },
  judged: "Ambiguous begun-not-exposed",
  phase: "responding",
  closed: closed[how]
})

const inBody = (how: Way): Fails => ({
  reason: { _tag: "ConnectionLost", how, during: "body" },
  judged: "Ambiguous begun-not-exposed",
  phase: "responding",
  closed: closed[how],
  status: 200
})

const afterSome = (how: Way): Fails => ({ ...inBody(how), got: true })

const malformed: Fails = {
  reason: { _tag: "MalformedResponse", what: "http" },
  judged: "Ambiguous begun-not-exposed",
  phase: "responding",
  closed: "local-abort"
}

const whole: Answers = { status: 200, text: "whole", next: "reused" }
const wholeThenClosed: Answers = { ...whole, next: "fresh" }
/** HTTP takes it for complete: only the format of the answer can tell. */
const truncated: Answers = { status: 200, text: "cut", next: "fresh" }

const row = (says: string, fault: FaultScript.Fault, expected: Row["expected"], rest: Partial<Row> = {}): Row => ({
  says,
  scene: faulted(fault),
  starts: 1,
  expected,
  server: ranOnce,
  ...rest
})

const rawRow = (says: string, reply: Reply, expected: Row["expected"]): Row => ({
  says,
  scene: raw(reply),
  starts: 1,
  expected,
  server: ranOnce
})

const length = "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n"
const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"

const closes: ReadonlyArray<Row> = ways.flatMap((how): ReadonlyArray<Row> => [
  row(`full request, 0 bytes, ${word[how]}`, cut(how, afterRequest), silent(how)),
  row(`partial status line, ${word[how]}`, cut(how, afterHeadBytes(9)), inHead(how)),
  row(`partial headers, ${word[how]}`, cut(how, afterHeadBytes(40)), inHead(how)),
  row(`after headers, ${word[how]}`, cut(how, afterHead), inBody(how)),
  rawRow(`mid content-length, ${word[how]}`, { write: `${length}\r\nhalf of it`, ends: how }, afterSome(how)),
  rawRow(`mid chunk, ${word[how]}`, { write: `${chunked}\r\n20\r\nhalf of it`, ends: how }, afterSome(how)),
  rawRow(
    `chunked without terminator, ${word[how]}`,
    { write: `${chunked}\r\n4\r\nfine\r\n`, ends: how },
    afterSome(how)
  ),
  rawRow(
    `mid content-length + connection: close, ${word[how]}`,
    { write: `${length}connection: close\r\n\r\nhalf of it`, ends: how },
    afterSome(how)
  ),
  rawRow(
    `unterminated chunked + connection: close, ${word[how]}`,
    { write: `${chunked}connection: close\r\n\r\n4\r\nfine\r\n`, ends: how },
    afterSome(how)
  ),
  rawRow(
    `chunked with terminator, then ${word[how]}`,
    { write: `${chunked}\r\n4\r\nfine\r\n0\r\n\r\n`, ends: how },
    wholeThenClosed
  ),
  row(
    `no content-length and no transfer-encoding, then ${word[how]}`,
    framing("no-length-then-close", { afterEvents: 2, how }),
    how === "fin" ? truncated : afterSome(how)
  ),
  row(
    `connection: close and no length, then ${word[how]}`,
    framing("early-close-header", { afterEvents: 2, how }),
    how === "fin" ? truncated : afterSome(how)
  ),
  row(
    `HTTP/1.0 without a length, then ${word[how]}`,
    framing("http-1.0", { afterEvents: 2, how }),
    how === "fin" ? truncated : afterSome(how)
  )
])

const halfClosed = row(
  "full request, 0 bytes, FIN of a server that goes on reading",
  cut("half-fin", afterRequest),
  silent("fin")
)

const framings: ReadonlyArray<Row> = [
  ...(
    [
      ["bad status line", "bad-status-line"],
      ["bad version", "bad-version"],
      ["bad header", "bad-header"],
      ["bare LF", "bare-lf"],
      ["content-length and transfer-encoding", "both-lengths"],
      ["two content-lengths", "two-lengths"]
    ] as const
  ).map(([says, kind]) => row(says, framing(kind), malformed)),
  row("bad chunk size", framing("bad-chunk-size"), { ...malformed, status: 200, got: true }),
  row("40 KB headers", framing("long-headers"), { ...malformed, reason: { _tag: "MalformedResponse", what: "size" } }),
  row("unsolicited 100", FaultScript.informational(100), malformed),
  row("unsolicited 101", FaultScript.informational(101), malformed),
  row("103 before the answer", FaultScript.informational(103), whole),
  rawRow(
    "204 with a content-length",
    { write: "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\n", ends: "open" },
    // Whether content follows all the same cannot be known.
    { status: 204, text: "empty", next: "fresh" }
  ),
  rawRow(
    "extra bytes after the body",
    { write: "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine and more", ends: "open" },
    wholeThenClosed
  )
]

const long = "x".repeat(8 * 1024 * 1024)

const uploads: ReadonlyArray<Row> = [
  ...ways.map((how): Row => ({
    says: `server reads part, ${how === "fin" ? "closes" : "RST"}`,
    scene: raw({ write: "", ends: how, at: "head" }, { asked: () => ({ body: long }) }),
    starts: 1,
    expected: (cell) => ({ ...silent(how)(cell), phase: "sending" }),
    server: cutShort
  })),
  ...(["text", "stream"] as const).map((body): Row => ({
    says: `early 413 during upload of a ${body}`,
    scene: raw(
      { write: "HTTP/1.1 413 Content Too Large\r\ncontent-length: 4\r\n\r\nlong", ends: "open", at: "head" },
      { asked: () => ({ body: body === "text" ? long : pieces() }) }
    ),
    starts: 1,
    expected: { status: 413, text: "other", judged: "Ambiguous answered-with-error", next: "fresh" },
    server: cutShort
  }))
]

const limits = TimeLimits.resolve({ headers: "100 millis", liveness: "100 millis" })

const ours: ReadonlyArray<Row> = [
  {
    says: "headers timeout",
    scene: faulted(cut("stall", afterRequest), { asked: () => ({ limits }) }),
    cells: everywhere.filter(({ streaming }) => streaming),
    starts: 1,
    expected: {
      reason: { _tag: "HeadersTimeout", limitMs: 100 },
      judged: "Ambiguous lost-before-answer",
      phase: "waiting",
      closed: "local-limit"
    },
    server: ranOnce
  },
  {
    says: "body timeout",
    scene: faulted(cut("stall", afterEvents(2)), { asked: () => ({ limits }) }),
    starts: 1,
    expected: {
      reason: { _tag: "StreamStalled", limitMs: 100, waitedFor: "bytes" },
      judged: "Ambiguous begun-not-exposed",
      phase: "responding",
      closed: "local-limit",
      status: 200,
      got: true
    },
    server: ranOnce
  },
  {
    says: "agent.destroy(): the transport closes",
    scene: faulted(cut("stall", afterRequest), {
      attempt: ({ arrived, close, send }) =>
        Effect.gen(function* () {
          const going = yield* Effect.forkChild(send)
          yield* arrived
          yield* close
          return yield* Fiber.join(going)
        })
    }),
    starts: 1,
    expected: {
      reason: { _tag: "ConnectionLost", how: "unknown", during: "request" },
      judged: "Ambiguous lost-before-answer",
      phase: "waiting",
      closed: "local-abort"
    },
    server: ranOnce,
    last: true
  },
  {
    says: "abort: interruption",
    scene: faulted(cut("stall", afterRequest), {
      attempt: ({ arrived, send }) =>
        Effect.gen(function* () {
          const going = yield* Effect.forkChild(send)
          yield* arrived
          yield* Fiber.interrupt(going)
          return yield* Fiber.join(going)
        })
    }),
    starts: 1,
    expected: "interrupted",
    server: ranOnce
  },
  {
    says: "AbortSignal.timeout: the caller's signal",
    scene: faulted(cut("stall", afterRequest), { asked: () => ({ signal: AbortSignal.timeout(100) }) }),
    starts: 1,
    expected: "interrupted",
    server: ranOnce
  }
]

/** What fetch would send again, or hide. */
const statuses: ReadonlyArray<Row> = (
  [
    [421, "Safe misdirected"],
    [307, undefined],
    [407, "Ambiguous answered-with-error"]
  ] as const
).map(([code, judged]) =>
  row(
    `${code} is an answer, and nothing is sent again`,
    status(code, { headers: { location: "/elsewhere" } }),
    { status: code, text: "other", next: "reused", ...(judged === undefined ? undefined : { judged }) },
    { server: { complete: 1, ran: 0 } }
  )
)

const queued: Row = {
  says: "queued behind a dying one, connections: 1",
  scene: scripted((tag) => [on({ tag: `${tag}, dying` }, cut("fin", afterRequest))], {
    pool: { connections: 1 },
    attempt: ({ request, send }) =>
      Effect.gen(function* () {
        const dying = ask(new URL(request.url).origin, { tag: `${request.headers["x-fault-tag"] as string}, dying` })
        const [, answer] = yield* Effect.all([failureOf(dying), send], { concurrency: "unbounded" })
        return answer
      })
  }),
  starts: 1,
  expected: { ...whole, on: "fresh" },
  server: ranOnce
}

export const rows: ReadonlyArray<Row> = [...closes, halfClosed, ...framings, ...uploads, ...ours, ...statuses, queued]
