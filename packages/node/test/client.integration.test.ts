/** The `HttpClient` over real sockets: bodies both ways, what fails and how, and the server's truth of what was sent. */
import * as Http from "node:http"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { assert, describe, layer } from "@effect/vitest"
import * as Client from "@holdfast/core/Client"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as NodeTransport from "../src/HttpTransport.ts"
import { prepare, transport, truthOf, untilTruth } from "./support/harness.ts"

const { afterEvents, afterRequest, always, cut, on } = FaultScript

const servers = FaultServer.layer({ record: "bytes", endpoints: { a: {} } })

const client = NodeTransport.client("anthropic", { limits: { connect: "20 seconds", headers: "20 seconds" } })

const call = { model: "claude-opus-4-7", max_tokens: 64, messages: [{ role: "user", content: "Grüße 🌊" }] }

/** A call of the model, whole or streamed. */
const ask = (origin: string, stream = false, path = "/v1/messages") =>
  HttpClientRequest.post(origin + path).pipe(HttpClientRequest.bodyJsonUnsafe({ ...call, stream }))

/** What a request that could be made fails with. */
const failing = <A, R>(effect: Effect.Effect<A, HttpClientError.HttpClientError | InvalidInput, R>) =>
  Effect.flatMap(Effect.flip(effect), (error) =>
    error._tag === "InvalidInput" ? Effect.die(error) : Effect.succeed({ error, failure: Client.failureOf(error) })
  )

const textOf = (origin: string, stream = false) =>
  Effect.flatMap(client, (client) => Effect.flatMap(client.execute(ask(origin, stream)), ({ text }) => text))

/** A server that counts the bytes its sockets took of an answer, and answers what comes after `/small` at once. */
const large = (status: number, megabytes: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly origin: string; readonly taken: () => number; readonly server: Http.Server }>(
      (resume) => {
        let taken = 0
        const chunk = Buffer.alloc(256 * 1024, "x")
        const server = Http.createServer((request, response) => {
          request.resume()
          if (request.url === "/small") return void response.end("small")
          response.writeHead(status)
          let left = megabytes * 4
          const write = () => {
            while (left > 0) {
              left -= 1
              taken += chunk.length
              if (!response.write(chunk)) return void response.once("drain", write)
            }
            response.end()
          }
          write()
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" ? address?.port : 0
          resume(Effect.succeed({ origin: `http://127.0.0.1:${port}`, taken: () => taken, server }))
        })
      }
    ),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const over =
  (connections?: number) =>
  <A, E>(effect: Effect.Effect<A, E, HttpTransport | FaultServer.FaultServer | Scope.Scope>) =>
    effect.pipe(Effect.scoped, Effect.provide(transport(connections === undefined ? {} : { connections })))

layer(servers, { excludeTestServices: true })("client", (it) => {
  describe("a request", () => {
    const pieces = Stream.fromIterable(Array.from({ length: 50 }, (_, n) => `${n},`.repeat(500)))
    const bodies: ReadonlyArray<readonly [string, HttpBody.HttpBody, RegExp | string]> = [
      ["JSON", HttpBody.jsonUnsafe(call), JSON.stringify(call)],
      ["bytes", HttpBody.uint8Array(new TextEncoder().encode("bytes")), "bytes"],
      ["a form", HttpBody.formData(formOf({ a: "1" })), /name="a"\r\n\r\n1\r\n/],
      ["a stream", HttpBody.stream(Stream.encodeText(Stream.tap(pieces, () => Effect.yieldNow))), /49,49,/],
      ["a stream of known length", HttpBody.stream(Stream.encodeText(Stream.make("ab", "cd")), "text/x", 4), "abcd"]
    ]

    it.effect.each(bodies)("carries %s to the server", ([, body, expected]) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(FaultScript.status(200))])
        const response = yield* (yield* client).post(`${origin}/v1/files`, { body })
        assert.strictEqual(response.status, 200)
        yield* response.text
        const { connections } = yield* truthOf()
        const sent = Buffer.from(connections[0]?.requests[0]?.text ?? "", "latin1").toString("utf8")
        if (typeof expected === "string") assert.isTrue(sent.endsWith(`\r\n\r\n${expected}`), sent)
        else assert.match(sent, expected)
        for (const leak of ["traceparent", "b3:", "x-b3"]) assert.notInclude(sent.toLowerCase(), leak)
      }).pipe(over())
    )
  })

  describe("an answer", () => {
    it.effect("streams as it comes", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("stall", afterEvents(4)))])
        const { stream } = yield* (yield* client).execute(ask(origin, true))
        const text = yield* stream.pipe(
          Stream.decodeText(),
          Stream.scan(
            () => "",
            (text, more) => text + more
          ),
          Stream.takeUntil((text) => text.includes("content_block_delta")),
          Stream.runLast
        )
        assert.include(JSON.stringify(text), "content_block_delta")
        // Its reader has left, so it has ended.
        yield* untilTruth(({ counts }) => counts.closedByClient === 1)
      }).pipe(over())
    )

    it.effect("holds the server back while nobody reads, and comes whole", () =>
      Effect.gen(function* () {
        const megabytes = 48
        const { origin, taken } = yield* large(200, megabytes)
        const { stream } = yield* (yield* client).get(origin)
        let bytes = 0
        yield* Stream.runForEach(stream, (chunk) =>
          Effect.gen(function* () {
            if (bytes === 0) {
              yield* Effect.sleep("300 millis")
              assert.isBelow(taken(), (megabytes / 2) * 1024 * 1024)
            }
            bytes += chunk.byteLength
          })
        )
        assert.strictEqual(bytes, megabytes * 1024 * 1024)
      }).pipe(over())
    )

    it.effect("that is left unread lets its connection go: the long one of an error after a second", () =>
      Effect.gen(function* () {
        const { origin } = yield* large(503, 48)
        const made = yield* client
        const unread = yield* made.get(origin)
        assert.strictEqual(unread.status, 503)
        const small = yield* made.get(`${origin}/small`)
        assert.strictEqual(yield* small.text, "small")
        assert.strictEqual((yield* failing(unread.text)).error.reason._tag, "DecodeError")
      }).pipe(over(1))
    )

    it.effect("that is left unread lets its connection go: any other as garbage", () =>
      Effect.gen(function* () {
        const { origin } = yield* large(200, 48)
        const made = yield* client
        yield* Effect.asVoid(made.get(origin))
        V8.setFlagsFromString("--expose-gc")
        const collect = Vm.runInNewContext("gc") as () => void
        const small = yield* Effect.forkChild(Effect.flatMap(made.get(`${origin}/small`), ({ text }) => text))
        for (let times = 0; times < 200 && small.pollUnsafe() === undefined; times++) {
          yield* Effect.sleep("10 millis")
          collect()
        }
        assert.strictEqual(yield* Fiber.join(small), "small")
      }).pipe(over(1))
    )
  })

  describe("a body that is cut after the headers", () => {
    const readers: ReadonlyArray<
      readonly [string, (response: HttpClientResponse) => Effect.Effect<unknown, HttpClientError.HttpClientError>]
    > = [
      ["text", (response) => response.text],
      ["json", (response) => response.json],
      ["arrayBuffer", (response) => response.arrayBuffer],
      ["stream", (response) => Stream.runDrain(response.stream)]
    ]
    const cases = readers.flatMap(([name, read]) =>
      (["reset", "fin"] as const).flatMap((how) =>
        [false, true].map(
          (streamed) => [`${name}, ${how}, ${streamed ? "streamed" : "whole"}`, read, how, streamed] as const
        )
      )
    )

    it.effect.each(cases)("is a transport error, and nothing is sent again: %s", ([, read, how, streamed]) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut(how, afterEvents(3)))])
        const response = yield* (yield* client).execute(ask(origin, streamed))
        const { error, failure } = yield* failing(read(response))
        assert.strictEqual(error.reason._tag, "TransportError")
        assert.strictEqual(error.cause, failure)
        assert.deepInclude(failure?.reason, { _tag: "ConnectionLost", during: "body" })
        assert.deepInclude(failure?.evidence, { phase: "responding", status: 200 })
        assert.strictEqual((yield* truthOf()).counts.requests, 1)
      }).pipe(over())
    )
  })

  describe("what the server received of one call", () => {
    /** Calls once so that a connection stands, then once more, which meets the fault. */
    const second = Effect.fnUntraced(function* (origin: string) {
      yield* textOf(origin)
      yield* Effect.sleep("20 millis")
      return yield* textOf(origin)
    })

    it.effect("reset on reuse: repaired, two at most", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([on({ nth: 2 }, cut("reset", afterRequest))])
        assert.include(yield* second(origin), '"end_turn"')
        assert.strictEqual((yield* truthOf()).counts.requests, 1 + 2)
      }).pipe(over())
    )

    it.effect("reset on reuse, and again in the repair: two, and both attempts are told", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([on({ nth: 1 }, FaultScript.drip(0)), always(cut("reset", afterRequest))])
        const { failure } = yield* failing(second(origin))
        assert.deepStrictEqual(
          failure?.attempts.map(({ reason }) => reason._tag),
          ["StaleConnection", "ConnectionLost"]
        )
        assert.strictEqual((yield* truthOf()).counts.requests, 1 + 2)
      }).pipe(over())
    )

    it.effect("reset on a fresh connection: repaired, two at most", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([on({ nth: 1 }, cut("reset", afterRequest))])
        assert.include(yield* textOf(origin), '"end_turn"')
        assert.strictEqual((yield* truthOf()).counts.requests, 2)
      }).pipe(over())
    )

    it.effect("reset, where nothing says that it may be repeated: one, and an error", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("reset", afterRequest))])
        const request = ask(origin, false, "/v1/files")
        const { failure } = yield* failing(Effect.flatMap(client, (client) => client.execute(request)))
        assert.strictEqual(failure?._tag, "ReplayAmbiguous")
        assert.strictEqual((yield* truthOf()).counts.requests, 1)
      }).pipe(over())
    )

    it.effect("reset, where the provider may have run a tool: one, and an unsafe error", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("reset", afterRequest))])
        const request = HttpClientRequest.bodyJsonUnsafe(ask(origin), {
          ...call,
          tools: [{ type: "web_search_20250305", name: "web_search" }]
        })
        const { failure } = yield* failing(Effect.flatMap(client, (client) => client.execute(request)))
        assert.strictEqual(failure?._tag, "ReplayUnsafe")
        assert.strictEqual((yield* truthOf()).counts.requests, 1)
      }).pipe(over())
    )

    it.effect.each([500, 529])("%d: one, and the answer as it is", (status) =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(FaultScript.status(status))])
        const response = yield* (yield* client).execute(ask(origin))
        assert.strictEqual(response.status, status)
        assert.notStrictEqual(yield* response.text, "")
        assert.strictEqual((yield* truthOf()).counts.requests, 1)
      }).pipe(over())
    )

    it.effect("a redirect: one, and the answer as it is", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([
          always(FaultScript.status(307, { shape: "empty", headers: { location: "http://127.0.0.1:9/" } }))
        ])
        const response = yield* (yield* client).execute(ask(origin))
        assert.strictEqual(response.status, 307)
        assert.strictEqual((yield* truthOf()).counts.requests, 1)
      }).pipe(over())
    )
  })

  describe("a request that is over", () => {
    for (const place of ["before its answer", "in its body"] as const) {
      it.effect(`ends on the wire when it is interrupted ${place}`, () =>
        Effect.gen(function* () {
          const { origin } = yield* prepare([
            always(cut("stall", place === "before its answer" ? afterRequest : afterEvents(2)))
          ])
          const fiber = yield* Effect.forkChild(textOf(origin, true))
          yield* untilTruth(({ counts }) => counts.complete === 1)
          yield* Effect.sleep("20 millis")
          yield* Fiber.interrupt(fiber)
          yield* untilTruth(({ counts }) => counts.closedByClient === 1 && counts.requests === 1)
        }).pipe(over())
      )
    }

    it.effect("ends on the wire when its scope closes", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("stall", afterEvents(2)))])
        const scoped = HttpClient.withScope(yield* client)
        yield* Effect.scoped(Effect.flatMap(scoped.execute(ask(origin, true)), ({ stream }) => Stream.runHead(stream)))
        yield* untilTruth(({ counts }) => counts.closedByClient === 1)
      }).pipe(over())
    )

    it.effect("is over by its limit while it waits in the queue too, and was never sent", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([always(cut("stall", afterRequest))])
        const first = yield* Effect.forkChild(textOf(origin))
        yield* untilTruth(({ counts }) => counts.complete === 1)
        const hasty = yield* NodeTransport.client("anthropic", { limits: { total: "200 millis" } })
        const { failure } = yield* failing(hasty.execute(ask(origin)))
        assert.strictEqual(failure?._tag, "ReplaySafe")
        assert.deepInclude(failure?.reason, { _tag: "TotalTimeout", limitMs: 200 })
        assert.strictEqual((yield* truthOf()).counts.requests, 1)
        yield* Fiber.interrupt(first)
      }).pipe(over(1))
    )

    it.effect("leaves no connection busy: a thousand calls, read or not, go over a few", () =>
      Effect.gen(function* () {
        const { origin } = yield* prepare([])
        const made = yield* client
        yield* Effect.forEach(
          Array.from({ length: 1000 }),
          (_, n) =>
            Effect.flatMap(
              made.execute(ask(origin, n % 2 === 0)),
              (response): Effect.Effect<unknown, HttpClientError.HttpClientError> =>
                n % 3 === 0 ? Effect.void : n % 3 === 1 ? response.text : Stream.runDrain(response.stream)
            ),
          { concurrency: 8, discard: true }
        )
        const { counts } = yield* truthOf()
        assert.strictEqual(counts.requests, 1000)
        assert.isAtMost(counts.connections, 64)
      }).pipe(over(8))
    )
  })
})

function formOf(fields: Record<string, string>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}
