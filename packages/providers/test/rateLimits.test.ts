import { assert, describe, it } from "@effect/vitest"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Pacing from "@holdfast/core/Pacing"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import type { RateLimit } from "@holdfast/core/RateLimits"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Providers from "@holdfast/providers/Providers"
import { answer, layer as layerOfScript, TestTransport } from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { readRateLimits } from "../src/internal/errors/rateLimits.ts"

const at = Date.UTC(2026, 9, 21, 7, 28, 0)
const iso = (ms: number) => new Date(at + ms).toISOString()
const http = (ms: number) => new Date(at + ms).toUTCString()

const said = (headers: Readonly<Record<string, string>>) => readRateLimits(Headers.fromInput(headers), at)

describe("what an answer says of rate limits", () => {
  it.each<readonly [string, Readonly<Record<string, string>>, ReadonlyArray<RateLimit>]>([
    ["nothing", { "content-type": "application/json" }, []],
    [
      "OpenAI's, with a duration until the reset",
      {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6ms"
      },
      [
        { counted: "requests", limit: 60, remaining: 0, resetMs: 360_000 },
        { counted: "tokens", remaining: 149_984, resetMs: 0 }
      ]
    ],
    [
      "Anthropic's, with a moment",
      {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": iso(1000),
        "anthropic-ratelimit-tokens-limit": "80000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": iso(12_000)
      },
      [
        { counted: "requests", remaining: 49, resetMs: 0 },
        { counted: "tokens", limit: 80_000, remaining: 0, resetMs: 12_000 }
      ]
    ],
    [
      "Anthropic's of input and output, both tokens",
      {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": iso(5000),
        "anthropic-ratelimit-output-tokens-remaining": "7"
      },
      [
        { counted: "tokens", remaining: 0, resetMs: 5000 },
        { counted: "tokens", remaining: 7, resetMs: 0 }
      ]
    ],
    [
      "a moment of the next request beside it",
      {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m",
        "retry-after": "3"
      },
      [{ counted: "requests", remaining: 0, resetMs: 60_000, nextMs: 3000 }]
    ],
    [
      "a moment of the next request alone",
      { "x-ratelimit-remaining-requests": "0", "retry-after": http(2000) },
      [{ counted: "requests", remaining: 0, resetMs: 2000, nextMs: 2000 }]
    ],
    [
      "a moment by a clock that is an hour ahead of ours",
      {
        date: http(3_600_000),
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": iso(3_601_000)
      },
      [{ counted: "requests", remaining: 0, resetMs: 1000 }]
    ],
    [
      "a limit without a unit",
      { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "30" },
      [{ counted: "requests", remaining: 0, resetMs: 30_000 }]
    ]
  ])("is read: %s", (_, headers, expected) => {
    assert.deepStrictEqual(said(headers), expected)
  })

  it.each<readonly [string, string, string]>([
    ["text", "none", "30s"],
    ["a number below zero", "-1", "30s"],
    ["a fraction", "0.5", "30s"],
    ["nothing at all", "", "30s"],
    ["a number out of all bounds", "9".repeat(400), "30s"],
    ["a reset of words", "0", "soon"],
    ["a reset below zero", "0", "-30"],
    ["a reset long ago", "0", iso(-24 * 3_600_000)],
    ["a reset in a thousand years", "0", "3026-01-01T00:00:00Z"],
    ["a reset of endless text", "0", "1s".repeat(100_000)],
    ["no reset", "0", ""]
  ])("is nothing where it is garbage: %s", (_, remaining, reset) => {
    const headers = { "x-ratelimit-remaining-requests": remaining, "x-ratelimit-reset-requests": reset }
    assert.deepStrictEqual(said(headers), [])
  })

  it("is a reset that is over where its moment has just passed", () => {
    const headers = {
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-requests-reset": iso(-5000)
    }
    assert.deepStrictEqual(said(headers), [{ counted: "requests", remaining: 0, resetMs: 0 }])
  })

  it.effect.prop(
    "is whole numbers of milliseconds, none below zero, whatever the headers hold",
    {
      remaining: Schema.Literals(["0", " 0 ", "00", "x"]),
      reset: Schema.String,
      limit: Schema.String,
      retry: Schema.String
    },
    ({ limit, remaining, reset, retry }) =>
      Effect.sync(() => {
        const limits = said({
          "x-ratelimit-limit-requests": limit,
          "x-ratelimit-remaining-requests": remaining,
          "x-ratelimit-reset-requests": reset,
          "retry-after": retry
        })
        for (const { limit: size = 0, nextMs = 0, resetMs } of limits) {
          for (const each of [size, nextMs, resetMs]) assert.isTrue(Number.isSafeInteger(each) && each >= 0)
        }
      }),
    { arbitrary: { runs: 300, seed: 20261121 } }
  )
})

const rateLimits = { requestsPerMinute: 60, tokensPerMinute: 90_000 }

describe("the rate limits of a provider", () => {
  it.effect("are the operator's, and its answers are read", () =>
    Effect.gen(function* () {
      const { configuration, problems } = Configuration.read(
        { providers: { openai: { rateLimits } } },
        "holdfast.json5"
      )
      assert.deepStrictEqual(problems, [])
      const layer = Providers.layer({ configuration })
      const openai = yield* Effect.provide(
        Effect.flatMap(ProviderRegistry, (registry) => registry.provider("openai")),
        layer
      )
      assert.deepInclude(openai, rateLimits)
      assert.strictEqual(openai.readRateLimits, readRateLimits)
    })
  )

  it.effect("are kept by the next attempt, once an answer has said that nothing remains", () =>
    Effect.gen(function* () {
      const { send } = yield* HttpTransport
      const ask = Effect.scoped(
        send({
          candidate: { provider: "openai", model: "gpt-5.5" },
          method: "POST",
          url: "https://api.openai.com/v1/responses",
          headers: {},
          body: "{}",
          declaration: "repeatable"
        })
      )
      yield* ask
      const next = yield* Effect.forkChild(ask, { startImmediately: true })
      yield* TestClock.adjust("199 millis")
      const { attempts } = yield* TestTransport
      assert.strictEqual((yield* attempts).length, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(next)).status, 200)
    }).pipe(
      Effect.provide(
        Pacing.layer.pipe(
          Layer.provideMerge(
            layerOfScript([
              answer({
                headers: {
                  "x-ratelimit-limit-requests": "60",
                  "x-ratelimit-remaining-requests": "0",
                  "x-ratelimit-reset-requests": "12s"
                }
              }),
              answer()
            ])
          ),
          Layer.provide(Providers.layer())
        )
      )
    )
  )

  it("are refused in a file where they cannot be, each with its place", () => {
    const file = {
      providers: {
        openai: { rateLimits: { requestsPerMinute: 0, tokensPerMinute: "many", requestsPerHour: 3 } },
        groq: { rateLimits: { requestsPerMinute: 0.5 } }
      }
    }
    const { problems } = Configuration.read(file, "holdfast.json5")
    assert.sameMembers(
      problems.map(({ place }) => place),
      [
        "providers.openai.rateLimits.requestsPerMinute",
        "providers.openai.rateLimits.tokensPerMinute",
        "providers.openai.rateLimits.requestsPerHour",
        "providers.groq.rateLimits.requestsPerMinute"
      ]
    )
    assert.include(problems.find(({ place }) => place.endsWith("tokensPerMinute"))?.expected, "from 1")
  })

  it.effect.each([Number.NaN, -1, 0, 1.5, Number.POSITIVE_INFINITY])(
    "are refused in code where they cannot be: %s",
    (set) =>
      Effect.gen(function* () {
        const layer = Providers.layer({ providers: { openai: { rateLimits: { tokensPerMinute: set } } } })
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        if (!isInvalidInput(error)) return assert.fail(String(error))
        return assert.deepStrictEqual(
          error.problems.map(({ place }) => place),
          ["providers.openai.rateLimits.tokensPerMinute"]
        )
      })
  )
})
