/** The limits on contents and on the whole call, as an app sets them for a model. */
import { assert, describe, it } from "@effect/vitest"
import type { Failure } from "@holdfast/core/Failure"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import type { TimeLimits } from "@holdfast/core/TimeLimits"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Model from "@holdfast/providers/Model"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import { TestClock } from "effect/testing"
import type { Reply, Scripted } from "./support/scripted.ts"
import { over, scripted, services, sse } from "./support/scripted.ts"
import { anthropic, wires } from "./support/wire.ts"

const quiet: TimeLimits = { liveness: false, headers: false, stall: false }

const model = (script: Scripted, wire: { readonly model: string }, limits: TimeLimits, attempts = 1) =>
  over(script, wire.model, { limits: { ...quiet, ...limits } }, { policy: { maxAttempts: attempts } })

const textOf = (part: Response.AnyPart): string => (part.type === "text-delta" ? part.delta : "")

/** Streams against the clock: what came, when it was over, and the failure it ended in. */
const streamed = (between: Duration.Input = 0) =>
  Effect.gen(function* () {
    let text = ""
    const startedAt = yield* Clock.currentTimeMillis
    const fiber = yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
      Stream.runForEach((part) =>
        Effect.delay(
          Effect.sync(() => (text += textOf(part))),
          between
        )
      ),
      Effect.flip,
      Effect.orElseSucceed(() => undefined),
      Effect.flatMap((error) =>
        Effect.map(Clock.currentTimeMillis, (now) => ({ error, text, tookMs: now - startedAt }))
      ),
      Effect.forkChild
    )
    yield* TestClock.adjust("2 hours")
    const { error, ...seen } = yield* Fiber.join(fiber)
    return { ...seen, failure: error === undefined ? undefined : AiErrors.failureOf(error) }
  })

const limitOf = (failure: Failure | undefined) =>
  failure !== undefined && "limitMs" in failure.reason ? [failure.reason._tag, failure.reason.limitMs] : failure

const every = (interval: Duration.Input) => TestTransport.delayed({ chunks: interval })

describe.each(wires)("$codec.api", (wire) => {
  const pings = (count: number) => Array.from({ length: count }, () => wire.ping)
  const [head = "", ...rest] = wire.textStream("A", "B", "C")

  describe("the first content", () => {
    it.effect("is waited for within its limit from the beginning of the attempt, however many pings come", () => {
      const script = scripted(
        sse([head, ...pings(100), ...rest]).pipe(every("1 second"), TestTransport.delayed({ head: "4 seconds" }))
      )
      return Effect.gen(function* () {
        const { failure, text, tookMs } = yield* streamed()
        assert.deepStrictEqual(limitOf(failure), ["FirstOutputTimeout", 10_000])
        assert.strictEqual(tookMs, 10_000)
        assert.strictEqual(text, "")
        assert.strictEqual(failure?._tag, "ReplayAmbiguous")
        assert.deepInclude(failure?.evidence, { phase: "responding", status: 200, closed: "local-limit" })
        assert.deepInclude(failure?.reason, { scope: "model" })
      }).pipe(Effect.provide(model(script, wire, { firstContent: "10 seconds" })))
    })

    it.effect("is waited for before the head comes too, and goes by its own name", () => {
      const script = scripted(TestTransport.silent)
      return Effect.gen(function* () {
        const { failure, tookMs } = yield* streamed()
        assert.deepStrictEqual(limitOf(failure), ["FirstOutputTimeout", 10_000])
        assert.strictEqual(tookMs, 10_000)
        assert.deepInclude(failure?.evidence, { phase: "waiting", closed: "local-limit" })
      }).pipe(Effect.provide(model(script, wire, { firstContent: "10 seconds", headers: "20 seconds" })))
    })

    it.effect("leaves the headers limit its name where that one is the shorter", () => {
      const script = scripted(TestTransport.silent)
      return Effect.gen(function* () {
        const { failure, tookMs } = yield* streamed()
        assert.deepStrictEqual(limitOf(failure), ["HeadersTimeout", 5_000])
        assert.strictEqual(tookMs, 5_000)
      }).pipe(Effect.provide(model(script, wire, { firstContent: "10 seconds", headers: "5 seconds" })))
    })

    it.effect("has no limit unless it is given one", () => {
      const script = scripted(sse([head, ...pings(100), ...rest]).pipe(every("20 seconds")))
      return Effect.gen(function* () {
        const { failure, text } = yield* streamed()
        assert.isUndefined(failure)
        assert.strictEqual(text, "ABC")
      }).pipe(Effect.provide(model(script, wire, { stall: "10 minutes" })))
    })

    it.effect("is asked for once more, since nothing was given out", () => {
      const script = scripted(sse([head, ...pings(100)]).pipe(every("1 second")), sse([head, ...rest]))
      return Effect.gen(function* () {
        const { failure, text, tookMs } = yield* streamed()
        assert.isUndefined(failure)
        assert.deepStrictEqual([text, tookMs, script.requests.length], ["ABC", 10_000, 2])
      }).pipe(Effect.provide(model(script, wire, { firstContent: "10 seconds" }, 2)))
    })
  })

  describe("the contents after it", () => {
    const at = rest.findIndex((event) => event.includes("B"))
    const paused = (by: ReadonlyArray<string>): Reply => sse([head, ...rest.slice(0, at), ...by, ...rest.slice(at)])

    it.effect("may not pause for longer than the limit, however many pings come between", () => {
      const script = scripted(paused(pings(50)).pipe(every("1 second")))
      return Effect.gen(function* () {
        const { failure, text, tookMs } = yield* streamed()
        assert.deepStrictEqual(limitOf(failure), ["StreamStalled", 30_000])
        assert.deepInclude(failure?.reason, { waitedFor: "content" })
        assert.strictEqual(text, "A")
        // The chunk with "A" is the last before the pings.
        assert.strictEqual(tookMs, (at + 1 + 30) * 1000)
        assert.strictEqual(failure?._tag, "ReplayUnsafe")
        assert.deepInclude(failure?.evidence, { closed: "local-limit" })
      }).pipe(Effect.provide(model(script, wire, { stall: "30 seconds", firstContent: "1 minute" })))
    })

    it.effect("may come at long intervals below the limit for as long as they like", () => {
      const script = scripted(sse([head, ...rest]).pipe(every("19 seconds")))
      return Effect.gen(function* () {
        const { failure, text } = yield* streamed()
        assert.isUndefined(failure)
        assert.strictEqual(text, "ABC")
      }).pipe(Effect.provide(model(script, wire, { stall: "1 minute" })))
    })

    it.effect("are not late because their consumer is", () => {
      const script = scripted(sse([head, ...rest]).pipe(every("9 seconds")))
      return Effect.gen(function* () {
        const { failure, text } = yield* streamed("5 minutes")
        assert.isUndefined(failure)
        assert.strictEqual(text, "ABC")
      }).pipe(Effect.provide(model(script, wire, { stall: "30 seconds" })))
    })

    it.effect("are late when they are, although their consumer was slow before", () => {
      const script = scripted(
        sse([head, ...rest.slice(0, at)]).pipe(
          every("1 second"),
          TestTransport.cut("silence", Number.POSITIVE_INFINITY)
        )
      )
      return Effect.gen(function* () {
        const { failure, text } = yield* streamed("5 minutes")
        assert.deepStrictEqual(limitOf(failure), ["StreamStalled", 30_000])
        assert.strictEqual(text, "A")
      }).pipe(Effect.provide(model(script, wire, { stall: "30 seconds" })))
    })
  })
})

const event = (data: { readonly type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

describe("what a model reasons", () => {
  const thought = event({
    type: "content_block_delta",
    index: 0,
    delta: { type: "thinking_delta", thinking: "hm" }
  } as { type: string })

  it.effect("is content", () => {
    const [head = "", ...rest] = anthropic.textStream("A")
    const opens = event({
      type: "content_block_start",
      index: 0,
      content_block: { type: "thinking", thinking: "", signature: "" }
    } as { type: string })
    const closes = event({ type: "content_block_stop", index: 0 } as { type: string })
    const text = rest.map((each) => each.replace('"index":0', '"index":1'))
    const script = scripted(
      sse([head, opens, ...Array.from({ length: 20 }, () => thought), closes, ...text]).pipe(every("4 seconds"))
    )
    return Effect.gen(function* () {
      const { failure, text } = yield* streamed()
      assert.isUndefined(failure)
      assert.strictEqual(text, "A")
    }).pipe(Effect.provide(model(script, anthropic, { firstContent: "15 seconds", stall: "15 seconds" })))
  })
})

describe("a stream that ends", () => {
  /** Sleeps that were begun and are not over. */
  const countingSleeps = Effect.map(Clock.Clock, (clock) => {
    let open = 0
    let begun = 0
    const counting: Clock.Clock = {
      ...clock,
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      sleep: (duration) =>
        Effect.suspend(() => {
          open += 1
          begun += 1
          return Effect.ensuring(
            clock.sleep(duration),
            Effect.sync(() => (open -= 1))
          )
        })
    }
    return { counting, left: () => open, begun: () => begun }
  })

  const cases: ReadonlyArray<readonly [string, number, TimeLimits, boolean]> = [
    ["to its end", Number.POSITIVE_INFINITY, { stall: "30 seconds" }, true],
    ["and is dropped", 4, { stall: "30 seconds" }, true],
    ["and has no such limits", Number.POSITIVE_INFINITY, {}, false]
  ]

  for (const [how, take, limits, watched] of cases) {
    it.effect(`leaves no watch behind: read ${how}`, () => {
      const script = scripted(sse(anthropic.textStream("A", "B")))
      return Effect.gen(function* () {
        const { begun, counting, left } = yield* countingSleeps
        yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
          Stream.mapEffect((part) => Effect.as(Effect.yieldNow, part)),
          Stream.take(take),
          Stream.runDrain,
          Effect.provideService(Clock.Clock, counting)
        )
        assert.strictEqual(left(), 0)
        assert.strictEqual(begun() > 0, watched)
      }).pipe(Effect.provide(model(script, anthropic, limits)))
    })
  }
})

describe("the headers limit", () => {
  const whole = Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const fiber = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
      Effect.flip,
      Effect.flatMap((error) => Effect.map(Clock.currentTimeMillis, (now) => [error, now - startedAt] as const)),
      Effect.forkChild
    )
    yield* TestClock.adjust("2 hours")
    const [error, tookMs] = yield* Fiber.join(fiber)
    return [limitOf(AiErrors.failureOf(error)), tookMs] as const
  })

  it.effect("holds for an answer that does not stream where it is set, under its own name", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* whole, [["HeadersTimeout", 5_000], 5_000])
    }).pipe(
      Effect.provide(
        model(scripted(TestTransport.silent), anthropic, { headers: "5 seconds", firstContent: "1 second" })
      )
    )
  )

  it.effect("is none for an answer that does not stream where it is not set", () => {
    const limits = { headers: undefined, total: "1 hour" } as unknown as TimeLimits
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* whole, [["TotalTimeout", 3_600_000], 3_600_000])
    }).pipe(Effect.provide(model(scripted(TestTransport.silent), anthropic, limits)))
  })
})

describe("the whole call", () => {
  it.effect("gives each attempt what is left, and ends the one under way on the wire", () => {
    const script = scripted(
      TestTransport.anthropicError(529, { headers: { "retry-after": "4" } }),
      TestTransport.silent
    )
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(LanguageModel.generateText({ prompt: "hi" })))
      yield* TestClock.adjust("1 hour")
      const failure = AiErrors.failureOf(yield* Fiber.join(fiber))
      assert.deepStrictEqual(limitOf(failure), ["TotalTimeout", 10_000])
      assert.deepInclude(failure?.evidence, { phase: "waiting", closed: "local-limit" })
      const left = script.requests.map(({ limits }) => limits?.totalMs)
      assert.strictEqual(left[0], 10_000)
      assert.isAtMost(left[1] ?? 0, 6_000)
    }).pipe(Effect.provide(model(script, anthropic, { total: "10 seconds" }, 8)))
  })

  it.effect("keeps what a stream gave out", () => {
    const script = scripted(sse(anthropic.textStream("A", "B", "C")).pipe(every("2 seconds")))
    return Effect.gen(function* () {
      const { failure, text, tookMs } = yield* streamed()
      assert.deepStrictEqual(limitOf(failure), ["TotalTimeout", 9_000])
      assert.strictEqual(tookMs, 9_000)
      assert.strictEqual(failure?._tag, "ReplayUnsafe")
      assert.strictEqual(text, "AB")
      assert.include(JSON.stringify(failure?.partial), '"B"')
    }).pipe(Effect.provide(model(script, anthropic, { total: "9 seconds" }, 8)))
  })
})

describe("limits that are none", () => {
  const wrong = { firstContent: 0, stall: "-1 second", total: "soon" } as unknown as TimeLimits

  it.effect("are refused, all of them by name, and so is the model that is none either", () =>
    Effect.gen(function* () {
      const script = scripted()
      const error = yield* Effect.flip(
        Effect.scoped(Effect.provide(Model.make("nobody/none", { limits: wrong }), services(script)))
      )
      assert.isTrue(isInvalidInput(error))
      if (!isInvalidInput(error)) return
      const places = error.problems.map(({ place }) => place)
      assert.includeMembers(places, ["limits.firstContent", "limits.stall", "limits.total"])
      assert.isAbove(places.length, 3)
    })
  )
})
