import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput, isInvalidInput } from "@holdfast/core/InvalidInput"
import * as Pacing from "@holdfast/core/Pacing"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"

const unknown = InvalidInput.of({ kind: "UnknownProvider", place: "provider", expected: "one", found: "another" })

/** Providers with an interval each; others are not known. */
const registry = (intervals: Record<string, number | undefined>) =>
  Layer.succeed(ProviderRegistry, {
    resolve: () => Effect.fail(unknown),
    settings: () => ({ params: {} }),
    provider: (id) => {
      if (!(id in intervals)) return Effect.fail(unknown)
      const minIntervalMs = intervals[id]
      const known = { id, baseUrl: "https://a.example", headers: {}, connections: { keepAliveMs: 1000 } }
      return Effect.succeed(minIntervalMs === undefined ? known : { ...known, minIntervalMs })
    }
  })

const fine = TestTransport.answer({ body: "fine" })

const paced = (intervals: Record<string, number | undefined>, steps: ReadonlyArray<TestTransport.Step>) =>
  Pacing.layer.pipe(Layer.provideMerge(TestTransport.layer(steps)), Layer.provide(registry(intervals)))

const send = (provider: string, rest: Partial<HttpRequest> = {}) =>
  Effect.gen(function* () {
    const transport = yield* HttpTransport
    const response = yield* transport.send({
      candidate: { provider, model: "any" },
      method: "POST",
      url: "https://a.example/v1/messages",
      headers: {},
      body: "{}",
      declaration: "repeatable",
      ...rest
    })
    return yield* response.text
  }).pipe(Effect.scoped)

const total = (totalMs: number) => ({ limits: { ...TimeLimits.defaults, totalMs } })

const begun = Effect.gen(function* () {
  const seen = yield* TestTransport.TestTransport
  return (yield* seen.attempts).map(({ request, sentAtMs }) => [request.candidate.provider, sentAtMs])
})

/** Asks in order; each is in line before the next one asks. */
const asked = (provider: string, rest?: Partial<HttpRequest>) =>
  Effect.forkChild(Effect.result(send(provider, rest)), { startImmediately: true })

const at = (credential: string) => asked("a", { candidate: { provider: "a", model: "any", credential } })

describe("attempts at a provider with an interval", () => {
  it.effect("keeps apart what is sent with one credential, and lets another's begin beside it", () =>
    Effect.gen(function* () {
      yield* at("work")
      yield* at("home")
      yield* at("work")
      yield* TestClock.adjust("5 seconds")
      const seen = yield* TestTransport.TestTransport
      assert.deepStrictEqual(
        (yield* seen.attempts).map(({ request, sentAtMs }) => [request.candidate.credential, sentAtMs]),
        [
          ["work", 0],
          ["home", 0],
          ["work", 5000]
        ]
      )
    }).pipe(Effect.provide(paced({ a: 5000 }, [fine, fine, fine])))
  )

  it.effect("begin at least that far apart, in the order in which they were asked for", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 4; n++) yield* asked("slow", { headers: { "x-n": String(n) } })
      yield* TestClock.adjust("2999 millis")
      assert.deepStrictEqual(yield* begun, [
        ["slow", 0],
        ["slow", 1000],
        ["slow", 2000]
      ])
      yield* TestClock.adjust("1 millis")
      const seen = yield* (yield* TestTransport.TestTransport).attempts
      assert.deepStrictEqual(
        seen.map(({ request }) => request.headers["x-n"]),
        ["0", "1", "2", "3"]
      )
      // After a while without any, the next does not wait.
      yield* TestClock.adjust("5 seconds")
      yield* asked("slow")
      assert.deepStrictEqual((yield* begun).at(-1), ["slow", 8000])
    }).pipe(Effect.provide(paced({ slow: 1000 }, [fine, fine, fine, fine, fine])))
  )

  it.effect("do not hold up those of others, with or without one, or of providers that nobody knows", () =>
    Effect.gen(function* () {
      for (const provider of ["slow", "slow", "other", "free", "free", "unknown", "unknown"]) yield* asked(provider)
      assert.deepStrictEqual(
        (yield* begun).map(([provider]) => provider),
        ["slow", "other", "free", "free", "unknown", "unknown"]
      )
    }).pipe(Effect.provide(paced({ slow: 1000, other: 1000, free: undefined }, Array(6).fill(fine))))
  )

  it.effect("give up their place where they are interrupted or aborted, and those behind move up", () =>
    Effect.gen(function* () {
      const abort = new AbortController()
      yield* asked("slow")
      const second = yield* asked("slow")
      const third = yield* asked("slow", { signal: abort.signal })
      const last = yield* asked("slow")
      yield* Fiber.interrupt(second)
      abort.abort()
      const refused = yield* Fiber.join(third)
      assert.isTrue(refused._tag === "Failure" && isInvalidInput(refused.failure))
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(yield* begun, [
        ["slow", 0],
        ["slow", 1000]
      ])
      assert.strictEqual((yield* Fiber.join(last))._tag, "Success")
    }).pipe(Effect.provide(paced({ slow: 1000 }, [fine, fine])))
  )

  it.effect("fail at once and unsent where their turn is further off than their limit", () =>
    Effect.gen(function* () {
      yield* asked("slow")
      yield* asked("slow")
      const error = yield* Effect.flip(send("slow", total(2000)))
      if (!Failure.isReplaySafe(error)) return assert.fail(String(error))
      assert.deepInclude(error.reason, { _tag: "TotalTimeout", limitMs: 2000 })
      const fits = yield* asked("slow", total(2001))
      yield* TestClock.adjust("2 seconds")
      return assert.strictEqual((yield* Fiber.join(fits))._tag, "Success")
    }).pipe(Effect.provide(paced({ slow: 1000 }, [fine, fine, fine])))
  )

  it.effect("have what the wait left of their limit, and name the whole where it is up", () =>
    Effect.gen(function* () {
      yield* asked("slow")
      const late = yield* asked("slow", total(1500))
      yield* TestClock.adjust("1 seconds")
      const seen = yield* (yield* TestTransport.TestTransport).attempts
      assert.strictEqual(seen.at(-1)?.request.limits?.totalMs, 500)
      yield* TestClock.adjust("500 millis")
      const ended = yield* Fiber.join(late)
      if (ended._tag === "Success" || !Failure.isFailure(ended.failure)) return assert.fail("no failure")
      return assert.deepInclude(ended.failure.reason, { _tag: "TotalTimeout", limitMs: 1500 })
    }).pipe(
      Effect.provide(paced({ slow: 1000 }, [fine, TestTransport.delayed({ head: "1 minute" })(TestTransport.answer())]))
    )
  )
})
