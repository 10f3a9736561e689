/** What an HTTP/2 peer can do to one attempt, by a server that writes its frames by hand. */
import { assert, layer } from "@effect/vitest"
import type * as Evidence from "@holdfast/core/Evidence"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ask, failureOf, fetchText, transport } from "./support/harness.ts"
import type { Options, Peer } from "./support/rawHttp2.ts"
import { code, rawHttp2 } from "./support/rawHttp2.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

/** What the peer does with the request on a stream. */
type Deed = (peer: Peer, stream: number) => void

type How = "fin" | "reset"
type During = "request" | "head" | "body"

// Node 22 tells of an RST right after a request as of a FIN.
const resetAs: How = process.versions.node.startsWith("22.") ? "fin" : "reset"

interface Met {
  readonly reason: string
  readonly how?: How
  readonly during?: During
  readonly verdict: "ReplaySafe" | "ReplayAmbiguous"
  readonly evidence: Partial<Evidence.Observed>
  /** Fields that evidence must not have. */
  readonly without?: ReadonlyArray<keyof Evidence.Observed>
}

const lost = (during: During, how: How, evidence: Partial<Evidence.Observed>): Met => ({
  reason: "ConnectionLost",
  during,
  how,
  verdict: "ReplayAmbiguous",
  evidence,
  without: ["unprocessed"]
})

const waiting = { phase: "waiting", bytesRead: 0 } as const

const refused: Met = {
  reason: "ConnectionLost",
  during: "request",
  how: "reset",
  verdict: "ReplaySafe",
  evidence: { ...waiting, unprocessed: "refused-stream" },
  without: ["closed", "proxied"]
}

const disowned: Met = {
  reason: "ConnectionLost",
  during: "request",
  how: "fin",
  verdict: "ReplaySafe",
  evidence: { ...waiting, unprocessed: "goaway" }
}

const inBody = (how: How, evidence: Partial<Evidence.Observed> = {}): Met =>
  lost("body", how, { phase: "responding", status: 200, ...evidence })

/** Answers in part, and then does something in the same piece, or later. */
const partly =
  (then: Deed, headers: Readonly<Record<string, string>> = {}, later = false): Deed =>
  (peer, stream) => {
    const begin = () => {
      peer.head(stream, 200, headers)
      peer.data(stream, "abc")
    }
    if (later) {
      begin()
      setTimeout(() => then(peer, stream), 20)
    } else {
      peer.together(() => {
        begin()
        then(peer, stream)
      })
    }
  }

const rst =
  (of: number): Deed =>
  (peer, stream) =>
    peer.rst(stream, of)

const fin: Deed = (peer) => peer.fin()
const reset: Deed = (peer) => peer.reset()

const failures: ReadonlyArray<readonly [name: string, deed: Deed, met: Met]> = [
  ["REFUSED_STREAM", rst(code.refusedStream), refused],
  ...([code.protocolError, code.internalError, code.enhanceYourCalm, code.http11Required] as const).map(
    (of) => [`RST_STREAM ${of} before an answer`, rst(of), lost("request", "reset", waiting)] as const
  ),
  ["RST_STREAM NO_ERROR before an answer", rst(code.noError), lost("request", "reset", waiting)],
  ["RST_STREAM CANCEL before an answer", rst(code.cancel), lost("request", "reset", waiting)],
  ...[code.noError, code.cancel, code.internalError, code.refusedStream].flatMap((of) => [
    [`RST_STREAM ${of} in a body of no known length`, partly(rst(of)), inBody("reset")] as const,
    [`RST_STREAM ${of} in a body, later`, partly(rst(of), {}, true), inBody("reset")] as const,
    [
      `RST_STREAM ${of} in a body of a known length`,
      partly(rst(of), { "content-length": "10" }),
      inBody("reset")
    ] as const
  ]),
  [
    "an end sooner than content-length says",
    partly((peer, stream) => peer.data(stream, "", true), { "content-length": "10" }),
    inBody("reset")
  ],
  ["GOAWAY below our stream", (peer) => peer.goaway(0, code.noError), disowned],
  ["GOAWAY below our stream with an error", (peer) => peer.goaway(0, code.internalError), disowned],
  ["GOAWAY below our stream, calming", (peer) => peer.goaway(0, code.enhanceYourCalm), disowned],
  [
    "GOAWAY below our stream and FIN",
    (peer) => {
      peer.goaway(0, code.noError)
      peer.fin()
    },
    disowned
  ],
  [
    "a warning GOAWAY, then one below our stream",
    (peer) => {
      peer.goaway(2 ** 31 - 1, code.noError)
      setTimeout(() => peer.goaway(0, code.noError), 20)
    },
    disowned
  ],
  [
    "GOAWAY at our stream and FIN",
    (peer, stream) => {
      peer.goaway(stream, code.noError)
      peer.fin()
    },
    lost("request", "fin", { ...waiting, closed: "peer-fin" })
  ],
  [
    "GOAWAY at our stream with an error and FIN",
    (peer, stream) => {
      peer.goaway(stream, code.internalError)
      peer.fin()
    },
    lost("request", "fin", { ...waiting, closed: "peer-fin" })
  ],
  [
    "GOAWAY above our stream and RST",
    (peer, stream) => {
      peer.goaway(stream + 2, code.noError)
      setTimeout(() => peer.reset(), 20)
    },
    lost("request", "reset", { ...waiting, closed: "peer-reset" })
  ],
  ["GOAWAY below our stream in a body", partly((peer) => peer.goaway(0, code.noError), {}, true), inBody("fin")],
  ["FIN", fin, lost("request", "fin", { ...waiting, closed: "peer-fin" })],
  ["RST", reset, lost("request", resetAs, { ...waiting, closed: `peer-${resetAs}` })],
  ["FIN in a body", partly(fin, {}, true), inBody("fin", { closed: "peer-fin" })],
  ["RST in a body", partly(reset, {}, true), inBody("reset", { closed: "peer-reset" })],
  [
    "FIN after an announcement",
    (peer, stream) => {
      peer.head(stream, 103, { link: "x" })
      setTimeout(() => peer.fin(), 20)
    },
    lost("head", "fin", { phase: "responding", closed: "peer-fin" })
  ],
  [
    "a frame that is none",
    (peer) => peer.garbage(),
    { reason: "MalformedResponse", verdict: "ReplayAmbiguous", evidence: waiting, without: ["unprocessed"] }
  ],
  [
    "a frame that is none in a body",
    partly((peer) => peer.garbage(), {}, true),
    {
      reason: "MalformedResponse",
      verdict: "ReplayAmbiguous",
      evidence: { phase: "responding", status: 200 },
      without: ["unprocessed"]
    }
  ]
]

const successes: ReadonlyArray<readonly [name: string, deed: Deed]> = [
  ["an answer", (peer, stream) => peer.answer(stream)],
  [
    "a full answer and GOAWAY and FIN at once",
    (peer, stream) => {
      peer.together(() => {
        peer.answer(stream)
        peer.goaway(stream, code.noError)
      })
      peer.fin()
    }
  ],
  [
    "a full answer and GOAWAY with an error at once",
    (peer, stream) =>
      peer.together(() => {
        peer.answer(stream)
        peer.goaway(stream, code.internalError)
      })
  ],
  [
    "a full answer and GOAWAY below it at once",
    (peer, stream) =>
      peer.together(() => {
        peer.answer(stream)
        peer.goaway(0, code.noError)
      })
  ],
  [
    "a full answer and RST_STREAM NO_ERROR at once",
    (peer, stream) =>
      peer.together(() => {
        peer.answer(stream)
        peer.rst(stream, code.noError)
      })
  ],
  [
    "a full answer and a frame that is none",
    (peer, stream) =>
      peer.together(() => {
        peer.answer(stream)
        peer.garbage()
      })
  ],
  [
    "a full answer and RST",
    (peer, stream) => {
      peer.answer(stream)
      setImmediate(() => peer.reset())
    }
  ],
  [
    "GOAWAY above our stream, and then an answer",
    (peer, stream) => {
      peer.goaway(stream, code.noError)
      setTimeout(() => peer.answer(stream), 20)
    }
  ],
  [
    "announcements before the answer",
    (peer, stream) => {
      peer.head(stream, 103, { link: "x" })
      peer.head(stream, 100)
      peer.answer(stream)
    }
  ],
  [
    "trailers",
    (peer, stream) => {
      peer.head(stream, 200)
      peer.data(stream, "fine")
      peer.trailers(stream, { "x-checksum": "1" })
    }
  ]
]

const closes: ReadonlyArray<readonly [name: string, deed: Deed, how: How]> = [
  ["FIN", fin, "fin"],
  ["RST", reset, resetAs],
  ["GOAWAY below it", (peer) => peer.goaway(1, code.noError), "fin"]
]

const serve = (deed: Deed, options: Options = {}) =>
  rawHttp2((peer) => (peer.onRequest = (stream) => deed(peer, stream)), options)

it("an attempt over HTTP/2", (it) => {
  it.effect.each(failures)("ends as it should: %s", ([, deed, met]) =>
    Effect.gen(function* () {
      const server = yield* serve(deed)
      const call = failureOf(ask(server.origin, { streaming: true }))
      const failure = yield* Effect.provide(call, transport({ tls: { ca: server.ca }, http2: true }))
      const { reason } = failure
      assert.strictEqual(reason._tag, met.reason, JSON.stringify(failure.evidence))
      assert.strictEqual(failure._tag, met.verdict)
      if (met.how !== undefined && met.during !== undefined)
        assert.deepInclude(reason, { how: met.how, during: met.during })
      assert.deepInclude(failure.evidence, met.evidence)
      for (const field of met.without ?? []) assert.notProperty(failure.evidence, field)
      assert.strictEqual(server.received(), 1)
    })
  )

  it.effect.each(successes)("succeeds with %s", ([, deed]) =>
    Effect.gen(function* () {
      const server = yield* serve(deed)
      const { evidence, status, text } = yield* Effect.provide(
        fetchText(ask(server.origin)),
        transport({ tls: { ca: server.ca }, http2: true })
      )
      assert.deepStrictEqual([status, text], [200, "fine"])
      assert.strictEqual(evidence.phase, "responding")
      assert.notProperty(evidence, "closed")
      assert.strictEqual(server.received(), 1)
    })
  )

  it.effect("succeeds with an answer that comes before the request has been read", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2(
        (peer) =>
          (peer.onBegun = (stream) =>
            peer.together(() => {
              peer.head(stream, 413)
              peer.data(stream, "too long", true)
              peer.rst(stream, code.noError)
            })),
        { window: 10 }
      )
      const { status, text } = yield* Effect.provide(
        fetchText(ask(server.origin, { body: "x".repeat(100_000) })),
        transport({ tls: { ca: server.ca }, http2: true })
      )
      assert.deepStrictEqual([status, text], [413, "too long"])
      assert.isAtMost(server.peers[0]?.bytesOfBody ?? 0, 10)
    })
  )

  it.effect("stops sending once it is answered, where the peer does not ask it to", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => (peer.onBegun = (stream) => peer.answer(stream)), { window: 10 })
      const { text } = yield* Effect.provide(
        fetchText(ask(server.origin, { body: "x".repeat(100_000) })),
        transport({ tls: { ca: server.ca }, http2: true })
      )
      assert.strictEqual(text, "fine")
      yield* untilReset(server.peers, code.cancel)
    })
  )

  it.effect("is Ambiguous where a gateway refused it", () =>
    Effect.gen(function* () {
      const server = yield* serve(rst(code.refusedStream))
      const failure = yield* Effect.provide(
        failureOf(ask(server.origin)),
        transport({ tls: { ca: server.ca }, http2: true, behindGateway: true })
      )
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.evidence, { unprocessed: "refused-stream", proxied: true })
      assert.strictEqual(server.received(), 1)
    })
  )

  it.effect.each(closes)("is a stale close on a connection that had been waiting: %s", ([, deed, how]) =>
    Effect.gen(function* () {
      const server = yield* serve((peer, stream) => (stream === 1 ? peer.answer(stream) : deed(peer, stream)))
      const failure = yield* Effect.gen(function* () {
        yield* fetchText(ask(server.origin))
        return yield* failureOf(ask(server.origin))
      }).pipe(Effect.provide(transport({ tls: { ca: server.ca }, http2: true })))
      assert.strictEqual(failure.reason._tag, "StaleConnection")
      assert.deepInclude(failure.reason, { how })
      assert.deepInclude(failure.evidence, { bytesRead: 0 })
      assert.strictEqual(server.peers.length, 1)
      assert.strictEqual(server.received(), 2)
    })
  )

  it.effect("is not stale on such a connection where the peer said that it has the request", () =>
    Effect.gen(function* () {
      const server = yield* serve((peer, stream) => {
        if (stream === 1) return peer.answer(stream)
        peer.goaway(stream, code.noError)
        peer.fin()
      })
      const failure = yield* Effect.gen(function* () {
        yield* fetchText(ask(server.origin))
        return yield* failureOf(ask(server.origin))
      }).pipe(Effect.provide(transport({ tls: { ca: server.ca }, http2: true })))
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
    })
  )

  it.effect("ends each of many streams by what the peer said of it", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2((peer) => {
        peer.onRequest = (stream) => {
          if (peer.requests.size < 3) return
          peer.head(1, 200)
          peer.goaway(3, code.internalError)
          void stream
        }
      })
      const failures = yield* Effect.forEach([1, 3, 5], () => failureOf(ask(server.origin)), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(transport({ tls: { ca: server.ca }, http2: true })))
      const claims = failures.map(({ evidence }) => (evidence._tag === "Observed" ? evidence.unprocessed : "unknown"))
      assert.deepStrictEqual(claims, [undefined, undefined, "goaway"])
      assert.deepStrictEqual(
        failures.map(({ _tag }) => _tag),
        ["ReplayAmbiguous", "ReplayAmbiguous", "ReplaySafe"]
      )
      assert.strictEqual(server.received(), 3)
    })
  )

  it.effect("counts the bytes of its own stream", () =>
    Effect.gen(function* () {
      const server = yield* serve((peer, stream) => peer.answer(stream, "y".repeat(stream * 1000)))
      const bodies = ["a".repeat(100), "b".repeat(5000), "c".repeat(200)]
      const evidence = yield* Effect.forEach(
        bodies,
        (body) => Effect.map(fetchText(ask(server.origin, { body })), (answer) => answer.evidence),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(transport({ tls: { ca: server.ca }, http2: true })))
      for (const [index, { bytesRead, bytesWritten }] of evidence.entries()) {
        const sent = bodies[index]?.length ?? 0
        assert.isAtLeast(bytesWritten, sent)
        assert.isBelow(bytesWritten, sent + 1000)
        const read = (index * 2 + 1) * 1000
        assert.isAtLeast(bytesRead, read)
        assert.isBelow(bytesRead, read + 1000)
      }
    })
  )

  it.effect("counts of a body what the peer gave way for", () =>
    Effect.gen(function* () {
      const server = yield* rawHttp2(() => undefined, { window: 1000 })
      const failure = yield* Effect.provide(
        failureOf(
          ask(server.origin, {
            body: "x".repeat(1_000_000),
            streaming: true,
            limits: TimeLimits.resolve({ headers: "300 millis" })
          })
        ),
        transport({ tls: { ca: server.ca }, http2: true })
      )
      assert.strictEqual(failure.reason._tag, "HeadersTimeout")
      assert.deepInclude(failure.evidence, { phase: "sending", bytesRead: 0, closed: "local-limit" })
      assert.strictEqual(server.peers[0]?.bytesOfBody, 1000)
      yield* untilReset(server.peers, code.cancel)
    })
  )

  it.effect("is given up where nothing but announcements comes", () =>
    Effect.gen(function* () {
      const server = yield* serve((peer, stream) => {
        const announce = () => {
          if (peer.socket.destroyed || peer.resets.length > 0) return
          for (let nth = 0; nth < 10; nth++) peer.head(stream, 103, { link: "x".repeat(1000) })
          setTimeout(announce, 1)
        }
        announce()
      })
      const services = transport({ tls: { ca: server.ca }, http2: true })
      const failure = yield* Effect.provide(failureOf(ask(server.origin)), services)
      assert.deepInclude(failure.reason, {
        _tag: "MalformedResponse",
        what: "size",
        detail: "more than 64 KiB before an answer"
      })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      yield* untilReset(server.peers, code.cancel)
    })
  )

  it.effect("has no part in a head that is longer than may be", () =>
    Effect.gen(function* () {
      const server = yield* serve((peer, stream) => peer.head(stream, 200, { "x-long": "y".repeat(16_000) }, true))
      const huge = yield* serve((peer, stream) => peer.endlessHead(stream))
      const services = transport({ tls: { ca: server.ca }, http2: true })
      const answer = yield* Effect.provide(fetchText(ask(server.origin)), services)
      assert.strictEqual(answer.status, 200)
      const failure = yield* Effect.provide(failureOf(ask(huge.origin)), services)
      // Node says no more of it than that the stream was reset.
      assert.strictEqual(failure.reason._tag, "ConnectionLost")
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.isBelow(huge.peers[0]?.socket.bytesWritten ?? 0, 1024 ** 2)
      assert.strictEqual(huge.received(), 1)
    })
  )
})

const untilReset = (peers: ReadonlyArray<Peer>, of: number): Effect.Effect<void> =>
  Effect.suspend(() =>
    peers.some(({ resets }) => resets.some(([, was]) => was === of))
      ? Effect.void
      : Effect.andThen(Effect.sleep("5 millis"), untilReset(peers, of))
  )
