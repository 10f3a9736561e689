/** A body that comes as it is made goes as it comes: whole, in order, no faster than the peer takes it, and to no end of its own. */
import * as Net from "node:net"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Law } from "./law.ts"
import { bodyOf, fetchText, prepare, send, truthOf } from "./law.ts"

/** The body of a request as it stands on the wire, without its framing. */
const bodyIn = (text: string): string => {
  const end = text.indexOf("\r\n\r\n")
  const rest = text.slice(end + 4)
  return /\r\ntransfer-encoding: *chunked\r\n/i.test(text.slice(0, end + 2)) ? unchunked(rest) : rest
}

const unchunked = (text: string): string => {
  let body = ""
  let rest = text
  for (;;) {
    const line = rest.indexOf("\r\n")
    const size = Number.parseInt(rest.slice(0, line), 16)
    if (!(size > 0)) return body
    body += rest.slice(line + 2, line + 2 + size)
    rest = rest.slice(line + 2 + size + 2)
  }
}

/** A peer that accepts and never reads. */
const deaf = Effect.acquireRelease(
  Effect.callback<{ readonly origin: string; readonly close: () => void }>((resume) => {
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((socket) => {
      sockets.add(socket.pause().on("error", () => undefined))
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" ? address?.port : 0
      const close = () => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
      resume(Effect.succeed({ origin: `http://127.0.0.1:${port}`, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

// Far above what the buffers of two sockets take on a loopback; far below what would hurt.
const much = { chunk: 256 * 1024, chunks: 400 }

/** @see module documentation */
export const uploads: ReadonlyArray<Law> = [
  {
    says: "sends a body that comes in pieces whole and in order, and reads the answer",
    holds: Effect.gen(function* () {
      const text = bodyOf({}, "Grüße 🌊 ".repeat(2000))
      const bytes = new TextEncoder().encode(text)
      const starts = Array.from({ length: Math.ceil(bytes.length / 7001) }, (_, index) => index * 7001)
      const pieces = Stream.fromIterable(starts).pipe(
        Stream.tap((at) => (at % 3 === 0 ? Effect.sleep("2 millis") : Effect.void)),
        Stream.map((at) => bytes.slice(at, at + 7001))
      )
      const { body: _, ...bare } = yield* prepare([])
      assert.include(yield* fetchText({ ...bare, body: Stream.toAsyncIterable(pieces) }), '"end_turn"')
      const { requests } = yield* truthOf()
      assert.strictEqual(requests.length, 1)
      assert.strictEqual(Buffer.from(bodyIn(requests[0]?.text ?? ""), "latin1").toString("utf8"), text)
    })
  },
  {
    says: "asks a body for no more than the peer takes, and gives it up with the attempt",
    holds: Effect.gen(function* () {
      const { origin } = yield* deaf
      let asked = 0
      let givenUp = false
      const pieces = async function* () {
        try {
          for (; asked < much.chunks; asked++) yield new Uint8Array(much.chunk)
        } finally {
          givenUp = asked < much.chunks
        }
      }
      const { body: _, ...bare } = yield* prepare([])
      const request = { ...bare, url: `${origin}/v1/messages`, body: pieces() }
      const fiber = yield* Effect.forkScoped(Effect.scoped(send(request)))
      yield* Effect.sleep("400 millis")
      assert.isAbove(asked, 0)
      assert.isBelow(asked, much.chunks)
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("50 millis")
      assert.isTrue(givenUp)
    })
  }
]
