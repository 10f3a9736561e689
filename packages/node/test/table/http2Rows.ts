/**
 * HTTP/2: what a peer may do to a stream, one row for each way that was measured, by a server that writes its frames by
 * hand. Every row says that one attempt is one request at the peer: there is no replay behind our back to be vetoed.
 *
 * Without a row: GOAWAY and REFUSED_STREAM met a second time, since what would meet them is a new attempt.
 */
import { assert } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import { ask, fetchText } from "../support/harness.ts"
import { watchedProxy } from "../support/proxies.ts"
import type { Peer } from "../support/rawHttp2.ts"
import { code } from "../support/rawHttp2.ts"
import { afterBusyLoop, places } from "./afterBusyLoop.ts"
import type { Deed, How } from "./http2Scenes.ts"
import { idlePeer, over } from "./http2Scenes.ts"
import type { Answers, Cell, Fails, Judged, Row, Stage } from "./row.ts"
import { everywhere, nameOf, nothing, once, ranOnce, reused } from "./row.ts"

const row = (says: string, deed: Deed, expected: Row["expected"], how: How = {}): Row => ({
  says,
  scene: over(deed, how),
  starts: 1,
  expected,
  server: ranOnce
})

/** The stream of a client before another, if any. */
const below = (stream: number): number => Math.max(0, stream - 2)

/** The peer says that it did not process the stream. */
const disowned =
  (judged: Judged = "Safe unprocessed", rest: Partial<Fails> = {}) =>
  ({ reused }: Cell): Fails => ({
    reason: reused
      ? { _tag: "StaleConnection", how: "fin" }
      : { _tag: "ConnectionLost", how: "fin", during: "request" },
    judged,
    phase: "waiting",
    unprocessed: "goaway",
    ...rest
  })

const refused = (judged: Judged, rest: Partial<Fails> = {}): Fails => ({
  reason: { _tag: "ConnectionLost", how: "reset", during: "request" },
  judged,
  phase: "waiting",
  unprocessed: "refused-stream",
  next: "reused",
  ...rest
})

/** Nothing of an answer came. */
const lost = (how: "fin" | "reset", rest: Partial<Fails> = {}): Fails => ({
  reason: { _tag: "ConnectionLost", how, during: "request" },
  judged: "Ambiguous lost-before-answer",
  phase: "waiting",
  ...rest
})

/** Nothing of an answer came, and the connection ended. */
const silent =
  (how: "fin" | "reset") =>
  ({ reused }: Cell): Fails => ({
    reason: reused ? { _tag: "StaleConnection", how } : { _tag: "ConnectionLost", how, during: "request" },
    judged: reused ? "Ambiguous stale-connection" : "Ambiguous lost-before-answer",
    phase: "waiting",
    closed: how === "fin" ? "peer-fin" : "peer-reset"
  })

const inBody = (how: "fin" | "reset", rest: Partial<Fails> = {}): Fails => ({
  reason: { _tag: "ConnectionLost", how, during: "body" },
  judged: "Ambiguous begun-not-exposed",
  phase: "responding",
  status: 200,
  got: true,
  ...rest
})

const whole: Answers = { status: 200, text: "whole", next: "reused" }

const rst =
  (of: number): Deed =>
  (peer, stream) =>
    peer.rst(stream, of)

/** Half an answer, and a moment later something else. */
const partly =
  (then: Deed, headers: Readonly<Record<string, string>> = {}): Deed =>
  (peer, stream) => {
    peer.head(stream, 200, headers)
    peer.data(stream, "half")
    setTimeout(() => then(peer, stream), 20)
  }

const largest = 2 ** 31 - 1
const limits = TimeLimits.resolve({ headers: "150 millis", connect: "150 millis" })
const impatient = () => ({ limits })
const streaming: ReadonlyArray<Cell> = everywhere.filter(({ streaming }) => streaming)

const timeout: Fails = {
  reason: { _tag: "HeadersTimeout", limitMs: 150 },
  judged: "Ambiguous lost-before-answer",
  phase: "waiting",
  closed: "local-limit"
}

const goaways: ReadonlyArray<Row> = [
  ...[code.noError, code.internalError, code.enhanceYourCalm].map((of) =>
    row(
      `GOAWAY last<ours, code ${of}`,
      (peer, stream) => peer.goaway(below(stream), of),
      disowned("Safe unprocessed", of === code.noError ? {} : { closed: "peer-fin" })
    )
  ),
  row(
    "GOAWAY last=ours + FIN",
    (peer, stream) => {
      peer.goaway(stream, code.noError)
      peer.fin()
    },
    ({ reused }) =>
      lost("fin", {
        closed: "peer-fin",
        judged: reused ? "Ambiguous stale-connection" : "Ambiguous lost-before-answer"
      })
  ),
  row(
    "GOAWAY code 2, last=ours + FIN",
    (peer, stream) => {
      peer.goaway(stream, code.internalError)
      peer.fin()
    },
    ({ reused }) =>
      lost("fin", {
        closed: "peer-fin",
        judged: reused ? "Ambiguous stale-connection" : "Ambiguous lost-before-answer"
      })
  ),
  {
    ...row("GOAWAY last=max, then silent", (peer) => peer.goaway(largest, code.noError), timeout, { asked: impatient }),
    cells: streaming
  },
  row(
    "GOAWAY mid-body, last<ours",
    partly((peer, stream) => peer.goaway(below(stream), code.noError)),
    inBody("fin")
  ),
  row(
    "full response, then at once GOAWAY + FIN",
    (peer, stream) => {
      peer.together(() => {
        peer.answer(stream)
        peer.goaway(stream, code.noError)
      })
      peer.fin()
    },
    { ...whole, next: "fresh" }
  )
]

const resets: ReadonlyArray<Row> = [
  row("REFUSED_STREAM", rst(code.refusedStream), refused("Safe unprocessed")),
  row(
    "REFUSED_STREAM of a gateway, whose upstream had run it",
    rst(code.refusedStream),
    refused("Ambiguous unprocessed-behind-proxy", { proxied: true }),
    { pool: { behindGateway: true } }
  ),
  row(
    "GOAWAY last<ours of a gateway",
    (peer, stream) => peer.goaway(below(stream), code.noError),
    disowned("Ambiguous unprocessed-behind-proxy", { proxied: true }),
    { pool: { behindGateway: true } }
  ),
  {
    ...row(
      "REFUSED_STREAM through a proxy",
      rst(code.refusedStream),
      refused("Ambiguous unprocessed-behind-proxy", { proxied: true })
    ),
    scene: (cells) =>
      Effect.gen(function* () {
        const stage = yield* over(rst(code.refusedStream))(cells)
        const proxy = yield* watchedProxy(Number(new URL(stage.origin).port))
        return { ...stage, pool: { ...stage.pool, proxy: `http://127.0.0.1:${proxy.port}` } }
      })
  },
  ...[code.protocolError, code.internalError, code.enhanceYourCalm].map((of) =>
    row(`RST ${of}`, rst(of), lost("reset", { next: "reused" }))
  ),
  // The next request would be one over HTTP/1.1, of which this peer knows nothing.
  { ...row("RST 13", rst(code.http11Required), lost("reset", { next: "reused" })), last: true },
  ...[code.noError, code.cancel].flatMap((of) => [
    row(`RST ${of} before response`, rst(of), lost("reset", { next: "reused" })),
    row(`RST ${of} mid-body, no content-length`, partly(rst(of)), inBody("reset", { next: "reused" })),
    row(
      `RST ${of} mid-body, content-length`,
      partly(rst(of), { "content-length": "10" }),
      inBody("reset", { next: "reused" })
    )
  ]),
  ...[code.internalError, code.refusedStream].map((of) =>
    row(`RST ${of} mid-body`, partly(rst(of)), inBody("reset", { next: "reused" }))
  )
]

const malformed: Fails = {
  reason: { _tag: "MalformedResponse", what: "http" },
  judged: "Ambiguous lost-before-answer",
  phase: "waiting"
}

const connections: ReadonlyArray<Row> = [
  row("FIN after request", (peer) => peer.fin(), silent("fin")),
  row("RST after request", (peer) => peer.reset(), silent("reset")),
  row("bad frame", (peer) => peer.garbage(), malformed),
  {
    ...row(
      "no PING ack",
      () => undefined,
      { ...timeout, next: "reused" },
      { asked: impatient, options: { pongs: false } }
    ),
    cells: streaming
  }
]

/** Six requests at a peer whose connections carry two each, and who answers when all have come. */
const crowded: Row = {
  ...row("MAX_CONCURRENT=2, 6 requests", () => undefined, whole),
  cells: once,
  scene: (cells) =>
    Effect.gen(function* () {
      const held: Array<readonly [Peer, number]> = []
      const hold: Deed = (peer, stream) => {
        held.push([peer, stream])
        if (held.length === 6) for (const [peer, stream] of held) peer.answer(stream)
      }
      const others = [1, 2, 3, 4, 5].map((index) => ({
        cell: { streaming: false, reused: false },
        tag: `other ${index}`
      }))
      const stage = yield* over(hold, { options: { maxConcurrent: 2 } })([...cells, ...others])
      return {
        ...stage,
        attempt: ({ send }) =>
          Effect.gen(function* () {
            const asked = others.map(({ tag }) => fetchText(ask(stage.origin, { text: tag })))
            const [answer] = yield* Effect.all([send, ...asked], { concurrency: "unbounded" })
            assert.strictEqual(new Set(held.map(([peer]) => peer)).size, 3, "connections")
            return answer
          })
      } satisfies Stage
    })
}

const barred: Row = {
  ...row(
    "MAX_CONCURRENT=0",
    () => undefined,
    { reason: { _tag: "ConnectTimeout", limitMs: 150 }, judged: "Safe not-started", phase: "queued" },
    { options: { maxConcurrent: 0 }, asked: impatient }
  ),
  cells: once,
  starts: 0,
  server: nothing,
  last: true
}

/** A close that arrives while this process's event loop stands still, and the request from where it then goes on. */
const idle: ReadonlyArray<Row> = (["fin", "reset"] as const).flatMap((how) =>
  places.map((place): Row => ({
    says: `idle: ${how === "fin" ? "FIN" : "RST"} during a busy loop, then the request from ${place.says}`,
    scene: () =>
      Effect.map(
        Effect.promise(() => idlePeer(how)),
        ({ ca, port, received }): Stage => ({
          origin: `https://localhost:${port}`,
          pool: { tls: { ca }, http2: true },
          isWhole: (text) => text === "fine",
          seen: (tag) =>
            Effect.map(received(`${place.says}: ${tag}`), (complete) => ({
              requests: complete,
              complete,
              ran: complete,
              open: true
            })),
          asked: (cell) => ({ text: `${place.says}: ${nameOf(cell)}` }),
          attempt: afterBusyLoop(place)
        })
      ),
    cells: reused.filter(({ streaming }) => !streaming),
    starts: 1,
    expected: { ...whole, on: "fresh" },
    server: ranOnce
  }))
)

export const rows: ReadonlyArray<Row> = [...goaways, ...resets, ...connections, crowded, barred, ...idle]
