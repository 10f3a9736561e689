import { assert, layer } from "@effect/vitest"
import { isFailure } from "@holdfast/core/Failure"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import {
  ask,
  failureOf,
  fetchText,
  observed,
  prepare,
  send,
  transport,
  truthOf,
  untilTruth
} from "./support/harness.ts"
import { rawServer, until } from "./support/rawServer.ts"

const { afterEvents, afterHead, always, cut, framing, noEndMarker, on } = FaultScript

const servers = FaultServer.layer({ endpoints: { a: {} } })

/** Reads a body as it comes; gives what came, and the failure that ended it. */
const readBody = Effect.fnUntraced(function* (origin: string) {
  const response = yield* send(ask(origin, { streaming: true }))
  let text = ""
  const decoder = new TextDecoder()
  const error = yield* Effect.flip(
    Stream.runForEach(response.body, (chunk) =>
      Effect.sync(() => {
        text += decoder.decode(chunk, { stream: true })
      })
    )
  )
  if (!isFailure(error)) return yield* Effect.die(error)
  return { response, text, failure: error }
}, Effect.scoped)

layer(servers, { excludeTestServices: true })("the body of an answer", (it) => {
  it.effect.each([
    ["fin", "peer-fin", false],
    ["reset", "peer-reset", false],
    ["fin", "peer-fin", true],
    ["reset", "peer-reset", true]
  ] as const)(
    "gives what came, then fails with the evidence, where the peer ends it with %s",
    ([how, closed, connectionClose]) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut(how, afterEvents(2), { connectionClose }))])
        const { failure, response, text } = yield* readBody(origin)
        assert.strictEqual(response.status, 200)
        assert.strictEqual(text.split("\n\n").length - 1, 2)
        assert.deepInclude(failure.reason, {
          _tag: "ConnectionLost",
          during: "body",
          how: how === "fin" ? "fin" : "reset"
        })
        const { connections } = yield* truthOf()
        assert.deepInclude(failure.evidence, {
          phase: "responding",
          status: 200,
          closed,
          bytesRead: connections[0]?.bytesSent
        })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.deepStrictEqual(response.evidence(), failure.evidence)
      }).pipe(Effect.provide(transport()))
  )

  it.effect.each([
    ["fin", false],
    ["reset", false],
    ["fin", true],
    ["reset", true]
  ] as const)("fails a whole body that is shorter than its length: %s", ([how, connectionClose]) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut(how, afterEvents(1), { connectionClose }))])
      const failure = yield* failureOf(ask(origin))
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "body", how })
      assert.deepInclude(failure.evidence, { phase: "responding", status: 200 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each(["fin", "reset"] as const)("fails right after the head: %s", (how) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut(how, afterHead))])
      const { failure, text } = yield* readBody(origin)
      assert.strictEqual(text, "")
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "body", how })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("fails as malformed where a chunk has no size", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(framing("bad-chunk-size", { afterEvents: 2 }))])
      const { failure, text } = yield* readBody(origin)
      assert.strictEqual(text.split("\n\n").length - 1, 2)
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "http" })
      assert.deepInclude(failure.evidence, { phase: "responding", status: 200, closed: "local-abort" })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each([
    ["no-length-then-close", "reset"],
    ["early-close-header", "reset"],
    ["http-1.0", "reset"]
  ] as const)("fails where a reset comes in place of the close that ends it: %s, %s", ([kind, how]) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(framing(kind, { afterEvents: 2, how }))])
      const { failure, text } = yield* readBody(origin)
      assert.strictEqual(text.split("\n\n").length - 1, 2)
      assert.deepInclude(failure.reason, { _tag: "ConnectionLost", during: "body", how })
    }).pipe(Effect.provide(transport()))
  )

  it.effect.each([
    ["no-length-then-close", "fin"],
    ["early-close-header", "fin"],
    ["http-1.0", "fin"]
  ] as const)("ends well where only the close ends it, though it be cut: %s, %s", ([kind, how]) =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(framing(kind, { afterEvents: 2, how }))])
      const { status, text } = yield* fetchText(ask(origin, { streaming: true }))
      assert.strictEqual(status, 200)
      assert.strictEqual(text.split("\n\n").length - 1, 2)
      assert.notInclude(text, "message_stop")
    }).pipe(Effect.provide(transport()))
  )

  it.effect("ends well where the end marker is missing, which is the codec's to miss", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(noEndMarker())])
      const { text } = yield* fetchText(ask(origin, { streaming: true }))
      assert.notInclude(text, "message_stop")
    }).pipe(Effect.provide(transport()))
  )

  it.effect("keeps its error for who reads late", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("reset", afterEvents(1)))])
      const response = yield* send(ask(origin, { streaming: true }))
      yield* untilTruth(({ counts }) => counts.open === 0)
      yield* Effect.sleep("20 millis")
      const error = yield* Effect.flip(Stream.runDrain(response.body))
      assert.isTrue(isFailure(error))
      if (isFailure(error)) assert.deepInclude(error.reason, { _tag: "ConnectionLost", during: "body" })
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("fails as too long where it is wanted whole and does not end, and is ended on the wire", () =>
    Effect.gen(function* () {
      const piece = Buffer.alloc(1024 * 1024, 120)
      let given = 0
      const server = yield* rawServer((socket) => {
        const write = () => {
          do given += piece.byteLength
          while (socket.write(piece) && !socket.destroyed)
        }
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
          write()
        })
        socket.on("drain", write)
      })
      const failure = yield* failureOf(ask(server.origin))
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "size" })
      assert.include(failure.message, "more than 64 MiB")
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.deepInclude(failure.evidence, { phase: "responding", status: 200, closed: "local-abort" })
      const { bytesRead } = observed(failure.evidence)
      assert.isAbove(bytesRead, 64 * 1024 * 1024)
      assert.isBelow(bytesRead, 68 * 1024 * 1024)
      yield* server.allClosed
      // What it was given and had not read is in the kernel's buffers.
      assert.isBelow(given, 128 * 1024 * 1024)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("holds the socket back while nobody reads, and gives every byte in the end, however many", () =>
    Effect.gen(function* () {
      const total = 80 * 1024 * 1024
      const piece = Buffer.alloc(64 * 1024, 7)
      let sent = 0
      const server = yield* rawServer((socket) => {
        const write = () => {
          while (sent < total) {
            sent += piece.byteLength
            if (!socket.write(piece)) return
          }
          socket.end()
        }
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${total}\r\n\r\n`)
          write()
        })
        socket.on("drain", write)
      })
      const response = yield* send(ask(server.origin, { streaming: true }))
      const read = { bytes: 0, pauses: 0 }
      let whileWaiting = 0
      yield* Stream.runForEach(response.body, (chunk) =>
        Effect.gen(function* () {
          read.bytes += chunk.byteLength
          if (read.pauses > 0) return
          read.pauses++
          yield* Effect.sleep("200 millis")
          whileWaiting = sent
          yield* Effect.sleep("100 millis")
          assert.strictEqual(sent, whileWaiting)
        })
      )
      // What the kernel's buffers on both sides hold, and a little of ours.
      assert.isBelow(whileWaiting, total / 2)
      assert.strictEqual(read.bytes, total)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("does not take its reader's pause for a stall of the peer", () =>
    Effect.gen(function* () {
      const body = Buffer.alloc(4 * 1024 * 1024, 7)
      const server = yield* rawServer((socket) => {
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.byteLength}\r\n\r\n`)
          socket.write(body)
        })
      })
      const limits = TimeLimits.resolve({ liveness: "100 millis" })
      const response = yield* send(ask(server.origin, { streaming: true, limits }))
      let bytes = 0
      yield* Stream.runForEach(response.body, (chunk) => {
        const first = bytes === 0
        bytes += chunk.byteLength
        return first ? Effect.sleep("1500 millis") : Effect.void
      })
      assert.strictEqual(bytes, body.byteLength)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("lets the connection serve again where the little that is left is discarded", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([on({ nth: 1 }, FaultScript.drip(10))])
      yield* Effect.gen(function* () {
        const response = yield* send(ask(origin, { streaming: true }))
        yield* Stream.runHead(response.body)
        yield* response.discard
      }).pipe(Effect.scoped)
      yield* untilTruth(({ counts }) => counts.answeredFull === 1)
      const { evidence } = yield* fetchText(ask(origin))
      assert.deepInclude(evidence.connection, { reused: true, requestsServed: 1 })
      const { counts } = yield* truthOf()
      assert.deepInclude(counts, { connections: 1, requests: 2 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("ends an answer on the wire that goes on after it was discarded", () =>
    Effect.gen(function* () {
      let written = 0
      const server = yield* rawServer((socket) => {
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
          const ticker = setInterval(() => {
            written += 10_000
            socket.write(`2710\r\n${"x".repeat(10_000)}\r\n`)
          }, 5)
          socket.on("close", () => clearInterval(ticker))
        })
      })
      yield* Effect.scoped(Effect.flatMap(send(ask(server.origin, { streaming: true })), ({ discard }) => discard))
      yield* server.allClosed
      assert.isBelow(written, 200_000)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("ends an answer on the wire that falls silent after it was discarded", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", afterHead))])
      yield* Effect.scoped(Effect.flatMap(send(ask(origin, { streaming: true })), ({ discard }) => discard))
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.strictEqual(counts.closedByClient, 1)
    }).pipe(Effect.provide(transport()))
  )

  it.effect("ends on the wire where its scope closes and nobody read it", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(FaultScript.drip(200))])
      yield* Effect.scoped(send(ask(origin, { streaming: true })))
      const { counts } = yield* untilTruth(({ counts }) => counts.open === 0)
      assert.deepInclude(counts, { closedByClient: 1, answeredFull: 0 })
    }).pipe(Effect.provide(transport()))
  )

  it.effect("is UTF-8 text, whatever the cuts between its pieces", () =>
    Effect.gen(function* () {
      const text = "Gr\u00fc\u00dfe \u4e2d\u6587 \ud83d\ude00"
      const bytes = Buffer.from(text)
      const server = yield* rawServer((socket) => {
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.byteLength}\r\n\r\n`)
          const write = (index: number): void => {
            if (index < bytes.byteLength)
              socket.write(bytes.subarray(index, index + 1), () => setTimeout(write, 1, index + 1))
          }
          write(0)
        })
      })
      const reading = yield* Effect.forkChild(fetchText(ask(server.origin)))
      yield* until(() => server.sockets.length === 1)
      assert.strictEqual((yield* Fiber.join(reading)).text, text)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("has evidence while it is still coming", () =>
    Effect.gen(function* () {
      const { origin } = yield* prepare([always(cut("stall", afterEvents(2)))])
      const response = yield* send(ask(origin, { streaming: true }))
      const { connections } = yield* untilTruth(({ connections }) => (connections[0]?.bytesSent ?? 0) > 400)
      yield* until(() => observed(response.evidence()).bytesRead === connections[0]?.bytesSent)
      assert.deepInclude(response.evidence(), { phase: "responding", status: 200 })
      assert.notProperty(response.evidence(), "closed")
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )
})
