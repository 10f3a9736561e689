import * as Util from "node:util"
import { assert, describe, it } from "@effect/vitest"
import type { Failure } from "@holdfast/core/Failure"
import { isFailure } from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as TestTransport from "../src/TestTransport.ts"

const candidate = { provider: "anthropic", model: "claude-opus-4-7" }

const ask = (more: Partial<HttpRequest> = {}): HttpRequest => ({
  candidate,
  method: "POST",
  url: "https://api.example.com/v1/messages",
  headers: { "x-api-key": Redacted.make("sk-secret") },
  body: JSON.stringify({
    model: "claude-opus-4-7",
    stream: more.streaming === true,
    messages: [{ role: "user", content: "hi" }]
  }),
  declaration: "repeatable",
  ...more
})

const send = (request: HttpRequest) => Effect.flatMap(HttpTransport, (transport) => transport.send(request))

const textOf = (more: Partial<HttpRequest> = {}) =>
  Effect.scoped(Effect.flatMap(send(ask(more)), (response) => response.text))

const failureOf = (more: Partial<HttpRequest> = {}): Effect.Effect<Failure, unknown, HttpTransport> =>
  Effect.flatMap(Effect.flip(textOf(more)), (error) => (isFailure(error) ? Effect.succeed(error) : Effect.die(error)))

const at = (provider: string, model: string, credential?: string) =>
  textOf({ candidate: { provider, model, ...(credential !== undefined && { credential }) } })

const problemOf = (more: Partial<HttpRequest> = {}) =>
  Effect.map(Effect.flip(textOf(more)), (error) => {
    if (!isInvalidInput(error)) throw error
    assert.strictEqual(error.problems.length, 1)
    return error.problems[0]
  })

const attempts = Effect.flatMap(TestTransport.TestTransport, (seen) => seen.attempts)

const outcomes = Effect.map(attempts, (all) => all.map(({ outcome }) => outcome))

const follow = (script: TestTransport.Script) => Effect.provide(TestTransport.layer(script))

/** Whatever time it takes by the clock of the test, and how much that was. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Effect.flatMap(effect, (value) => Effect.map(Clock.currentTimeMillis, (ms) => [value, ms] as const))
    )
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

describe("a scripted transport", () => {
  it.effect("gives each attempt the next step, status and headers and body as they are", () =>
    Effect.gen(function* () {
      const first = yield* send(ask())
      assert.strictEqual(first.status, 418)
      assert.deepInclude(first.headers, { "x-more": "1" })
      assert.strictEqual(yield* first.text, "Grüße")
      assert.strictEqual(yield* first.text, "")
      const second = yield* send(ask())
      assert.deepStrictEqual(
        (yield* Stream.runCollect(second.body)).map((chunk) => [...chunk]),
        [[97], [0, 255]]
      )
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Complete" }, { _tag: "Complete" }])
    }).pipe(
      Effect.scoped,
      follow([
        TestTransport.answer({ status: 418, headers: { "x-more": "1" }, body: "Grüße" }),
        TestTransport.answer({ body: ["a", new Uint8Array([0, 255])] })
      ])
    )
  )

  it.effect("says that its script has come to its end, and never hangs or dies", () =>
    Effect.gen(function* () {
      yield* textOf()
      assert.deepStrictEqual(yield* problemOf(), {
        kind: "InvalidOption",
        place: "TestTransport script",
        expected: "a step for its attempt 2",
        found: "the script's end after 1"
      })
      assert.strictEqual((yield* attempts).length, 1)
    }).pipe(follow([TestTransport.answer()]))
  )

  it.effect("may have a script for each candidate, the narrowest name first", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* at("a", "m", "work"), "work")
      assert.strictEqual(yield* at("a", "m", "home"), "m")
      assert.strictEqual(yield* at("a", "m"), "m again")
      assert.strictEqual(yield* at("a", "n"), "a")
      const { expected, found, place } = (yield* problemOf({
        candidate: { provider: "b", model: "m", credential: "work" }
      })) ?? { expected: "", found: "", place: "" }
      assert.strictEqual(place, "TestTransport script")
      assert.strictEqual(expected, 'steps for "b/m@work" or "b/m" or "b"')
      assert.include(found, '"a/m@work"')
      assert.include((yield* problemOf({ candidate: { provider: "a", model: "n" } }))?.place, 'script["a"]')
    }).pipe(
      follow({
        a: [TestTransport.answer({ body: "a" })],
        "a/m": [TestTransport.answer({ body: "m" }), TestTransport.answer({ body: "m again" })],
        "a/m@work": [TestTransport.answer({ body: "work" })]
      })
    )
  )

  it.effect("may have a script without end, and steps that depend on the request", () =>
    Effect.gen(function* () {
      for (const url of ["https://a.example.com/", "https://b.example.com/", "https://a.example.com/"]) {
        assert.strictEqual(yield* textOf({ url }), new URL(url).host)
      }
    }).pipe(
      follow(
        TestTransport.always(TestTransport.fromRequest(({ url }) => TestTransport.answer({ body: new URL(url).host })))
      )
    )
  )

  it.effect("starts its script anew for each layer that is built", () =>
    Effect.gen(function* () {
      const layer = TestTransport.layer([TestTransport.answer({ body: "first" })])
      for (let times = 0; times < 2; times++) assert.strictEqual(yield* Effect.provide(textOf(), layer), "first")
    })
  )

  it.effect.each([
    ["a URL that is none", { url: "api.example.com" }, "url"],
    ["a URL of another scheme", { url: "ftp://example.com/" }, "url"],
    ["a header value with a line break", { headers: { "x-api-key": Redacted.make("sk-secret\nx: y") } }, "headers["],
    ["a signal that is aborted", { signal: AbortSignal.abort() }, "signal"]
  ] as const)("refuses %s before anything is sent", ([, more, place]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(textOf(more))
      assert.isTrue(isInvalidInput(error))
      assert.include(String(error), place)
      assert.notInclude(Util.inspect(error, { depth: 9 }), "sk-secret")
      assert.deepStrictEqual(yield* attempts, [])
      assert.strictEqual(yield* textOf(), "still there")
    }).pipe(follow([TestTransport.answer({ body: "still there" })]))
  )

  it.effect("keeps what was sent, and its secrets", () =>
    Effect.gen(function* () {
      const request = ask({ attempt: 3 })
      yield* Effect.scoped(send(request))
      const [attempt] = yield* attempts
      assert.strictEqual(attempt?.request, request)
      for (const text of [JSON.stringify(attempt), Util.inspect(attempt, { depth: 9 })]) {
        assert.notInclude(text, "sk-secret")
        assert.include(text, "claude-opus-4-7")
      }
    }).pipe(follow([TestTransport.answer()]))
  )
})

describe("a step that fails", () => {
  const host = "api.example.com"
  const fresh = { reused: false, ageMs: 0, idleMs: 0, requestsServed: 0 }

  it.effect.each([
    ["dnsFailure", TestTransport.dnsFailure(), new Reason.DnsFailure({ host, code: "ENOTFOUND" }), "resolving"],
    [
      "refused",
      TestTransport.refused,
      new Reason.ConnectFailure({
        host,
        code: "ECONNREFUSED",
        addresses: [{ address: host, code: "ECONNREFUSED" }]
      }),
      "connecting"
    ],
    ["tlsFailure", TestTransport.tlsFailure(), new Reason.TlsFailure({ host, code: "CERT_HAS_EXPIRED" }), "securing"]
  ] as const)("without a connection is safe: %s", ([, step, reason, phase]) =>
    Effect.gen(function* () {
      const failure = yield* failureOf({ attempt: 2 })
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.deepStrictEqual(failure.reason, reason)
      assert.deepStrictEqual(failure.evidence, { _tag: "Observed", phase, bytesWritten: 0, bytesRead: 0 })
      assert.strictEqual(failure.attempts[0]?.attempt, 2)
      assert.deepStrictEqual(failure.candidate, candidate)
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Failed", failure }])
    }).pipe(follow([step]))
  )

  it.effect.each([
    ["stale", TestTransport.stale("fin", "7 seconds"), "StaleConnection", "stale-connection"],
    ["stale, reset", TestTransport.stale("reset"), "StaleConnection", "stale-connection"],
    ["lost", TestTransport.lost(), "ConnectionLost", "lost-before-answer"],
    ["lost, FIN", TestTransport.lost("fin"), "ConnectionLost", "lost-before-answer"],
    ["lostInHead", TestTransport.lostInHead(), "ConnectionLost", "begun-not-exposed"],
    [
      "lostInHead, reused",
      TestTransport.lostInHead().pipe(TestTransport.reused()),
      "ConnectionLost",
      "begun-not-exposed"
    ],
    ["malformed", TestTransport.malformed, "MalformedResponse", "begun-not-exposed"]
  ] as const)("after the request was sent is ambiguous: %s", ([, step, reason, rule]) =>
    Effect.gen(function* () {
      const failure = yield* failureOf()
      assert.strictEqual(failure._tag, "ReplayAmbiguous")
      assert.strictEqual(failure.reason._tag, reason)
      assert.strictEqual(failure.rule, rule)
    }).pipe(follow([step]))
  )

  it.effect("has the evidence of a transport over sockets", () =>
    Effect.gen(function* () {
      const request = ask()
      const bytesWritten =
        `POST /v1/messages HTTP/1.1\r\nhost: ${host}\r\nx-api-key: sk-secret\r\n\r\n${String(request.body)}`.length
      const observed = { _tag: "Observed", bytesWritten } as const
      assert.deepStrictEqual((yield* failureOf()).evidence, {
        ...observed,
        phase: "waiting",
        bytesRead: 0,
        connection: { reused: true, ageMs: 7000, idleMs: 7000, requestsServed: 1 },
        closed: "peer-fin"
      })
      assert.deepStrictEqual((yield* failureOf()).evidence, {
        ...observed,
        phase: "waiting",
        bytesRead: 0,
        connection: fresh,
        closed: "peer-reset"
      })
      assert.deepStrictEqual((yield* failureOf()).evidence, {
        ...observed,
        phase: "responding",
        bytesRead: 9,
        connection: fresh,
        closed: "peer-reset"
      })
      assert.deepStrictEqual((yield* failureOf()).evidence, {
        ...observed,
        phase: "responding",
        bytesRead: "HTTP/1.1 200 OK\r\n\r\nab".length,
        connection: fresh,
        closed: "peer-fin",
        status: 200
      })
    }).pipe(
      follow([
        TestTransport.stale("fin", "7 seconds"),
        TestTransport.lost(),
        TestTransport.lostInHead(),
        TestTransport.answer({ body: ["ab", "cd"] }).pipe(TestTransport.cut("fin", 1))
      ])
    )
  )

  it.effect("fails as given where no other step says it", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf()
      assert.strictEqual(failure.reason._tag, "ProxyFailure")
      assert.deepStrictEqual(failure.evidence, { _tag: "Unknown" })
    }).pipe(
      follow([TestTransport.failure({ reason: new Reason.ProxyFailure({ code: "x" }), evidence: { _tag: "Unknown" } })])
    )
  )

  it.effect("cannot be on a reused connection where the request insists on a fresh one", () =>
    Effect.gen(function* () {
      assert.include((yield* problemOf({ connection: "fresh" }))?.expected, "a fresh connection")
      assert.strictEqual((yield* failureOf({ connection: "fresh" })).reason._tag, "ConnectionLost")
    }).pipe(follow([TestTransport.stale(), TestTransport.lost()]))
  )

  it.effect("within a body gives what came before, then fails on the body's channel, and stays failed", () =>
    Effect.gen(function* () {
      const response = yield* send(ask())
      const read: Array<string> = []
      const error = yield* response.body.pipe(
        Stream.runForEach((chunk) => Effect.sync(() => read.push(Buffer.from(chunk).toString()))),
        Effect.flip
      )
      assert.deepStrictEqual(read, ["a", "b"])
      assert.strictEqual(error.reason._tag, "ConnectionLost")
      assert.strictEqual(yield* Effect.flip(response.text), error)
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Failed", failure: error }])
    }).pipe(
      Effect.scoped,
      follow([TestTransport.answer({ body: ["a", "b", "c"] }).pipe(TestTransport.cut("reset", 2))])
    )
  )

  it.effect("within a body may be no failure at all for the transport", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* textOf(), "ab")
      assert.strictEqual(yield* textOf(), "ab")
      assert.strictEqual((yield* failureOf()).reason._tag, "MalformedResponse")
    }).pipe(
      follow([
        TestTransport.answer({ body: ["a", "b", "c"] }).pipe(TestTransport.cut("clean", 2)),
        TestTransport.answer({ body: ["a", "b", "c"] }).pipe(TestTransport.cut("clean", -1)),
        TestTransport.answer({ body: ["a", "b", "c"] }).pipe(TestTransport.cut("malformed", 2))
      ])
    )
  )
})

describe("the limits of a request", () => {
  const limits = TimeLimits.resolve({ connect: "1 second", headers: "10 seconds", liveness: "30 seconds" })

  it.effect.each([
    ["no connection ever", TestTransport.unreachable],
    ["a connection that fails too late", TestTransport.refused.pipe(TestTransport.delayed({ connect: "2 seconds" }))],
    ["a connection that stands too late", TestTransport.answer().pipe(TestTransport.delayed({ connect: "2 seconds" }))]
  ] as const)("end %s with ConnectTimeout", ([, step]) =>
    Effect.gen(function* () {
      const [failure, ms] = yield* timed(failureOf({ limits }))
      assert.deepStrictEqual(failure.reason, new Reason.ConnectTimeout({ host: "api.example.com", limitMs: 1000 }))
      assert.deepInclude(failure.evidence, { phase: "connecting", bytesWritten: 0 })
      assert.strictEqual(failure._tag, "ReplaySafe")
      assert.strictEqual(ms, 1000)
      assert.strictEqual(failure.attempts[0]?.elapsedMs, 1000)
      assert.strictEqual((yield* attempts)[0]?.endedAtMs, 1000)
    }).pipe(follow([step]))
  )

  it.effect.each([
    ["no head", TestTransport.silent],
    ["a late head", TestTransport.answer().pipe(TestTransport.delayed({ head: "11 seconds" }))],
    ["a late end", TestTransport.lost().pipe(TestTransport.delayed({ head: "11 seconds" }))]
  ] as const)("end %s with HeadersTimeout, where the answer streams", ([, step]) =>
    Effect.gen(function* () {
      const [failure, ms] = yield* timed(failureOf({ limits, streaming: true }))
      assert.deepStrictEqual(failure.reason, new Reason.HeadersTimeout({ limitMs: 10_000 }))
      assert.deepInclude(failure.evidence, { phase: "waiting", closed: "local-limit", bytesRead: 0 })
      assert.strictEqual(ms, 10_000)
    }).pipe(follow([step]))
  )

  it.effect("end an answer that does not stream with HeadersTimeout, where that limit was set", () =>
    Effect.gen(function* () {
      const [failure, ms] = yield* timed(failureOf({ limits }))
      assert.deepStrictEqual(failure.reason, new Reason.HeadersTimeout({ limitMs: 10_000 }))
      assert.strictEqual(ms, 10_000)
    }).pipe(follow([TestTransport.silent]))
  )

  it.effect("let the head of an answer that does not stream take its time, where no limit was set", () =>
    Effect.gen(function* () {
      const unset = { ...limits, answerMs: 0 }
      assert.deepStrictEqual(yield* timed(textOf({ limits: unset })), ["late", 600_000])
    }).pipe(follow([TestTransport.answer({ body: "late" }).pipe(TestTransport.delayed({ head: "10 minutes" }))]))
  )

  it.effect("end a body in which nothing comes with StreamStalled", () =>
    Effect.gen(function* () {
      for (let times = 0; times < 2; times++) {
        const before = yield* Clock.currentTimeMillis
        const [failure, ms] = yield* timed(failureOf({ limits }))
        assert.deepStrictEqual(failure.reason, new Reason.StreamStalled({ limitMs: 30_000, waitedFor: "bytes" }))
        assert.deepInclude(failure.evidence, { phase: "responding", closed: "local-limit", status: 200 })
        assert.strictEqual(ms - before, 30_000)
      }
    }).pipe(
      follow([
        TestTransport.answer({ body: ["a", "b"] }).pipe(TestTransport.cut("silence", 1)),
        TestTransport.answer({ body: ["a", "b"] }).pipe(TestTransport.delayed({ chunks: "31 seconds" }))
      ])
    )
  )

  it.effect("leave alone what comes within them, however long it takes together", () =>
    Effect.gen(function* () {
      const [text, ms] = yield* timed(textOf({ limits, streaming: true }))
      assert.strictEqual(text, "abcde")
      assert.strictEqual(ms, 500 + 9000 + 5 * 29_000)
    }).pipe(
      follow([
        TestTransport.answer({ body: ["a", "b", "c", "d", "e"] }).pipe(
          TestTransport.delayed({ connect: "500 millis", head: "9 seconds", chunks: "29 seconds" })
        )
      ])
    )
  )

  it.effect("are the defaults unless given, and none where switched off", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* timed(failureOf()))[1], 10_000)
      const none = TimeLimits.resolve({ connect: false, headers: false, liveness: false })
      const waiting = yield* Effect.forkChild(textOf({ limits: none, streaming: true }))
      yield* TestClock.adjust("1000 days")
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(waiting)
    }).pipe(follow(TestTransport.always(TestTransport.unreachable)))
  )

  it.effect("count from the last byte that came, not from when it was read", () =>
    Effect.gen(function* () {
      const response = yield* send(ask({ limits }))
      yield* TestClock.adjust("20 seconds")
      const fiber = yield* Effect.forkChild(Effect.flip(response.text))
      yield* TestClock.adjust("10 seconds")
      const failure = yield* Fiber.join(fiber)
      assert.strictEqual(failure.reason._tag, "StreamStalled")
      assert.strictEqual(failure.attempts[0]?.elapsedMs, 30_000)
    }).pipe(Effect.scoped, follow([TestTransport.answer({ body: ["a"] }).pipe(TestTransport.cut("silence", 0))]))
  )
})

describe("the limit of the whole", () => {
  const total = TimeLimits.resolve({ connect: "1 minute", headers: false, liveness: "40 seconds", total: "30 seconds" })
  const answer = TestTransport.answer({ body: ["a", "b"] })

  it.effect.each([
    ["a connection", TestTransport.unreachable, { phase: "connecting" }, "ReplaySafe"],
    ["a head", TestTransport.silent, { phase: "waiting", closed: "local-limit" }, "ReplayAmbiguous"],
    [
      "the rest of a body",
      answer.pipe(TestTransport.cut("silence", 1)),
      { phase: "responding", closed: "local-limit", status: 200 },
      "ReplayAmbiguous"
    ],
    [
      "a body that keeps coming",
      answer.pipe(TestTransport.delayed({ connect: "5 seconds", head: "10 seconds", chunks: "10 seconds" })),
      { phase: "responding", closed: "local-limit", status: 200 },
      "ReplayAmbiguous"
    ]
  ] as const)("ends the wait for %s with TotalTimeout", ([, step, evidence, verdict]) =>
    Effect.gen(function* () {
      const [failure, ms] = yield* timed(failureOf({ limits: total }))
      assert.deepStrictEqual(failure.reason, new Reason.TotalTimeout({ limitMs: 30_000 }))
      assert.deepInclude(failure.evidence, evidence)
      assert.strictEqual(failure._tag, verdict)
      assert.strictEqual(ms, 30_000)
      assert.strictEqual((yield* attempts)[0]?.endedAtMs, 30_000)
    }).pipe(follow([step]))
  )

  it.effect("leaves the others their names where they are the shorter", () =>
    Effect.gen(function* () {
      const limits = { ...total, livenessMs: 10_000 }
      const [failure, ms] = yield* timed(failureOf({ limits }))
      assert.strictEqual(failure.reason._tag, "StreamStalled")
      assert.strictEqual(ms, 10_000)
    }).pipe(follow([answer.pipe(TestTransport.cut("silence", 1))]))
  )

  it.effect("leaves an attempt alone that is over in time", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* timed(textOf({ limits: total })), ["ab", 20_000])
    }).pipe(follow([answer.pipe(TestTransport.delayed({ chunks: "10 seconds" }))]))
  )
})

describe("an attempt that a layer above ends", () => {
  const reason = new Reason.StreamStalled({ limitMs: 7, waitedFor: "content" })
  const silence = TestTransport.answer({ body: ["a", "b"] }).pipe(TestTransport.cut("silence", 1))

  it.effect("fails whoever reads it for that reason, at once and from then on", () =>
    Effect.gen(function* () {
      const response = yield* send(ask())
      const reading = yield* Effect.forkChild(Effect.flip(response.text))
      yield* TestClock.adjust("5 seconds")
      yield* response.end(reason)
      yield* response.end(new Reason.TotalTimeout({ limitMs: 1 }))
      const failure = yield* Fiber.join(reading)
      assert.strictEqual(failure.reason, reason)
      assert.deepInclude(failure.evidence, { phase: "responding", closed: "local-limit", status: 200 })
      assert.strictEqual((yield* Effect.flip(response.text)).reason, reason)
      const [seen] = yield* attempts
      assert.deepInclude(seen, { endedAtMs: 5_000 })
      assert.strictEqual(seen?.outcome._tag, "Failed")
    }).pipe(Effect.scoped, follow([silence]))
  )

  it.effect("is not ended twice: what has ended stays as it is", () =>
    Effect.gen(function* () {
      const response = yield* send(ask())
      assert.strictEqual(yield* response.text, "ok")
      yield* response.end(reason)
      assert.notProperty(response.evidence(), "closed")
      assert.deepStrictEqual(
        (yield* outcomes).map(({ _tag }) => _tag),
        ["Complete"]
      )
    }).pipe(Effect.scoped, follow([TestTransport.answer({ body: "ok" })]))
  )
})

describe("an attempt that is given up", () => {
  const slow = TestTransport.answer({ body: ["a", "b"] }).pipe(
    TestTransport.delayed({ head: "10 seconds", chunks: "10 seconds" })
  )

  it.effect("is recorded as aborted by interruption while it waits", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(textOf())
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Pending" }])
      yield* Fiber.interrupt(fiber)
      const [attempt] = yield* attempts
      assert.deepStrictEqual(attempt?.outcome, { _tag: "Aborted", by: "interruption" })
      assert.deepInclude(attempt?.evidence, { phase: "waiting", closed: "local-abort" })
      assert.strictEqual(attempt?.endedAtMs, 5000)
    }).pipe(follow([slow]))
  )

  it.effect("is recorded as aborted by its scope before its body was read to the end", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const sending = yield* Effect.forkChild(Scope.provide(send(ask()), scope))
      yield* TestClock.adjust("10 seconds")
      const response = yield* Fiber.join(sending)
      const reading = yield* Effect.forkChild(Stream.runHead(response.body))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(reading)
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Pending" }])
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Aborted", by: "scope" }])
      const late = yield* Effect.flip(response.text)
      assert.deepInclude(late.evidence, { closed: "local-abort", status: 200 })
    }).pipe(follow([slow]))
  )

  it.effect.each(["before the head", "in the body", "between reads"] as const)(
    "by the caller's signal is an interruption, %s",
    (when) =>
      Effect.gen(function* () {
        const controller = new AbortController()
        const reading = yield* Effect.forkChild(
          Effect.scoped(
            Effect.gen(function* () {
              const response = yield* send(ask({ signal: controller.signal }))
              if (when === "between reads") yield* Effect.sleep("1 minute")
              return yield* response.text
            })
          )
        )
        yield* TestClock.adjust(when === "before the head" ? "5 seconds" : "15 seconds")
        controller.abort()
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.await(reading)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        const [attempt] = yield* attempts
        assert.deepStrictEqual(attempt?.outcome, { _tag: "Aborted", by: "signal" })
        assert.strictEqual(attempt?.endedAtMs, when === "before the head" ? 5000 : 15_000)
      }).pipe(follow([slow]))
  )

  it.effect("is complete where it came to its end before, and discarded where its reader said so", () =>
    Effect.gen(function* () {
      yield* textOf()
      yield* Effect.scoped(Effect.flatMap(send(ask()), (response) => response.discard))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const response = yield* send(ask())
          yield* Stream.runDrain(Stream.take(response.body, 2))
          yield* response.discard
        })
      )
      assert.deepStrictEqual(yield* outcomes, [{ _tag: "Complete" }, { _tag: "Discarded" }, { _tag: "Complete" }])
    }).pipe(follow(TestTransport.always(TestTransport.answer({ body: ["a", "b"] }))))
  )
})
