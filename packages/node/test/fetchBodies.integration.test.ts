/** Bodies that stream through `fetch`, aborts in every phase, and what becomes of answers that nobody reads. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fetch from "../src/Fetch.ts"
import { deafServer } from "./support/deafServer.ts"
import { ok, rawServer, until } from "./support/rawServer.ts"

const make = (options: Partial<Fetch.MakeOptions> = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => Fetch.make({ provider: "mine", drain: "100 millis", ...options })),
    (made) => Effect.promise(() => made.close())
  )

const errorOf = (promise: Promise<unknown>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    promise.then(
      () => assert.fail("no error"),
      (error: unknown) => error
    )
  )

/** Waits until a count has stopped growing. */
const settled = (count: () => number): Effect.Effect<number> =>
  Effect.suspend(() => {
    const before = count()
    return Effect.delay(
      Effect.suspend(() => (before > 0 && count() === before ? Effect.succeed(before) : settled(count))),
      "150 millis"
    )
  })

const kilobytes64 = Buffer.alloc(64 * 1024)
// Far more than what sockets and streams hold between them.
const many = 1600

const upload = (body: unknown): RequestInit => ({ method: "POST", body, duplex: "half" }) as RequestInit

describe("a body that is sent as it is made", () => {
  it.live("goes out chunk by chunk, and no faster than it is taken", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { origin, sockets } = yield* rawServer((socket) => socket.pause())
      let made = 0
      async function* chunks() {
        for (made = 0; made < many; made++) yield kilobytes64
      }
      const answer = fetch(origin, upload(chunks()))
      const ahead = yield* settled(() => made)
      assert.isBelow(ahead, many)
      let read = 0
      for (const socket of sockets) {
        socket.on("data", (data) => {
          read += data.byteLength
          if (data.subarray(-5).toString() === "0\r\n\r\n") socket.write(ok("got it"))
        })
        socket.resume()
      }
      assert.strictEqual(yield* Effect.promise(() => answer.then((each) => each.text())), "got it")
      assert.strictEqual(made, many)
      assert.isAbove(read, many * kilobytes64.byteLength)
    }).pipe(Effect.scoped)
  )

  it.live("reaches the server before its next chunk is made", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      let received = ""
      const { origin } = yield* rawServer((socket) =>
        socket.on("data", (data) => {
          received += data.toString()
          if (received.endsWith("0\r\n\r\n")) socket.write(ok())
        })
      )
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(Buffer.from("first"))
          await Effect.runPromise(until(() => received.includes("first")))
          controller.enqueue(Buffer.from("second"))
          controller.close()
        }
      })
      assert.strictEqual((yield* Effect.promise(() => fetch(origin, upload(body)))).status, 200)
      assert.include(received, "second")
    }).pipe(Effect.scoped)
  )

  it.live("fails the call with its own error when it fails, as Node's own fetch does", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { allClosed, origin } = yield* rawServer((socket) => socket.resume())
      const mine = new Error("mine")
      async function* chunks() {
        yield Buffer.from("x")
        throw mine
      }
      for (const each of [fetch, globalThis.fetch]) {
        const error = yield* errorOf(each(origin, upload(chunks())))
        assert.instanceOf(error, TypeError)
        assert.strictEqual(error.cause, mine)
      }
      yield* allClosed
    }).pipe(Effect.scoped)
  )

  it.live("is refused where a chunk is no bytes", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { allClosed, origin } = yield* rawServer((socket) => socket.resume())
      const body = new ReadableStream({
        start: (controller) => {
          controller.enqueue(7)
          controller.close()
        }
      })
      const error = yield* errorOf(fetch(origin, upload(body)))
      assert.instanceOf(error, TypeError)
      assert.instanceOf(error.cause, TypeError)
      yield* allClosed
    }).pipe(Effect.scoped)
  )

  it.live("is ended when its call is aborted", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { accepted, allClosed, origin } = yield* rawServer((socket) => socket.resume())
      const controller = new AbortController()
      let left = false
      const body = new ReadableStream<Uint8Array>({
        start: (stream) => stream.enqueue(Buffer.from("x")),
        cancel: () => {
          left = true
        }
      })
      const answer = fetch(origin, { ...upload(body), signal: controller.signal })
      yield* accepted(1)
      controller.abort()
      yield* errorOf(answer)
      yield* until(() => left)
      yield* allClosed
    }).pipe(Effect.scoped)
  )
})

describe("an answer", () => {
  it.live("is taken no faster than it is read, and whole in the end", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      let written = 0
      const { origin } = yield* rawServer((socket) => {
        const write = () => {
          while (written < many) {
            written += 1
            if (!socket.write(kilobytes64)) return socket.once("drain", write)
          }
          return undefined
        }
        socket.once("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${many * kilobytes64.byteLength}\r\n\r\n`)
          write()
        })
      })
      const answer = yield* Effect.promise(() => fetch(origin))
      assert.isBelow(yield* settled(() => written), many)
      const body = yield* Effect.promise(() => answer.arrayBuffer())
      assert.strictEqual(body.byteLength, many * kilobytes64.byteLength)
    }).pipe(Effect.scoped)
  )

  it.live("gives its chunks as plain bytes, as they come", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { origin, sockets } = yield* rawServer((socket) =>
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n"))
      )
      const answer = yield* Effect.promise(() => fetch(origin))
      const reader = answer.body?.getReader() ?? assert.fail("no body")
      const first = yield* Effect.promise(() => reader.read())
      assert.strictEqual(first.value?.constructor, Uint8Array)
      assert.strictEqual(new TextDecoder().decode(first.value), "one")
      for (const socket of sockets) socket.write("3\r\ntwo\r\n0\r\n\r\n")
      const second = yield* Effect.promise(() => reader.read())
      assert.strictEqual(new TextDecoder().decode(second.value), "two")
      assert.isTrue((yield* Effect.promise(() => reader.read())).done)
    }).pipe(Effect.scoped)
  )

  it.live("keeps its connection when the little that is left of it is let go, and ends one that goes on", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { allClosed, origin, sockets } = yield* rawServer((socket) =>
        socket.on("data", (data) => {
          if (data.includes("/short")) socket.write(ok("x".repeat(1000)))
          else if (data.includes("/endless")) {
            socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
          } else socket.write(ok())
        })
      )
      const cancel = (path: string) =>
        Effect.promise(() => fetch(origin + path).then((answer) => answer.body?.cancel(new Error("enough"))))
      yield* cancel("/short")
      yield* Effect.promise(() => fetch(origin).then((answer) => answer.text()))
      assert.strictEqual(sockets.length, 1)
      yield* cancel("/endless")
      yield* allClosed
      // A read that is waited for does not hold it.
      const reader = (yield* Effect.promise(() => fetch(`${origin}/endless`))).body?.getReader()
      yield* Effect.promise(() => reader?.read() ?? Promise.reject(new Error("no body")))
      const next = reader?.read()
      yield* Effect.promise(() => reader?.cancel() ?? Promise.reject(new Error("no body")))
      assert.isTrue((yield* Effect.promise(() => next ?? Promise.reject(new Error("no body")))).done)
      yield* allClosed
    }).pipe(Effect.scoped)
  )

  it.live("is ended on the wire when nobody can read it any more", () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      const gc: () => void = runInNewContext("gc")
      const { fetch } = yield* make()
      const { accepted, origin, sockets } = yield* rawServer((socket) =>
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n"))
      )
      const kept = yield* Effect.promise(() => fetch(`${origin}/kept`).then((answer) => answer.body))
      yield* Effect.promise(() => fetch(`${origin}/dropped`).then((answer) => answer.status))
      yield* accepted(2)
      yield* until(() => {
        gc()
        return sockets[1]?.destroyed === true
      })
      // The other has lost its Response, but not its body.
      assert.isFalse(sockets[0]?.destroyed)
      const read = yield* Effect.promise(() => kept?.getReader().read() ?? Promise.reject(new Error("no body")))
      assert.strictEqual(new TextDecoder().decode(read.value), "one")
    }).pipe(Effect.scoped)
  )

  it.live("is decoded as it comes", () =>
    Effect.gen(function* () {
      const { createGzip } = yield* Effect.promise(() => import("node:zlib"))
      const { fetch } = yield* make()
      const gzip = createGzip()
      const { allClosed, origin } = yield* rawServer((socket) =>
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n")
          gzip.on("data", (chunk: Buffer) =>
            socket.write(
              Buffer.concat([Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from("\r\n")])
            )
          )
          gzip.write("one")
          gzip.flush()
        })
      )
      const answer = yield* Effect.promise(() => fetch(origin))
      const reader = answer.body?.getReader() ?? assert.fail("no body")
      const { value } = yield* Effect.promise(() => reader.read())
      assert.strictEqual(new TextDecoder().decode(value), "one")
      const next = reader.read()
      yield* Effect.promise(() => reader.cancel())
      assert.isTrue((yield* Effect.promise(() => next)).done)
      yield* allClosed
    }).pipe(Effect.scoped)
  )
})

/** Aborts a call when it is time, and sees that it rejects with the reason before anything else happens. */
const abortAfter = (
  fetch: typeof globalThis.fetch,
  url: string,
  when: Effect.Effect<void>,
  init: RequestInit = {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const reason = new Error("mine")
    const controller = new AbortController()
    const answer = fetch(url, { ...init, signal: controller.signal })
    const error = errorOf(answer)
    yield* when
    let settledAt = 0
    answer.catch(() => (settledAt = performance.now()))
    controller.abort(reason)
    assert.strictEqual(yield* error, reason)
    // Before the event loop has turned, let alone the wire.
    yield* Effect.promise(() => Promise.resolve())
    assert.isAbove(settledAt, 0)
  })

describe("a call that is aborted", () => {
  it.live("rejects at once while it waits for a connection, and is never sent", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make({ connections: 1 })
      let requests = 0
      const { accepted, allClosed, origin, sockets } = yield* rawServer((socket) =>
        socket.on("data", () => (requests += 1))
      )
      const controller = new AbortController()
      const first = fetch(origin, { signal: controller.signal })
      yield* accepted(1)
      yield* until(() => requests === 1)
      yield* abortAfter(fetch, origin, Effect.void)
      controller.abort()
      yield* errorOf(first)
      yield* allClosed
      assert.strictEqual(requests, 1)
      assert.strictEqual(sockets.length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("rejects at once while its connection is made", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const port = yield* deafServer()
      yield* abortAfter(fetch, `http://127.0.0.1:${port}/`, Effect.sleep("50 millis"))
    }).pipe(Effect.scoped)
  )

  it.live("rejects at once while it waits for an answer, and ends on the wire", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      let requests = 0
      const { allClosed, origin } = yield* rawServer((socket) => socket.on("data", () => (requests += 1)))
      yield* abortAfter(
        fetch,
        origin,
        until(() => requests === 1)
      )
      yield* allClosed
    }).pipe(Effect.scoped)
  )

  it.live("rejects at once while its body is gathered", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const endless = new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(Buffer.from("x")) })
      const { origin, sockets } = yield* rawServer((socket) => socket.resume())
      const request = new Request(origin, { ...upload(endless), headers: { "content-type": "text/plain" } })
      yield* abortAfter(fetch, request as never, Effect.sleep("20 millis"))
      assert.strictEqual(sockets.length, 0)
    }).pipe(Effect.scoped)
  )

  it.live("errors the body with the reason, and ends on the wire", () =>
    Effect.gen(function* () {
      const { fetch } = yield* make()
      const { allClosed, origin } = yield* rawServer((socket) =>
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome"))
      )
      const reason = new Error("mine")
      const controller = new AbortController()
      const answer = yield* Effect.promise(() => fetch(new Request(origin, { signal: controller.signal })))
      const text = answer.text()
      controller.abort(reason)
      assert.strictEqual(yield* errorOf(text), reason)
      yield* allClosed
    }).pipe(Effect.scoped)
  )
})

describe("Fetch.make", () => {
  it.live("lets answers on the way finish when it closes, and rejects what is asked afterwards", () =>
    Effect.gen(function* () {
      const made = yield* make({ drain: "10 seconds" })
      const { origin, sockets } = yield* rawServer((socket) =>
        socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhalf"))
      )
      const answer = yield* Effect.promise(() => made.fetch(origin))
      const text = answer.text()
      const closing = made.close()
      assert.strictEqual(made.close(), closing)
      for (const socket of sockets) socket.write("!!")
      assert.strictEqual(yield* Effect.promise(() => text), "half!!")
      yield* Effect.promise(() => closing)
      const error = yield* errorOf(made.fetch(origin))
      assert.instanceOf(error, TypeError)
      const failure = Fetch.failureOf(error)
      assert.strictEqual(failure?._tag, "ReplaySafe")
      assert.strictEqual(failure?.attempts.length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("ends what is still on the way after that, typed", () =>
    Effect.gen(function* () {
      const made = yield* make({ drain: "50 millis" })
      const { accepted, origin } = yield* rawServer((socket) => socket.resume())
      const error = errorOf(made.fetch(origin))
      yield* accepted(1)
      yield* Effect.promise(() => made.close())
      assert.strictEqual(Fetch.failureOf(yield* error)?.reason._tag, "ConnectionLost")
    }).pipe(Effect.scoped)
  )

  it.live("is disposed of by the language", () =>
    Effect.gen(function* () {
      const { origin } = yield* rawServer((socket) => socket.on("data", () => socket.write(ok())))
      const kept = yield* Effect.promise(async () => {
        await using made = await Fetch.make({ provider: "mine" })
        assert.strictEqual(await (await made.fetch(origin)).text(), "fine")
        return made.fetch
      })
      assert.strictEqual(Fetch.failureOf(yield* errorOf(kept(origin)))?._tag, "ReplaySafe")
    }).pipe(Effect.scoped)
  )

  it.live("rejects with all that is wrong with its options", () =>
    Effect.gen(function* () {
      const wrong = yield* errorOf(Fetch.make({ provider: "", limits: { total: 0 } }))
      assert.include(String(wrong), "limits.total")
      assert.include(String(wrong), "provider")
      const pool = yield* errorOf(Fetch.make({ provider: "mine", connections: 0, keepAlive: "soon" as never }))
      assert.include(String(pool), "dispatchers.mine.connections")
      assert.include(String(pool), "dispatchers.mine.keepAlive")
    })
  )
})
