import { assert, describe, it } from "@effect/vitest"
import type * as Failure from "@holdfast/core/Failure"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { TimeLimits } from "@holdfast/core/TimeLimits"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fetch from "../src/Fetch.ts"
import * as NodeTransport from "../src/HttpTransport.ts"
import { asksForStream } from "../src/internal/fetch/call.ts"

const url = "https://api.openai.com/v1/chat/completions"

/** A call of a chat model; `body` changes its fields. */
const post = (body: object = {}, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: "hi" }], ...body })
})

interface Seen {
  readonly fetch: typeof globalThis.fetch
  readonly attempts: Effect.Effect<ReadonlyArray<TestTransport.Attempt>>
}

/** A fetch that follows a script. */
const withFetch = <A, E>(
  script: TestTransport.Script,
  options: Fetch.Options,
  f: (seen: Seen) => Effect.Effect<A, E, HttpTransport>
) =>
  Effect.gen(function* () {
    const fetch = yield* NodeTransport.fetch("openai", options)
    const { attempts } = yield* TestTransport.TestTransport
    return yield* f({ fetch, attempts })
  }).pipe(Effect.provide(TestTransport.layer(script)))

const errorOf = (answer: Promise<unknown>): Effect.Effect<Error & { readonly cause?: unknown }> =>
  Effect.promise(() =>
    answer.then(
      (value) => assert.fail(`no error: ${String(value)}`),
      (error: unknown) => (error instanceof Error ? error : assert.fail(String(error)))
    )
  )

const failureOf = (answer: Promise<unknown>): Effect.Effect<Failure.Failure> =>
  Effect.map(errorOf(answer), (error) => Fetch.failureOf(error) ?? assert.fail(String(error)))

const fine = TestTransport.openaiText("fine")

const failing = () => {
  throw new Error("mine")
}

async function* generate() {
  yield Buffer.from("x")
}

const streamed = (body: unknown) => ({ method: "POST", body, duplex: "half" }) as RequestInit

describe("fetch over a transport", () => {
  it.effect("sends a generation once more after a stale connection, and no more than once", () =>
    withFetch([TestTransport.stale(), fine, TestTransport.stale(), TestTransport.lost()], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const answer = yield* Effect.promise(() => fetch(url, post()))
        assert.strictEqual(answer.status, 200)
        assert.include(yield* Effect.promise(() => answer.text()), "fine")
        const error = yield* errorOf(fetch(url, post()))
        assert.instanceOf(error, TypeError)
        assert.strictEqual(error.message, "fetch failed")
        const failure = Fetch.failureOf(error)
        assert.strictEqual(error.cause, failure)
        assert.deepStrictEqual(
          failure?.attempts.map(({ attempt, candidate, reason }) => [attempt, candidate.model, reason._tag]),
          [
            [1, "gpt-5", "StaleConnection"],
            [2, "gpt-5", "ConnectionLost"]
          ]
        )
        const sent = (yield* attempts).map(({ request }) => request.connection)
        assert.deepStrictEqual(sent, ["any", "fresh", "any", "fresh"])
      })
    )
  )

  it.effect.each([
    ["tools that the provider runs", url, post({ web_search_options: {} }), "provider-tools"],
    ["state that the provider keeps", url, post({ store: true }), "changes-state"],
    ["another path", "https://api.openai.com/v1/files", post(), "unknown"],
    ["another method", url, { ...post(), method: "PUT" }, "unknown"],
    ["a body that is no JSON", url, { method: "POST", body: "model" }, "unknown"],
    ["an idempotency key that nobody is known to honour", `${url}x`, post({}, { "idempotency-key": "k" }), "unknown"]
  ] as const)("does not send twice with %s", ([, to, init, declaration]) =>
    withFetch([TestTransport.stale(), fine], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const failure = yield* failureOf(fetch(to, init))
        assert.strictEqual(failure.declaration, declaration)
        assert.strictEqual((yield* attempts).length, 1)
      })
    )
  )

  it.effect.each([
    ["GET", "https://api.openai.com/v1/models", {}, {}],
    ["HEAD", "https://api.openai.com/v1/models", { method: "HEAD" }, {}],
    ["an idempotency key, where honoured", `${url}x`, post({}, { "Idempotency-Key": "k" }), { idempotencyKeys: true }],
    ["the app's word", `${url}x`, post(), { declare: () => "repeatable" as const }],
    ["bytes", url, { ...post(), body: Buffer.from(String(post().body)) }, {}]
  ] as const)("sends twice with %s", ([, to, init, options]) =>
    withFetch([TestTransport.stale(), TestTransport.answer()], options, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const answer = yield* Effect.promise(() => fetch(to, init))
        assert.strictEqual(answer.status, 200)
        assert.strictEqual((yield* attempts).length, 2)
      })
    )
  )

  it.effect("shows the app a request that failed, and lets it say nothing", () => {
    const shown: Array<Fetch.RawRequest> = []
    const declare = (request: Fetch.RawRequest) => {
      shown.push(request)
      return undefined
    }
    return withFetch([fine, TestTransport.stale(), fine], { declare }, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        yield* Effect.promise(() => fetch(url, post()).then((answer) => answer.text()))
        assert.deepStrictEqual(shown, [])
        yield* Effect.promise(() => fetch(url, post({}, { "X-Mine": " 1 " })))
        assert.strictEqual((yield* attempts).length, 3)
        const [request] = shown
        assert.deepInclude(request?.headers, { "content-type": "application/json", "x-mine": "1" })
        assert.deepInclude(request?.json, { model: "gpt-5" })
        assert.strictEqual(shown.length, 1)
      })
    )
  })

  it.effect("takes an app's declaration that throws for no word that allows a replay", () => {
    return withFetch([TestTransport.stale(), fine], { declare: failing }, ({ fetch }) =>
      Effect.map(failureOf(fetch(url, post())), (failure) => assert.strictEqual(failure.declaration, "unknown"))
    )
  })

  it.effect.each([429, 500, 529])("gives a %s as the answer, once, and tells SDKs not to retry it", (status) =>
    withFetch(
      [TestTransport.openaiError(status, { headers: { "x-should-retry": "true" } })],
      {},
      ({ attempts, fetch }) =>
        Effect.gen(function* () {
          const answer = yield* Effect.promise(() => fetch(url, post()))
          assert.strictEqual(answer.status, status)
          assert.isFalse(answer.ok)
          assert.strictEqual(answer.headers.get("x-should-retry"), "false")
          assert.property(yield* Effect.promise(() => answer.json()), "error")
          assert.strictEqual((yield* attempts).length, 1)
        })
    )
  )

  it.effect("says nothing of retries in an answer that is none", () =>
    withFetch([fine], {}, ({ fetch }) =>
      Effect.promise(async () => assert.isFalse((await fetch(url, post())).headers.has("x-should-retry")))
    )
  )

  it.effect("fails the body with what had been given out before it broke off", () =>
    withFetch(
      [
        TestTransport.openaiText("one two three four").pipe(TestTransport.cut("reset", 2)),
        TestTransport.answer({ headers: { "content-type": "application/json" }, body: ['{"a":', "1}"] }).pipe(
          TestTransport.cut("reset", 1)
        )
      ],
      {},
      ({ attempts, fetch }) =>
        Effect.gen(function* () {
          const answer = yield* Effect.promise(() => fetch(url, post({ stream: true })))
          const reader = answer.body?.getReader() ?? assert.fail("no body")
          assert.isFalse((yield* Effect.promise(() => reader.read())).done)
          assert.isFalse((yield* Effect.promise(() => reader.read())).done)
          const error = yield* errorOf(reader.read())
          assert.instanceOf(error, TypeError)
          assert.strictEqual(error.message, "terminated")
          assert.strictEqual(Fetch.failureOf(error)?._tag, "ReplayUnsafe")
          // Half a JSON says nothing.
          const half = yield* Effect.promise(() => fetch(url, post()))
          assert.strictEqual((yield* failureOf(half.json()))._tag, "ReplayAmbiguous")
          assert.strictEqual((yield* attempts).length, 2)
        })
    )
  )

  it.effect("refuses an SDK's retry, unsent, with the failure before it", () =>
    withFetch([TestTransport.refused, TestTransport.lost(), fine], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const first = yield* failureOf(fetch(url, post({ n: 1 }, { "x-stainless-retry-count": "0" })))
        const other = yield* failureOf(fetch(url, post({ n: 2, store: true }, { "x-stainless-retry-count": "0" })))
        const retried = (n: object) => failureOf(fetch(url, post(n, { "x-stainless-retry-count": "1" })))
        assert.strictEqual(yield* retried({ n: 1 }), first)
        assert.strictEqual(first._tag, "ReplaySafe")
        assert.strictEqual(yield* retried({ n: 2, store: true }), other)
        assert.strictEqual(other._tag, "ReplayUnsafe")
        const unheard = yield* retried({ n: 3 })
        assert.strictEqual(unheard._tag, "ReplayAmbiguous")
        assert.deepStrictEqual(unheard.evidence, { _tag: "Unknown" })
        assert.strictEqual((yield* attempts).length, 2)
      })
    )
  )

  it.effect("forgets old failures, and how requests failed that were then given up", () =>
    withFetch([...Array.from({ length: 65 }, () => TestTransport.refused), TestTransport.silent], {}, ({ fetch }) =>
      Effect.gen(function* () {
        const call = (n: number, retry = 0) => fetch(url, post({ n }, { "x-stainless-retry-count": String(retry) }))
        for (let n = 0; n <= 64; n++) yield* failureOf(call(n))
        assert.strictEqual((yield* failureOf(call(0, 1))).reason._tag, "Unclassified")
        assert.strictEqual((yield* failureOf(call(1, 1))).reason._tag, "ConnectFailure")
        assert.strictEqual((yield* failureOf(call(64, 1))).reason._tag, "ConnectFailure")
        const controller = new AbortController()
        const again = fetch(url, { ...post({ n: 64 }), signal: controller.signal })
        controller.abort()
        yield* errorOf(again)
        assert.strictEqual((yield* failureOf(call(64, 1))).reason._tag, "Unclassified")
      })
    )
  )

  it.effect("keeps the limits that it is given, the whole call's over both attempts", () =>
    withFetch(
      [TestTransport.stale(), fine],
      { limits: { connect: "3 seconds", total: "1 minute" } },
      ({ attempts, fetch }) =>
        Effect.gen(function* () {
          yield* Effect.promise(() => fetch(url, post()))
          const [first, second] = (yield* attempts).map(({ request }) => request.limits)
          assert.deepInclude(first, { connectMs: 3000, totalMs: 60_000, livenessMs: 90_000 })
          assert.deepInclude(second, { connectMs: 3000, totalMs: 60_000 })
        })
    )
  )

  it.effect("takes a call for streaming that asks for a stream", () =>
    withFetch(TestTransport.always(TestTransport.answer()), {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const inits: ReadonlyArray<readonly [RequestInit, boolean]> = [
          [post({ stream: true }), true],
          [post({ stream: false }), false],
          [post(), false],
          [post({ messages: [{ stream: true }] }), false],
          [{ ...post({ stream: true }), body: Buffer.from(String(post({ stream: true }).body)) }, true],
          [post({}, { Accept: "text/event-stream" }), true],
          [{}, false]
        ]
        for (const [init] of inits) yield* Effect.promise(() => fetch(url, init))
        const streaming = (yield* attempts).map(({ request }) => request.streaming)
        assert.deepStrictEqual(
          streaming,
          inits.map(([, expected]) => expected)
        )
      })
    )
  )

  it.effect("names all that is wrong with its options", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Fetch.fetch("no provider", {
          limits: { connect: 0, total: "soon" as TimeLimits["total"] & string },
          model: "",
          declare: "repeatable" as never
        })
      )
      assert.instanceOf(error, InvalidInput)
      assert.sameMembers(
        error.problems.map(({ place }) => place),
        ["limits.connect", "limits.total", "provider", "model", "declare"]
      )
    }).pipe(Effect.provide(TestTransport.layer([])))
  )

  it.effect.each([
    ["a relative URL", "/v1/models", {}, "url"],
    ["credentials in the URL", "https://me:secret@api.openai.com/", {}, "url"],
    ["a data URL", "data:text/plain,hi", {}, "url"],
    ["a method that is none of HTTP's", url, { method: "BREW" }, "init.method"],
    ["a body with GET", url, { body: "x" }, "init.body"],
    ["a header's name with a space", url, { headers: { "a b": "c" } }, "headers, name 1"],
    ["a header's value with a line break", url, { headers: { a: "b\nc" } }, 'headers["a"]'],
    ["a stream without duplex", url, { method: "POST", body: new Blob(["x"]).stream() }, "init.duplex"],
    ["a dispatcher", url, { dispatcher: {} }, "init.dispatcher"],
    ["a digest", url, { integrity: "sha256-x" }, "init.integrity"],
    ["an unknown redirect mode", url, { redirect: "maybe" }, "init.redirect"]
  ] as const)("refuses %s, unsent, and names the place", ([, input, init, place]) =>
    withFetch([fine], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const error = yield* errorOf(fetch(input, init as RequestInit))
        assert.instanceOf(error, TypeError)
        assert.instanceOf(error.cause, InvalidInput)
        assert.deepStrictEqual(
          error.cause.problems.map((problem) => problem.place),
          [place]
        )
        assert.notInclude(`${error.cause.message}`, "secret")
        assert.deepStrictEqual(yield* attempts, [])
      })
    )
  )

  it.effect("refuses a body that has been used", () =>
    withFetch(TestTransport.always(TestTransport.answer()), {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const used = new Request(url, { method: "POST", body: "x" })
        yield* Effect.promise(() => used.text())
        const stream = new Blob(["x"]).stream()
        const locked = new Blob(["x"]).stream()
        locked.getReader()
        const generator = generate()
        yield* Effect.promise(() => fetch(url, streamed(stream)))
        yield* Effect.promise(() => fetch(url, streamed(generator)))
        for (const [input, init] of [
          [used, undefined],
          [url, streamed(stream)],
          [url, streamed(locked)],
          [url, streamed(generator)]
        ] as const) {
          const { cause } = yield* errorOf(fetch(input, init))
          assert.instanceOf(cause, InvalidInput)
          assert.strictEqual(cause.problems[0].kind, "InvalidBody")
        }
        assert.strictEqual((yield* attempts).length, 2)
      })
    )
  )

  it.effect("rejects with the reason of a signal that is aborted, and sends nothing", () =>
    withFetch([fine], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const reason = new Error("mine")
        assert.strictEqual(yield* errorOf(fetch(url, { signal: AbortSignal.abort(reason) })), reason)
        const request = new Request(url, { signal: AbortSignal.abort(reason) })
        assert.strictEqual(yield* errorOf(fetch(request)), reason)
        // What `init` says counts, `null` included.
        assert.strictEqual((yield* Effect.promise(() => fetch(request, { signal: null }))).status, 200)
        assert.strictEqual((yield* attempts).length, 1)
      })
    )
  )

  it.effect("ends the attempt at once when its signal aborts, before the head and within the body", () =>
    withFetch([TestTransport.silent, fine.pipe(TestTransport.cut("silence", 1))], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const reason = new Error("mine")
        const waiting = new AbortController()
        const first = fetch(url, { ...post(), signal: waiting.signal })
        waiting.abort(reason)
        assert.strictEqual(yield* errorOf(first), reason)
        const reading = new AbortController()
        const answer = yield* Effect.promise(() => fetch(url, { ...post({ stream: true }), signal: reading.signal }))
        const reader = answer.body?.getReader() ?? assert.fail("no body")
        yield* Effect.promise(() => reader.read())
        const next = reader.read()
        reading.abort(reason)
        assert.strictEqual(yield* errorOf(next), reason)
        assert.deepStrictEqual(
          (yield* attempts).map(({ outcome }) => outcome._tag),
          ["Aborted", "Aborted"]
        )
      })
    )
  )

  it.effect("lets the rest of a body go when its reader does", () =>
    withFetch([TestTransport.openaiText("one two three")], {}, ({ attempts, fetch }) =>
      Effect.gen(function* () {
        const answer = yield* Effect.promise(() => fetch(url, post({ stream: true })))
        yield* Effect.promise(() => answer.body?.cancel() ?? Promise.reject(new Error("no body")))
        assert.deepStrictEqual(
          (yield* attempts).map(({ outcome }) => outcome._tag),
          ["Discarded"]
        )
      })
    )
  )
})

describe("asksForStream", () => {
  it.each([
    ['{"stream":true}', true],
    ['{ "stream" : true }', true],
    ['{"stream":true,"model":"m"}', true],
    ['{"model":"m","stream":true}\n', true],
    ['{"a":{"stream":true}}', false],
    ['{"a":"\\"stream\\":true"}', false],
    ['{"x\\"stream":true}', false],
    ['{"a":"b,\\"stream\\":true}"}', false],
    ['{"a":1,"stream":true,"b":2}', true],
    ['{"stream":false}', false],
    ["", false]
  ])("reads %s", (json, expected) => {
    const parsed = (): unknown => {
      try {
        return JSON.parse(json)
      } catch {
        return undefined
      }
    }
    assert.strictEqual(asksForStream(json, parsed), expected)
  })
})

describe("failureOf", () => {
  it("finds nothing in what holds nothing, a circle included", () => {
    const circle = new Error("a")
    circle.cause = circle
    for (const error of [circle, undefined, null, "text", new Error("a", { cause: new Error("b") })]) {
      assert.isUndefined(Fetch.failureOf(error))
    }
  })
})
