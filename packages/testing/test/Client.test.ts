/** The `HttpClient` of core over a scripted transport: what it sends, what it gives, and what it fails with. */
import { assert, describe, it } from "@effect/vitest"
import * as Client from "@holdfast/core/Client"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import { isStreamed } from "@holdfast/core/RequestHead"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Cookies from "effect/http/Cookies"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import { TestClock } from "effect/testing"
import * as TestTransport from "../src/TestTransport.ts"

const url = "https://api.example.com/v1/things"

const over = (...script: ReadonlyArray<TestTransport.Step>) => Effect.provide(TestTransport.layer(script))

const attempts = Effect.flatMap(TestTransport.TestTransport, (seen) => seen.attempts)

const requestOf = (index = 0) =>
  Effect.map(attempts, (all): HttpRequest => {
    const request = all[index]?.request
    if (request === undefined) throw new Error(`no attempt ${index + 1}`)
    return request
  })

const bytesOf = async (body: HttpRequest["body"]): Promise<string> => {
  if (!isStreamed(body)) return Buffer.from(body ?? "").toString("utf8")
  const chunks: Array<Uint8Array> = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString("utf8")
}

const sent = (index = 0) => Effect.flatMap(requestOf(index), ({ body }) => Effect.promise(() => bytesOf(body)))

const post = (body: HttpBody.HttpBody) => Effect.flatMap(Client.make("openai"), (client) => client.post(url, { body }))

const failing = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    if (!HttpClientError.isHttpClientError(error)) throw error
    return error
  })

describe("a request", () => {
  it.effect("names provider and model, and goes with method, URL and headers as they are", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai", { model: "gpt-5.5", credential: "work" })
      yield* HttpClientRequest.get(url).pipe(
        HttpClientRequest.setUrlParams({ a: "1", b: "x y" }),
        HttpClientRequest.setHash("part"),
        HttpClientRequest.setHeaders({ "X-One": "1", authorization: "Bearer sk-1" }),
        client.execute
      )
      const request = yield* requestOf()
      assert.deepStrictEqual(request.candidate, { provider: "openai", model: "gpt-5.5", credential: "work" })
      assert.strictEqual(request.method, "GET")
      assert.strictEqual(new URL(request.url).search, "?a=1&b=x+y")
      assert.deepStrictEqual({ ...request.headers }, { "x-one": "1", authorization: "Bearer sk-1" })
      assert.isUndefined(request.body)
    }).pipe(over(TestTransport.answer()))
  )

  it.effect("streams where it accepts an event stream, so that the default of the headers limit holds", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai", { limits: { total: "2 minutes" } })
      const request = HttpClientRequest.post(url)
      const fiber = yield* Effect.forkChild(
        failing(client.execute(HttpClientRequest.accept(request, "text/event-stream")))
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(Client.failureOf(yield* Fiber.join(fiber))?.reason._tag, "HeadersTimeout")
      const patient = yield* Effect.forkChild(failing(client.execute(request)))
      yield* TestClock.adjust("119 seconds")
      assert.isUndefined(patient.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(Client.failureOf(yield* Fiber.join(patient))?.reason._tag, "TotalTimeout")
    }).pipe(over(TestTransport.silent, TestTransport.silent))
  )

  const json = { name: "Grüße 🌊" }
  const bodies: ReadonlyArray<
    readonly [what: string, body: HttpBody.HttpBody, sent: string, type: string | undefined, length?: string]
  > = [
    ["nothing", HttpBody.empty, "", undefined],
    ["text", HttpBody.text("Grüße"), "Grüße", "text/plain"],
    ["JSON", HttpBody.jsonUnsafe(json), JSON.stringify(json), "application/json"],
    ["bytes", HttpBody.uint8Array(new TextEncoder().encode("ab")), "ab", "application/octet-stream"],
    ["form fields", HttpBody.urlParams({ a: "1 2" }), "a=1+2", "application/x-www-form-urlencoded"],
    ["raw text", HttpBody.raw("ab", { contentType: "text/x" }), "ab", "text/x"],
    ["raw bytes", HttpBody.raw(new Uint8Array([97])), "a", undefined],
    ["a raw buffer", HttpBody.raw(new Uint8Array([97]).buffer), "a", undefined],
    ["a raw view", HttpBody.raw(new DataView(new Uint8Array([96, 97]).buffer, 1)), "a", undefined],
    ["raw nothing", HttpBody.raw(null), "", undefined],
    [
      "raw form fields",
      HttpBody.raw(new URLSearchParams({ a: "1" })),
      "a=1",
      "application/x-www-form-urlencoded;charset=UTF-8"
    ],
    ["a raw blob", HttpBody.raw(new Blob(["ab"], { type: "text/b" })), "ab", "text/b"],
    ["a raw web stream", HttpBody.raw(new Blob(["ab"]).stream(), { contentType: "text/x" }), "ab", "text/x"],
    ["a stream", HttpBody.stream(Stream.make("a", "b").pipe(Stream.encodeText), "text/s"), "ab", "text/s"],
    [
      "a stream of known length",
      HttpBody.stream(Stream.make("ab").pipe(Stream.encodeText), "text/s", 2),
      "ab",
      "text/s",
      "2"
    ]
  ]

  it.effect.each(bodies)("carries %s", ([, body, expected, type, length]) =>
    Effect.gen(function* () {
      yield* post(body)
      const { headers } = yield* requestOf()
      assert.strictEqual(yield* sent(), expected)
      assert.strictEqual(headers["content-type"], type)
      // How long a body is that is known, the transport says.
      assert.strictEqual(headers["content-length"], length)
    }).pipe(over(TestTransport.answer()))
  )

  it.effect("carries a form, whole and with its boundary", () =>
    Effect.gen(function* () {
      const form = new FormData()
      form.append("a", "1")
      form.append("file", new File(["content"], "name.txt", { type: "text/plain" }))
      yield* post(HttpBody.formData(form))
      const { body, headers } = yield* requestOf()
      assert.instanceOf(body, Uint8Array)
      const type = String(headers["content-type"])
      const read = yield* Effect.promise(() =>
        new Response(yieldless(body), { headers: { "content-type": type } }).formData()
      )
      assert.strictEqual(read.get("a"), "1")
      const file = read.get("file")
      assert.isTrue(file instanceof File && file.name === "name.txt")
    }).pipe(over(TestTransport.answer()))
  )

  it.effect("runs a body's stream with the services of whoever sends", () =>
    Effect.gen(function* () {
      class Word extends Context.Reference<string>("test/Word", { defaultValue: () => "nobody's" }) {}
      const body = HttpBody.stream(Stream.fromEffect(Word).pipe(Stream.encodeText))
      yield* Effect.provideService(post(body), Word, "ours")
      assert.strictEqual(yield* sent(), "ours")
    }).pipe(over(TestTransport.answer()))
  )

  it.effect("fails as one that cannot be encoded, unsent, where its body is of no kind that can be sent", () =>
    Effect.gen(function* () {
      const error = yield* failing(post(HttpBody.raw({ a: 1 })))
      assert.strictEqual(error.reason._tag, "EncodeError")
      assert.strictEqual((yield* attempts).length, 0)
    }).pipe(over())
  )

  const wrong: ReadonlyArray<readonly [string, HttpClientRequest.HttpClientRequest, string]> = [
    ["a header with a line break", HttpClientRequest.get(url, { headers: { "x-key": "sk-secret\n" } }), "EncodeError"],
    ["a header of the connection", HttpClientRequest.get(url, { headers: { upgrade: "websocket" } }), "EncodeError"],
    ["half a character", HttpClientRequest.post(url, { body: HttpBody.text("\ud83c") }), "EncodeError"],
    ["another scheme", HttpClientRequest.get("ftp://example.com/"), "InvalidUrlError"],
    ["no URL", HttpClientRequest.get("nowhere at all"), "InvalidUrlError"],
    ["a method that is not sent", HttpClientRequest.make("TRACE")(url), "EncodeError"]
  ]

  it.effect.each(wrong)("fails unsent for %s, and no retry of transient errors repeats it", ([, request, reason]) =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const error = yield* failing(client.execute(request))
      assert.strictEqual(error.reason._tag, reason)
      assert.isFalse(HttpClient.isTransientError(error))
      assert.isUndefined(Client.failureOf(error))
      assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, "sk-secret")
      if (request.method !== "TRACE" && request.url !== "nowhere at all") assert.isTrue(isInvalidInput(error.cause))
      assert.strictEqual((yield* attempts).length, 0)
    }).pipe(over())
  )
})

const yieldless = (body: HttpRequest["body"]): Uint8Array<ArrayBuffer> => {
  if (!(body instanceof Uint8Array)) throw new Error("no bytes")
  return new Uint8Array(body)
}

const spans = (made: Array<Tracer.NativeSpan>) =>
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      made.push(span)
      return span
    }
  })

describe("what others are not told", () => {
  it.effect("the provider nothing of our spans, unless asked", () =>
    Effect.gen(function* () {
      const quiet = yield* Client.make("openai")
      yield* quiet.get(url)
      yield* Effect.withSpan(quiet.get(url), "ours")
      const open = yield* Client.make("openai", { traceHeaders: true })
      yield* open.get(url)
      const all = (yield* attempts).map(({ request }) => Object.keys(request.headers).toSorted())
      assert.deepStrictEqual(all, [[], [], ["b3", "traceparent"]])
    }).pipe(over(TestTransport.answer(), TestTransport.answer(), TestTransport.answer()))
  )

  it.effect("the provider what the app itself says of its trace", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      yield* client.get(url, { headers: { traceparent: "00-1-2-01" } })
      assert.deepStrictEqual({ ...(yield* requestOf()).headers }, { traceparent: "00-1-2-01" })
    }).pipe(over(TestTransport.answer()))
  )

  it.effect("the spans and the errors no key that stands in a URL", () => {
    const made: Array<Tracer.NativeSpan> = []
    return Effect.gen(function* () {
      const client = yield* Client.make("google")
      const error = yield* failing(client.post(`${url}?key=sk-secret&alt=sse`))
      yield* client.get(url, { urlParams: { api_key: "sk-secret", alt: "sse" } })
      assert.strictEqual(made.length, 2)
      const told = made.map((span) => JSON.stringify(Object.fromEntries(span.attributes)))
      for (const text of [
        ...told,
        String(error),
        error.message,
        JSON.stringify(error),
        Cause.pretty(Cause.fail(error))
      ]) {
        assert.notInclude(text, "sk-secret")
      }
      for (const text of told) assert.include(text, "alt=sse")
      assert.include((yield* requestOf()).url, "sk-secret")
    }).pipe(Effect.withTracer(spans(made)), over(TestTransport.lost(), TestTransport.answer()))
  })
})

describe("an answer", () => {
  it.effect.each([200, 204, 301, 404, 429, 500, 529])("is given as it is: %d", (status) =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(`${url}?a=1#part`)
      assert.strictEqual(response.status, status)
      assert.strictEqual(response.headers["x-one"], "1")
      assert.strictEqual(response.url, `${url}?a=1`)
      assert.strictEqual(yield* response.text, "body")
      assert.strictEqual((yield* attempts).length, 1)
    }).pipe(over(TestTransport.answer({ status, headers: { "X-One": "1" }, body: "body" })))
  )

  it.effect("is read as text, JSON, bytes, form fields or a form, and again", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      assert.deepStrictEqual(yield* response.json, { a: "ü" })
      assert.strictEqual(yield* response.text, '{"a":"ü"}')
      assert.strictEqual(Buffer.from(yield* response.arrayBuffer).toString(), '{"a":"ü"}')
      const asBytes = yield* client.get(url)
      assert.deepStrictEqual(new Uint8Array(yield* asBytes.arrayBuffer), new Uint8Array([0xff, 0x61]))
      assert.strictEqual(yield* asBytes.text, "\ufffda")
      const fields = yield* client.get(url)
      assert.deepStrictEqual(UrlParams.getAll(yield* fields.urlParamsBody, "a"), ["1", "2 3"])
      const form = yield* client.get(url)
      assert.strictEqual((yield* form.formData).get("a"), "1")
      const empty = yield* client.get(url)
      assert.isNull(yield* empty.json)
      const marked = yield* client.get(url)
      assert.strictEqual(yield* marked.json, 1)
    }).pipe(
      over(
        TestTransport.answer({ body: ['{"a":"', "ü", '"}'] }),
        TestTransport.answer({ body: [new Uint8Array([0xff]), "a"] }),
        TestTransport.answer({ body: "a=1&a=2+3" }),
        TestTransport.answer({ headers: { "content-type": "application/x-www-form-urlencoded" }, body: "a=1" }),
        TestTransport.answer(),
        TestTransport.answer({ body: "\ufeff1" })
      )
    )
  )

  it.effect("is read once by several at the same time", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      const both = yield* Effect.forkChild(Effect.all([response.json, response.text], { concurrency: "unbounded" }))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(both), [[1], "[1]"])
    }).pipe(over(TestTransport.answer({ body: ["[", "1]"] }).pipe(TestTransport.delayed({ chunks: "2 seconds" }))))
  )

  it.effect("has cookies", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const { cookies } = yield* client.get(url)
      const named = (name: string) => Option.getOrUndefined(Cookies.getValue(cookies, name))
      assert.deepStrictEqual([named("a"), named("b")], ["1", "2"])
    }).pipe(
      over(
        TestTransport.answer({
          headers: { "set-cookie": "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, b=2; HttpOnly" }
        })
      )
    )
  )

  it.effect("streams as it comes, and its chunks are asked for one by one", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      const seen: Array<string> = []
      const fiber = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((text) => Effect.sync(() => void seen.push(text))),
        Effect.forkChild
      )
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(seen, ["a"])
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, ["a", "b", "c"])
      assert.strictEqual((yield* attempts)[0]?.outcome._tag, "Complete")
    }).pipe(over(TestTransport.answer({ body: ["a", "b", "c"] }).pipe(TestTransport.delayed({ chunks: "10 seconds" }))))
  )

  it.effect("is no JSON, and says so as a decode error of this response", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      const error = yield* failing(response.json)
      assert.strictEqual(error.reason._tag, "DecodeError")
      assert.strictEqual(error.response?.status, 200)
      assert.isFalse(HttpClient.isTransientError(error))
    }).pipe(over(TestTransport.answer({ body: "<html>" })))
  )

  it.effect("can be streamed once, and then says that it has been", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      yield* Stream.runDrain(response.stream)
      for (const again of [response.text, Stream.runDrain(response.stream)]) {
        assert.strictEqual((yield* failing(again as Effect.Effect<unknown, unknown>)).reason._tag, "DecodeError")
      }
      const whole = yield* client.get(url)
      assert.strictEqual(yield* whole.text, "ab")
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(whole.stream)), "ab")
    }).pipe(over(TestTransport.answer({ body: "ab" }), TestTransport.answer({ body: "ab" })))
  )

  it.effect("offers no upgrade", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      assert.strictEqual((yield* failing(response.upgrade)).reason._tag, "StatusCodeError")
    }).pipe(over(TestTransport.answer()))
  )

  it.effect("serves what stands on an HttpClient: status filters, schemas, mapped requests", () =>
    Effect.gen(function* () {
      const client = (yield* HttpClient.HttpClient).pipe(
        HttpClient.mapRequest(HttpClientRequest.prependUrl("https://api.example.com")),
        HttpClient.mapRequest(HttpClientRequest.bearerToken("sk-1")),
        HttpClient.filterStatusOk
      )
      const Thing = Schema.Struct({ id: Schema.Int })
      const thing = yield* Effect.flatMap(client.get("/v1/thing"), HttpClientResponse.schemaBodyJson(Thing))
      assert.deepStrictEqual(thing, { id: 1 })
      const request = yield* HttpClientRequest.bodyJson(HttpClientRequest.post("/v1/thing"), { id: 2 })
      assert.strictEqual((yield* failing(client.execute(request))).reason._tag, "StatusCodeError")
      assert.strictEqual(yield* sent(1), '{"id":2}')
      assert.strictEqual((yield* requestOf(1)).headers["authorization"], "Bearer sk-1")
    }).pipe(
      Effect.provide(
        Client.layer("openai").pipe(
          Layer.provideMerge(
            TestTransport.layer([TestTransport.answer({ body: '{"id":1}' }), TestTransport.answer({ status: 404 })])
          )
        )
      )
    )
  )
})

describe("a failure", () => {
  const cut = TestTransport.answer({ body: ["[1", ",2]"] }).pipe(TestTransport.cut("reset", 1))

  it.effect("before the head is a transport error with ours as its cause", () =>
    Effect.gen(function* () {
      const error = yield* failing(post(HttpBody.text("hi")))
      assert.strictEqual(error.reason._tag, "TransportError")
      const failure = Client.failureOf(error)
      assert.strictEqual(failure, error.cause)
      assert.strictEqual(failure?._tag, "ReplayAmbiguous")
      assert.strictEqual(failure?.declaration, "unknown")
      assert.include(error.message, "openai/unknown: ConnectionLost")
      assert.strictEqual((yield* attempts).length, 1)
    }).pipe(over(TestTransport.lost()))
  )

  const readers: ReadonlyArray<
    readonly [string, (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>]
  > = [
    ["text", (response) => response.text],
    ["json", (response) => response.json],
    ["arrayBuffer", (response) => response.arrayBuffer],
    ["urlParamsBody", (response) => response.urlParamsBody],
    ["formData", (response) => response.formData]
  ]

  it.effect.each(readers)("in the body is a transport error too, never a decode error: %s", ([, read]) =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      for (let times = 0; times < 2; times++) {
        const error = yield* failing(read(response))
        assert.strictEqual(error.reason._tag, "TransportError")
        const failure = Client.failureOf(error)
        assert.deepInclude(failure?.reason, { _tag: "ConnectionLost", how: "reset", during: "body" })
        assert.deepInclude(failure?.evidence, { status: 200, closed: "peer-reset" })
        // Nothing of it was given out.
        assert.strictEqual(failure?._tag, "ReplayAmbiguous")
      }
      assert.strictEqual((yield* attempts).length, 1)
    }).pipe(over(cut))
  )

  it.effect("in a stream comes after what came, and is unsafe because that was given out", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      const seen: Array<string> = []
      const error = yield* failing(
        response.stream.pipe(
          Stream.decodeText(),
          Stream.runForEach((text) => Effect.sync(() => void seen.push(text)))
        )
      )
      assert.deepStrictEqual(seen, ["[1"])
      assert.strictEqual(error.reason._tag, "TransportError")
      assert.strictEqual(Client.failureOf(error)?._tag, "ReplayUnsafe")
    }).pipe(over(cut))
  )

  it.effect("in a stream that gave nothing is ambiguous still", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      const error = yield* failing(Stream.runDrain(response.stream))
      assert.strictEqual(Client.failureOf(error)?._tag, "ReplayAmbiguous")
    }).pipe(over(cut.pipe(TestTransport.cut("reset", 0))))
  )

  it.effect("is found in whatever wraps it, and nothing is found where there is none", () =>
    Effect.gen(function* () {
      const error = yield* failing(post(HttpBody.text("hi")))
      const failure = Client.failureOf(error)
      assert.isDefined(failure)
      assert.strictEqual(Client.failureOf(failure), failure)
      assert.strictEqual(Client.failureOf(error.reason), failure)
      assert.strictEqual(Client.failureOf(new Error("outer", { cause: new Error("inner", { cause: error }) })), failure)
      assert.strictEqual(Client.failureOf({ reason: { cause: error } }), failure)
      const ring = new Error("ring")
      ring.cause = ring
      for (const other of [undefined, null, "text", 1, new Error("other"), ring]) {
        assert.isUndefined(Client.failureOf(other))
      }
    }).pipe(over(TestTransport.lost()))
  )

  it.effect("of a body's own stream is an encode error with the stream's error as its cause", () => {
    // Reads the body as a transport over sockets does.
    const reads = TestTransport.fromRequest(() => TestTransport.lost())
    return Effect.gen(function* () {
      const body = HttpBody.stream(Stream.concat(Stream.encodeText(Stream.make("a")), Stream.fail("torn")))
      const fiber = yield* Effect.forkChild(failing(post(body)))
      yield* TestClock.adjust("1 second")
      const { request } = (yield* attempts)[0] ?? assert.fail("nothing was sent")
      yield* Effect.promise(() => bytesOf(request.body).catch(() => ""))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason._tag, "EncodeError")
      assert.strictEqual(error.cause, "torn")
    }).pipe(over(reads.pipe(TestTransport.delayed({ head: "10 seconds" }))))
  })
})

describe("the one repair", () => {
  it.effect("sends a repeatable request again on a fresh connection", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      assert.strictEqual(yield* Effect.flatMap(client.get(url), ({ text }) => text), "ok")
      const all = yield* attempts
      assert.deepStrictEqual(
        all.map(({ request: { attempt, connection } }) => [attempt, connection]),
        [
          [1, "any"],
          [2, "fresh"]
        ]
      )
    }).pipe(over(TestTransport.stale(), TestTransport.answer({ body: "ok" })))
  )

  it.effect("is made for what the app declares, and is not asked about where nothing failed", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const client = yield* Client.make("openai", {
        declare: (request) => {
          asked.push(`${request.method} ${request.url}`)
          return "repeatable"
        }
      })
      yield* client.post(url)
      assert.deepStrictEqual(asked, [])
      yield* client.post(url, { body: HttpBody.text("hi") })
      assert.isAbove(asked.length, 0)
      assert.strictEqual(asked[0], `POST ${url}`)
      assert.deepStrictEqual([yield* sent(1), yield* sent(2)], ["hi", "hi"])
    }).pipe(over(TestTransport.answer(), TestTransport.stale(), TestTransport.answer()))
  )

  it.effect("has what the first attempt left of the whole time", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai", { limits: { total: "10 seconds" } })
      const fiber = yield* Effect.forkChild(client.get(url))
      yield* TestClock.adjust("4 seconds")
      yield* Fiber.join(fiber)
      const all = yield* attempts
      assert.deepStrictEqual(
        all.map(({ request }) => request.limits?.totalMs),
        [10_000, 6_000]
      )
    }).pipe(over(TestTransport.stale().pipe(TestTransport.delayed({ head: "4 seconds" })), TestTransport.answer()))
  )

  const not: ReadonlyArray<readonly [string, TestTransport.Step, HttpBody.HttpBody]> = [
    ["a POST that nobody declared", TestTransport.stale(), HttpBody.text("hi")],
    ["a body that comes as it is made", TestTransport.stale(), HttpBody.stream(Stream.empty)]
  ]

  it.effect.each(not)("is not made for %s", ([, step, body]) =>
    Effect.gen(function* () {
      yield* failing(post(body))
      assert.strictEqual((yield* attempts).length, 1)
    }).pipe(over(step))
  )
})

describe("a request that is over", () => {
  const slow = TestTransport.answer({ body: ["a", "b"] }).pipe(
    TestTransport.delayed({ head: "10 seconds", chunks: "10 seconds" })
  )
  const outcome = Effect.map(attempts, (all) => all[0]?.outcome._tag)

  it.effect("ends on the wire when it is interrupted before its answer", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const fiber = yield* Effect.forkChild(client.get(url))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* outcome, "Aborted")
    }).pipe(over(slow))
  )

  for (const how of ["text", "stream"] as const) {
    it.effect(`ends on the wire when its reader is interrupted: ${how}`, () =>
      Effect.gen(function* () {
        const client = yield* Client.make("openai")
        const fiber = yield* client.get(url).pipe(
          Effect.flatMap((response): Effect.Effect<unknown, HttpClientError.HttpClientError> =>
            how === "text" ? response.text : Stream.runDrain(response.stream)
          ),
          Effect.forkChild
        )
        yield* TestClock.adjust("25 seconds")
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* outcome, "Aborted")
      }).pipe(over(slow))
    )
  }

  it.effect("ends on the wire when its stream is left half read", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const fiber = yield* client.get(url).pipe(
        Effect.flatMap(({ stream }) => Stream.runHead(stream)),
        Effect.forkChild
      )
      yield* TestClock.adjust("20 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.join(fiber)))
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* outcome, "Aborted")
    }).pipe(over(slow))
  )

  it.effect("is let go of, unread, when its scope closes", () =>
    Effect.gen(function* () {
      const client = HttpClient.withScope(yield* Client.make("openai"))
      const scope = yield* Scope.make()
      const fiber = yield* Effect.forkChild(Scope.provide(client.get(url), scope))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* outcome, "Pending")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* outcome, "Discarded")
    }).pipe(over(slow))
  )

  it.effect("ends on the wire when its scope closes while it is read", () =>
    Effect.gen(function* () {
      const client = HttpClient.withScope(yield* Client.make("openai"))
      const scope = yield* Scope.make()
      const response = yield* Effect.forkChild(Scope.provide(client.get(url), scope))
      yield* TestClock.adjust("10 seconds")
      const reading = yield* Effect.forkChild(Effect.exit((yield* Fiber.join(response)).text))
      yield* TestClock.adjust("5 seconds")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* outcome, "Aborted")
      yield* Fiber.interrupt(reading)
    }).pipe(over(slow))
  )

  const long = { status: 503, body: Array.from({ length: 5 }, () => "x".repeat(30_000)) }

  it.effect("keeps the short body of an error for whoever comes late, and ends a long one that nobody reads", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const brief = yield* client.get(url)
      const unread = yield* client.get(url)
      const success = yield* client.get(url)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* brief.text, "brief")
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(brief.stream)), "brief")
      const error = yield* failing(unread.text)
      assert.strictEqual(error.reason._tag, "DecodeError")
      assert.include(error.message, "nobody read it")
      assert.deepStrictEqual(
        (yield* attempts).map(({ outcome }) => outcome._tag),
        ["Complete", "Discarded", "Pending"]
      )
      assert.strictEqual((yield* success.text).length, 150_000)
    }).pipe(
      over(
        TestTransport.answer({ status: 503, body: "brief" }),
        TestTransport.answer(long),
        TestTransport.answer({ ...long, status: 200 })
      )
    )
  )

  it.effect("leaves the body of an error alone that somebody reads slowly", () =>
    Effect.gen(function* () {
      const client = yield* Client.make("openai")
      const response = yield* client.get(url)
      const fiber = yield* Effect.forkChild(response.text)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 150_000)
    }).pipe(over(TestTransport.answer(long).pipe(TestTransport.delayed({ chunks: "3 seconds" }))))
  )
})

describe("a client that cannot be made", () => {
  it.effect("names all that is wrong", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Client.make("open ai", { limits: { total: 0, liveness: "soon" as "1 second" } }))
      assert.deepStrictEqual(
        error.problems.map(({ place }) => place),
        ["client", "limits.liveness", "limits.total"]
      )
      const slash = yield* Effect.flip(Client.make("openai/gpt"))
      assert.strictEqual(slash.problems[0].place, "client")
    }).pipe(over())
  )
})
