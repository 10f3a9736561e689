import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Pacing from "@holdfast/core/Pacing"
import type { Provider } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import type { RateLimit, ReadRateLimits } from "@holdfast/core/RateLimits"
import * as RateLimits from "@holdfast/core/RateLimits"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { TestClock } from "effect/testing"

const unknown = InvalidInput.of({ kind: "UnknownProvider", place: "provider", expected: "one", found: "another" })

/** What an answer of the script says, in a header of the test's own. */
const readRateLimits: ReadRateLimits = (headers) =>
  headers["x-limits"] === undefined ? [] : JSON.parse(headers["x-limits"])

type Settings = Partial<Pick<Provider, "requestsPerMinute" | "tokensPerMinute" | "minIntervalMs">>

/** Every provider, with the same settings. */
const registry = (settings: Settings) =>
  Layer.succeed(ProviderRegistry, {
    resolve: () => Effect.fail(unknown),
    settings: () => ({ params: {} }),
    provider: (id) =>
      Effect.succeed({
        id,
        baseUrl: "https://a.example",
        headers: {},
        connections: { keepAliveMs: 1000 },
        readRateLimits,
        ...settings
      })
  })

const fine = TestTransport.answer({ body: "fine" })

/** An answer that says so of limits. */
const saying = (...limits: ReadonlyArray<RateLimit>) =>
  TestTransport.answer({ body: "fine", headers: { "x-limits": JSON.stringify(limits) } })

const within = (settings: Settings, steps: ReadonlyArray<TestTransport.Step>) =>
  Pacing.layerNoDeps.pipe(
    Layer.provideMerge(RateLimits.RateLimits.layer),
    Layer.provideMerge(TestTransport.layer(steps)),
    Layer.provide(registry(settings))
  )

const answers = (count: number): Array<TestTransport.Step> => Array.from({ length: count }, () => fine)

const send = (candidate: Partial<HttpRequest["candidate"]> = {}, rest: Partial<HttpRequest> = {}) =>
  Effect.gen(function* () {
    const transport = yield* HttpTransport
    const response = yield* transport.send({
      candidate: { provider: "a", model: "m", ...candidate },
      method: "POST",
      url: "https://a.example/v1/messages",
      headers: {},
      ...(rest.method === "GET" ? undefined : { body: "{}" }),
      declaration: "repeatable",
      ...rest
    })
    return yield* response.text
  }).pipe(Effect.scoped)

const asked = (candidate?: Partial<HttpRequest["candidate"]>, rest?: Partial<HttpRequest>) =>
  Effect.forkChild(Effect.result(send(candidate, rest)), { startImmediately: true })

const total = (totalMs: number) => ({ limits: { ...TimeLimits.defaults, totalMs } })

const sentAt = Effect.gen(function* () {
  const seen = yield* TestTransport.TestTransport
  return (yield* seen.attempts).map(({ sentAtMs }) => sentAtMs)
})

const tooLate = (error: unknown, limitMs: number) => {
  if (!Failure.isReplaySafe(error)) return assert.fail(String(error))
  return assert.deepInclude(error.reason, { _tag: "TotalTimeout", limitMs })
}

const eightTokens = { body: "x".repeat(32) }

describe("attempts at a provider that takes so many requests a minute", () => {
  it.effect("begin at once up to that number, then one by one as the minute goes on", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 5; n++) yield* asked()
      assert.deepStrictEqual(yield* sentAt, [0, 0, 0])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* sentAt, [0, 0, 0, 20_000, 40_000])
    }).pipe(Effect.provide(within({ requestsPerMinute: 3 }, answers(5))))
  )

  it.effect("are counted for each credential by itself, and for all models together", () =>
    Effect.gen(function* () {
      for (const credential of ["home", "work"]) {
        yield* asked({ credential, model: "one" })
        yield* asked({ credential, model: "another" })
      }
      yield* asked({ provider: "b" })
      assert.deepStrictEqual(yield* sentAt, [0, 0, 0])
    }).pipe(Effect.provide(within({ requestsPerMinute: 1 }, answers(5))))
  )

  it.effect("fail at once and unsent where their turn is further off than their limit, and take nothing", () =>
    Effect.gen(function* () {
      yield* asked()
      tooLate(yield* Effect.flip(send({}, total(60_000))), 60_000)
      const fits = yield* asked({}, total(60_001))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(fits))._tag, "Success")
      assert.deepStrictEqual(yield* sentAt, [0, 60_000])
    }).pipe(Effect.provide(within({ requestsPerMinute: 1 }, answers(2))))
  )

  it.effect("leave their place to others where they are interrupted or aborted", () =>
    Effect.gen(function* () {
      yield* asked()
      const abort = new AbortController()
      const interrupted = yield* asked()
      const aborted = yield* asked({}, { signal: abort.signal })
      yield* Fiber.interrupt(interrupted)
      abort.abort()
      assert.strictEqual((yield* Fiber.join(aborted))._tag, "Failure")
      yield* asked()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* sentAt, [0, 60_000])
    }).pipe(Effect.provide(within({ requestsPerMinute: 1 }, answers(2))))
  )

  it.effect("keep the interval too, where there is one", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 3; n++) yield* asked()
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* sentAt, [0, 1000, 30_000])
    }).pipe(Effect.provide(within({ requestsPerMinute: 2, minIntervalMs: 1000 }, answers(3))))
  )

  it.effect("are sent as if there were none, where the store is out of order", () => {
    const broken = new RateLimiter.RateLimiterError({
      reason: new RateLimiter.RateLimitStoreError({ message: "connection lost" })
    })
    const limiter = Layer.succeed(
      RateLimiter.RateLimiter,
      RateLimiter.RateLimiter.of({
        [RateLimiter.TypeId]: RateLimiter.TypeId,
        consume: () => Effect.fail(broken),
        adaptiveConsume: () => Effect.fail(broken),
        adaptiveFeedback: () => Effect.fail(broken)
      })
    )
    return Effect.gen(function* () {
      yield* asked()
      yield* asked()
      assert.deepStrictEqual(yield* sentAt, [0, 0])
    }).pipe(
      Effect.provide(
        Pacing.layerNoDeps.pipe(
          Layer.provide(Layer.provide(RateLimits.RateLimits.layerNoDeps, limiter)),
          Layer.provideMerge(TestTransport.layer(answers(2))),
          Layer.provide(registry({ requestsPerMinute: 1 }))
        )
      )
    )
  })
})

describe("attempts at a provider that takes so many tokens a minute", () => {
  it.effect("wait for as many as their body is estimated to hold", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 3; n++) yield* asked({}, eightTokens)
      yield* TestClock.adjust("1 minute")
      // 16 a minute: two fit, and eight more are there after half a minute.
      assert.deepStrictEqual(yield* sentAt, [0, 0, 30_000])
    }).pipe(Effect.provide(within({ tokensPerMinute: 16 }, answers(3))))
  )

  it.effect("are sent even if one alone is larger than the limit, and without a body wait for nothing", () =>
    Effect.gen(function* () {
      yield* asked({}, eightTokens)
      yield* asked({}, { method: "GET" })
      assert.deepStrictEqual(yield* sentAt, [0, 0])
    }).pipe(Effect.provide(within({ tokensPerMinute: 2 }, answers(2))))
  )

  it("are estimated at a token for every four characters or bytes", () => {
    assert.strictEqual(RateLimits.tokensOf({ body: "12345" }), 2)
    assert.strictEqual(RateLimits.tokensOf({ body: new Uint8Array(8) }), 2)
    assert.strictEqual(RateLimits.tokensOf({}), 0)
    assert.strictEqual(RateLimits.tokensOf({ body: new ReadableStream() as AsyncIterable<Uint8Array> }), 1)
  })
})

const spent: RateLimit = { counted: "requests", remaining: 0, resetMs: 30_000 }

describe("attempts at a provider that has said that nothing remains", () => {
  it.effect("wait for the reset, in line, as part of the call's time", () =>
    Effect.gen(function* () {
      yield* asked()
      const late = yield* asked({}, total(40_000))
      tooLate(yield* Effect.flip(send({}, total(30_000))), 30_000)
      assert.deepStrictEqual((yield* RateLimits.RateLimits).short(), [
        { candidate: { provider: "a", model: "m" }, counted: "requests", resetMs: 30_000 }
      ])
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual(yield* sentAt, [0])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* sentAt, [0, 30_000])
      assert.strictEqual((yield* Fiber.join(late))._tag, "Success")
      const seen = yield* (yield* TestTransport.TestTransport).attempts
      assert.strictEqual(seen.at(-1)?.request.limits?.totalMs, 10_000)
      assert.deepStrictEqual((yield* RateLimits.RateLimits).short(), [])
    }).pipe(Effect.provide(within({}, [saying(spent), fine])))
  )

  it.effect("begin one by one as it fills up, where its size is known", () =>
    Effect.gen(function* () {
      yield* asked()
      for (let n = 0; n < 3; n++) yield* asked()
      yield* TestClock.adjust("1 minute")
      // 60 requests in 30 s.
      assert.deepStrictEqual(yield* sentAt, [0, 500, 1000, 1500])
    }).pipe(Effect.provide(within({}, [saying({ ...spent, limit: 60 }), fine, fine, fine])))
  )

  it.effect("wait for as many tokens as they hold, where its size is known", () =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked({}, eightTokens)
      yield* asked({}, eightTokens)
      yield* asked({}, { method: "GET" })
      yield* TestClock.adjust("1 minute")
      // 16 tokens in 30 s; what holds none waits for none.
      assert.deepStrictEqual(yield* sentAt, [0, 0, 15_000, 30_000])
    }).pipe(Effect.provide(within({}, [saying({ ...spent, counted: "tokens", limit: 16 }), fine, fine, fine])))
  )

  it.effect("begin when the provider says that the next one may, whatever the reset", () =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked()
      yield* asked()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* sentAt, [0, 2000, 2500])
    }).pipe(Effect.provide(within({}, [saying({ ...spent, limit: 60, nextMs: 2000 }), fine, fine])))
  )

  it.effect("do not hold up other models and credentials", () =>
    Effect.gen(function* () {
      yield* asked({ credential: "home" })
      yield* asked({ credential: "home" })
      yield* asked({ credential: "work" })
      yield* asked({ credential: "home", model: "another" })
      assert.deepStrictEqual(yield* sentAt, [0, 0, 0])
    }).pipe(Effect.provide(within({}, [saying(spent), fine, fine, fine])))
  )

  it.effect("begin at once again when a later answer says that something remains", () =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked()
      yield* TestClock.adjust("1 second")
      yield* asked()
      assert.deepStrictEqual(yield* sentAt, [0, 0, 1000])
    }).pipe(
      Effect.provide(
        within({}, [
          TestTransport.delayed({ head: "500 millis" })(saying(spent)),
          TestTransport.delayed({ head: "1 second" })(saying({ ...spent, remaining: 5 })),
          fine
        ])
      )
    )
  )

  it.effect("are made all the same where they would wait for more than a minute, so that the provider says it", () =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked()
      assert.deepStrictEqual(yield* sentAt, [0, 0])
    }).pipe(Effect.provide(within({}, [saying({ ...spent, resetMs: 60_001 }), fine])))
  )

  const put = (seconds: number) =>
    TestTransport.delayed({ head: `${seconds} seconds` })(saying({ ...spent, resetMs: 50_000 }))

  it.effect("wait for a minute at most, however often it is said again", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 3; n++) yield* asked()
      yield* TestClock.adjust("10 seconds")
      // The first answer came now; the others follow, and each puts off what waits.
      yield* asked()
      yield* TestClock.adjust("59999 millis")
      assert.deepStrictEqual(yield* sentAt, [0, 0, 0])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* sentAt, [0, 0, 0, 70_000])
    }).pipe(Effect.provide(within({}, [...([10, 30, 50] as const).map((seconds) => put(seconds)), fine])))
  )

  it.effect("fail as soon as it is known that their time will be over, and those behind move up", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 2; n++) yield* asked()
      yield* TestClock.adjust("10 seconds")
      const first = yield* asked({}, total(55_000))
      const second = yield* asked()
      yield* TestClock.adjust("50 seconds")
      // At first it had been for 60 s of the clock, then for 80.
      const ended = yield* Fiber.join(first)
      tooLate(ended._tag === "Failure" && ended.failure, 55_000)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* sentAt, [0, 0, 70_000])
      assert.strictEqual((yield* Fiber.join(second))._tag, "Success")
    }).pipe(Effect.provide(within({}, [put(10), put(30), fine])))
  )

  it.effect("fail at once and unsent where those before them in line take all their time", () =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked()
      yield* asked()
      // Half a second for each of the three.
      tooLate(yield* Effect.flip(send({}, total(1500))), 1500)
      const fits = yield* asked({}, total(1501))
      yield* TestClock.adjust("1500 millis")
      assert.strictEqual((yield* Fiber.join(fits))._tag, "Success")
    }).pipe(Effect.provide(within({}, [saying({ ...spent, limit: 60 }), fine, fine, fine])))
  )

  it.effect("wait for what was said while they waited for a limit that is set", () =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked()
      yield* TestClock.adjust("79999 millis")
      assert.deepStrictEqual(yield* sentAt, [0])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* sentAt, [0, 80_000])
    }).pipe(Effect.provide(within({ requestsPerMinute: 1 }, [put(30), fine])))
  )

  it.effect("give up their place where they are interrupted, and those behind move up", () =>
    Effect.gen(function* () {
      yield* asked()
      const second = yield* asked()
      yield* asked()
      yield* Fiber.interrupt(second)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* sentAt, [0, 500])
    }).pipe(Effect.provide(within({}, [saying({ ...spent, limit: 60 }), fine])))
  )

  it.effect("are remembered of so many candidates, and not of more", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 1100; n++) yield* send({ model: `m${n}` })
      const limits = yield* RateLimits.RateLimits
      assert.strictEqual(limits.short().length, 1024)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(limits.short().length, 0)
      yield* send({ model: "another" })
      assert.strictEqual(limits.short().length, 1)
    }).pipe(
      Effect.provide(
        within(
          {},
          Array.from({ length: 1101 }, () => saying(spent))
        )
      )
    )
  )

  it.effect.each([
    ["less than nothing remains", { ...spent, remaining: -1 }],
    ["what remains is no number", { ...spent, remaining: Number.NaN }],
    ["the reset is in the past", { ...spent, resetMs: -5 }],
    ["the reset is now", { ...spent, resetMs: 0 }],
    ["the reset is no number", { ...spent, resetMs: null as never }],
    ["the reset is a year away", { ...spent, resetMs: 365 * 86_400_000 }],
    ["the next moment is in the past", { ...spent, nextMs: -5 }],
    ["the limit is none", { ...spent, limit: -60, resetMs: 90_000 }]
  ] satisfies ReadonlyArray<readonly [string, RateLimit]>)("do not wait where %s", ([, limit]) =>
    Effect.gen(function* () {
      yield* asked()
      yield* asked()
      assert.deepStrictEqual(yield* sentAt, [0, 0])
    }).pipe(Effect.provide(within({}, [saying(limit), fine])))
  )
})
