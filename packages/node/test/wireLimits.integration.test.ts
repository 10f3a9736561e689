/** Answers that do not begin: bounded in bytes and memory, whatever the peer sends. */
import type { Socket } from "node:net"
import { assert, layer } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as RequestHead from "@holdfast/core/RequestHead"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ask, failureOf, fetchText, transport } from "./support/harness.ts"
import { ok, rawServer } from "./support/rawServer.ts"

const it = layer(Layer.empty, { excludeTestServices: true })

const mebi = 1024 ** 2

/** Sends a text again and again, up to `most` bytes, as fast as it is taken; gives how much was. */
const flood = (socket: Socket, first: string, again: string, most: number): { bytes: number } => {
  const sent = { bytes: 0 }
  const chunk = Buffer.from(again.repeat(Math.ceil(65_536 / again.length)))
  const pump = () => {
    while (!socket.destroyed && sent.bytes < most) {
      sent.bytes += chunk.length
      if (!socket.write(chunk)) {
        socket.once("drain", pump)
        return
      }
    }
  }
  socket.write(first)
  pump()
  return sent
}

it("an answer that does not begin", (it) => {
  it.effect.each([
    ["headers", "HTTP/1.1 200 OK\r\n", "x-a: b\r\n", "16 KiB of headers"],
    ["one header line", "HTTP/1.1 200 OK\r\nx-a: ", "b", "16 KiB of headers"],
    ["one header name", "HTTP/1.1 200 OK\r\nx", "b", "16 KiB of headers"],
    ["a status line", "HTTP/1.1 200 ", "OK", "64 KiB before an answer"],
    ["announcements", "", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", "64 KiB before an answer"],
    ["empty lines", "", "\r\n", "64 KiB before an answer"]
  ] as const)("is MalformedResponse that names the bound: %s without end", ([, first, again, bound]) =>
    Effect.gen(function* () {
      const sent: Array<{ bytes: number }> = []
      const server = yield* rawServer((socket) =>
        socket.once("data", () => void sent.push(flood(socket, first, again, 100 * mebi)))
      )
      const before = process.memoryUsage().rss
      const failure = yield* failureOf(ask(server.origin))
      assert.deepInclude(failure.reason, { _tag: "MalformedResponse", what: "size", detail: `more than ${bound}` })
      assert.deepInclude(failure.evidence, { phase: "responding", closed: "local-abort" })
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      yield* server.allClosed
      // What was on its way in the kernel's buffers comes on top of what was read.
      assert.isBelow(sent[0]?.bytes ?? 0, 32 * mebi)
      assert.isBelow(process.memoryUsage().rss - before, 96 * mebi)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("is bounded for each request of a connection by itself", () =>
    Effect.gen(function* () {
      const hints = `HTTP/1.1 103 Early Hints\r\nlink: </${"a".repeat(1000)}>\r\n\r\n`.repeat(40)
      const server = yield* rawServer((socket) => socket.on("data", () => socket.write(hints + ok("x".repeat(50_000)))))
      for (const reused of [false, true, true]) {
        const { evidence, text } = yield* fetchText(ask(server.origin))
        assert.strictEqual(text.length, 50_000)
        assert.deepInclude(evidence.connection, { reused })
      }
      assert.strictEqual(server.sockets.length, 1)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )
})

it("a request whose headers are too long", (it) => {
  const small = "b".repeat(1000)
  it.effect.each([
    ["one of 100 MB", { "x-a": "b".repeat(100 * mebi) }, 100 * mebi + 3],
    ["many", Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, small])), 200 * 1003 + 290]
  ] as const)("is refused before anything is sent: %s", ([, headers]) =>
    Effect.gen(function* () {
      const server = yield* rawServer(() => undefined)
      const error = yield* Effect.flip(fetchText(ask(server.origin, { headers })))
      if (!isInvalidInput(error)) return assert.fail(String(error))
      assert.deepInclude(error.problems[0], {
        kind: "InvalidHeader",
        place: "headers",
        expected: `at most ${RequestHead.headersLimit} bytes in all`
      })
      assert.isBelow(error.message.length, 200)
      return assert.strictEqual(server.sockets.length, 0)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )

  it.effect("goes out while they are no longer than the bound", () =>
    Effect.gen(function* () {
      let read = 0
      const server = yield* rawServer((socket) =>
        socket.on("data", (data) => {
          read += data.length
          if (read > RequestHead.headersLimit) socket.write(ok())
        })
      )
      const { status } = yield* fetchText(
        ask(server.origin, { headers: { "x-a": "b".repeat(RequestHead.headersLimit - 3) } })
      )
      assert.strictEqual(status, 200)
    }).pipe(Effect.scoped, Effect.provide(transport()))
  )
})
