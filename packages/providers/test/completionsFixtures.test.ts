/** What each recorded chat completion exercises, part by part, wherever its bytes are cut. */
import { assert, describe, it } from "@effect/vitest"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import type { Decoded } from "./support/decoding.ts"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"

const { codec } = OpenAiCompletions

type Part = Response.StreamPartEncoded | Response.PartEncoded

const of = <T extends Part["type"]>(parts: ReadonlyArray<Part>, type: T): ReadonlyArray<Extract<Part, { type: T }>> =>
  parts.filter((part): part is Extract<Part, { type: T }> => part.type === type)

/** The format's own metadata of a part. */
const own = (part: Part | undefined): Record<string, unknown> =>
  (part?.metadata?.["openai"] ?? {}) as Record<string, unknown>

/** What the reasoning parts keep for the provider. */
const kept = (parts: ReadonlyArray<Part>): ReadonlyArray<Record<string, unknown>> =>
  parts.filter((part) => part.type === "reasoning" || part.type === "reasoning-end").map(own)

const finishOf = (parts: ReadonlyArray<Part>) => {
  const [finish] = of(parts, "finish")
  assert.isDefined(finish)
  return finish
}

/** What a recording must amount to. `check` looks closer at what the index says that it exercises. */
interface Expected {
  readonly text?: string | RegExp
  readonly reasoning?: string | RegExp
  readonly calls?: ReadonlyArray<readonly [id: string, name: string, params: unknown]>
  readonly finish: Response.FinishReason
  /** Input, cached input, output, reasoning. */
  readonly tokens: ReadonlyArray<number | undefined>
  readonly check?: (parts: ReadonlyArray<Part>) => void
}

const sums = [
  ["add", { a: 2, b: 3 }],
  ["multiply", { a: 2, b: 3 }]
] as const

const answers: Readonly<Record<string, Expected>> = {
  "azure/content-filter-json.json": {
    finish: "content-filter",
    tokens: [15, undefined, 19, undefined],
    check: (parts) =>
      assert.deepStrictEqual(
        parts.map(({ type }) => type),
        ["response-metadata", "finish"]
      )
  },
  "deepseek/empty-arguments-length-stream.sse": {
    finish: "length",
    tokens: [372, 256, 16, undefined],
    check: (parts) => {
      // Announced, and none in the end.
      assert.strictEqual(of(parts, "tool-params-start")[0]?.name, "file_report")
      assert.isEmpty(of(parts, "tool-call"))
    }
  },
  "deepseek/reasoning-stream.sse": {
    text: "2",
    reasoning: /^We need to answer "What is 1 \+ 1\?" .*"$/,
    finish: "stop",
    tokens: [21, 0, 27, 25],
    check: (parts) => {
      assert.deepStrictEqual(kept(parts), [{ reasoning: "reasoning_content" }])
      assert.deepInclude(own(of(parts, "response-metadata")[0]), {
        systemFingerprint: "fp_058df29938_prod0820_fp8_kvcache_20260402"
      })
    }
  },
  "deepseek/utf8-stream.sse": {
    text: /^Sure! Here's a techy joke for you: .*\P{ASCII}/su,
    finish: "stop",
    tokens: [12, 0, 89, undefined]
  },
  "groq/text-stream.sse": {
    text: "Olá!",
    finish: "stop",
    tokens: [20, undefined, 4, undefined],
    check: (parts) => assert.strictEqual(own(finishOf(parts))["serviceTier"], "on_demand")
  },
  "groq/tools-parallel-stream.sse": {
    text: /^I'll perform both/,
    calls: sums.map(([name, params], index) => [`functions.${name}:${index}`, name, params]),
    finish: "tool-calls",
    tokens: [201, undefined, 58, undefined]
  },
  "groq/web-search-executed-tools-stream.sse": {
    text: /61°F/,
    reasoning: /weather/,
    finish: "stop",
    // In `x_groq` alone.
    tokens: [5003, undefined, 359, undefined],
    check: (parts) => {
      const [call, ...others] = of(parts, "tool-call")
      assert.isEmpty(others)
      assert.isDefined(call)
      assert.deepInclude(call, {
        name: "search",
        params: { query: "What is the weather in San Francisco today?" },
        providerExecuted: true
      })
      const [result, ...more] = of(parts, "tool-result")
      assert.isEmpty(more)
      assert.isDefined(result)
      assert.deepInclude(result, { id: call.id, name: "search", isFailure: false, providerExecuted: true })
      assert.match((result.result as { output: string }).output, /^Title: Weather in San Francisco/)
    }
  },
  "huggingface/think-tag-json.json": {
    text: "",
    reasoning: /^\nHmm, the user just said "hello".*- Acknowledge$/s,
    finish: "length",
    tokens: [4, 0, 100, undefined],
    check: (parts) => assert.deepStrictEqual(kept(parts), [{ reasoning: "think" }])
  },
  "moonshot/tool-json.json": {
    calls: [["call_abc123", "get_weather", { city: "Paris" }]],
    finish: "tool-calls",
    tokens: [30, undefined, 12, undefined]
  },
  "openai/function-call-legacy-json.json": {
    calls: [["chatcmpl-8wq4AUDD36geK9Za8cccowhObkV9H_0", "get_current_weather", { location: "Boston" }]],
    finish: "tool-calls",
    tokens: [82, undefined, 16, undefined]
  },
  "openai/length-mid-tool-stream.sse": {
    finish: "length",
    tokens: [101, 0, 16, 0],
    check: (parts) => {
      assert.strictEqual(
        of(parts, "tool-params-delta")
          .map(({ delta }) => delta)
          .join(""),
        '{"summary":"The cache warmer raced'
      )
      assert.isEmpty(of(parts, "tool-call"))
    }
  },
  "openai/logprobs-stream.sse": {
    text: "Hi! How can I help?",
    finish: "stop",
    tokens: [7, 0, 10, 0],
    check: (parts) => {
      const logprobs = own(finishOf(parts))["logprobs"] as ReadonlyArray<{ token: string; logprob: number }>
      assert.strictEqual(logprobs.map(({ token }) => token).join(""), "Hi! How can I help?")
      assert.strictEqual(logprobs[0]?.logprob, -0.06212615966796875)
    }
  },
  "openai/multi-choice-tools-stream.sse": {
    // The arguments of the other choice are the same, and would come twice.
    calls: [["call_ZLW6rwgBZAlsBPJv2F9O3zhz", "get_current_weather", { location: "San Francisco, CA" }]],
    finish: "tool-calls",
    tokens: [85, 0, 43, 0]
  },
  "openai/refusal-stream.sse": {
    text: /^I'm really sorry, but I can't assist/,
    finish: "content-filter",
    tokens: [49, 0, 13, 0],
    check: (parts) => assert.deepInclude(own(finishOf(parts)), { finishReason: "stop", refused: true })
  },
  "openai/text-stream-no-usage.sse": {
    text: "South Atlantic Ocean.",
    finish: "stop",
    tokens: [undefined, undefined, undefined, undefined]
  },
  "openai/tools-parallel5-json.json": {
    finish: "tool-calls",
    tokens: [145, 0, 106, 0],
    check: (parts) => {
      const calls = of(parts, "tool-call")
      assert.strictEqual(new Set(calls.map(({ id }) => id)).size, 5)
      assert.deepStrictEqual(
        calls.map(({ params }) => params),
        [1, 2, 3, 4, 5].map((n) => ({ input_text: `Iteration ${n}` }))
      )
    }
  },
  "openrouter/claude-thinking-tool-stream.sse": {
    reasoning: /^The user is asking for weather information in Florence/,
    calls: [["toolu_bdrk_01N8hD5cYDw4WfvnjKXAkA2W", "weather", { location: "Florence, Italy" }]],
    finish: "tool-calls",
    tokens: [607, 0, 143, 99],
    check: (parts) => {
      const [{ reasoningDetails } = {}, ...others] = kept(parts)
      assert.isEmpty(others)
      const [detail, ...more] = reasoningDetails as ReadonlyArray<Record<string, unknown>>
      assert.isEmpty(more)
      assert.deepInclude(detail, { type: "reasoning.text", format: "anthropic-claude-v1", index: 0 })
      assert.strictEqual(detail?.["text"], amountOf(parts).reasoning)
      assert.isAbove(String(detail?.["signature"]).length, 100)
      assert.deepInclude(own(of(parts, "response-metadata")[0]), { provider: "Amazon Bedrock" })
      assert.deepInclude(own(finishOf(parts)), { nativeFinishReason: "tool_use", cost: 0.001322 })
      assert.strictEqual(finishOf(parts).usage.inputTokens.cacheWrite, 0)
    }
  },
  "openrouter/gemini-encrypted-tools-stream.sse": {
    reasoning: "",
    calls: [
      ["tool_add_kZJN6iFNozVOBiXBMA2Y", ...sums[0]],
      ["tool_multiply_7Pq02EcannPbKks8kXlA", ...sums[1]]
    ],
    finish: "tool-calls",
    tokens: [157, 0, 32, 0],
    check: (parts) =>
      // A thought that nobody can read, before the calls that it belongs to.
      assert.deepStrictEqual(kept(parts), [
        {
          reasoningDetails: [
            {
              type: "reasoning.encrypted",
              data: "EjQKMgEMOdbHkJxR6ymAEgQGz1qCdA0vBnhty0KPBjiAVrJ/Hf5kChgp6eGY0f0J+HoLlFtA",
              format: "google-gemini-v1",
              id: "tool_add_kZJN6iFNozVOBiXBMA2Y",
              index: 0
            }
          ]
        }
      ])
  },
  "openrouter/grok-encrypted-reasoning-stream.sse": {
    text: "Oi!",
    reasoning: /^First, the core policies:/,
    finish: "stop",
    tokens: [165, 164, 167, 165],
    check: (parts) => {
      const [{ reasoningDetails } = {}] = kept(parts)
      const [summary, encrypted, ...more] = reasoningDetails as ReadonlyArray<Record<string, unknown>>
      assert.isEmpty(more)
      assert.deepInclude(summary, { type: "reasoning.summary", summary: amountOf(parts).reasoning })
      assert.deepInclude(encrypted, { type: "reasoning.encrypted", format: "xai-responses-v1" })
    }
  },
  "openrouter/kimi-tools-parallel-leading-whitespace-json.json": {
    reasoning: /^ The user wants me to add and multiply/,
    calls: sums.map(([name, params], index) => [`functions.${name}:${index}`, name, params]),
    finish: "tool-calls",
    tokens: [129, 0, 86, 51],
    check: (parts) => {
      const [{ reasoningDetails } = {}] = kept(parts)
      assert.lengthOf(reasoningDetails as ReadonlyArray<unknown>, 1)
      assert.strictEqual(own(finishOf(parts))["cost"], 0.00022876)
    }
  },
  "openrouter/kimi-variant-c-stream.sse": {
    calls: [["llm_version:0", "llm_version", {}]],
    finish: "tool-calls",
    tokens: [56, 0, 12, 0]
  },
  "openrouter/web-search-annotations-stream.sse": {
    text: /https:\/\/github\.com\/pydantic\/pydantic-ai$/,
    finish: "stop",
    tokens: [2317, 0, 53, 0],
    check: (parts) => {
      const sources = of(parts, "source")
      assert.deepStrictEqual(
        sources.map((source) => (source.sourceType === "url" ? source.url : "")),
        [
          "https://github.com/pydantic/pydantic-ai",
          "https://pydantic.dev/pydantic-ai",
          "https://github.com/pydantic/pydantic-ai/releases/tag/v2.0.0",
          "https://pydantic.dev/docs/ai/overview/",
          "https://github.com/pydantic/pydantic-ai/tree/refs/tags/v1.44.0"
        ]
      )
      assert.strictEqual(new Set(sources.map(({ id }) => id)).size, 5)
      assert.strictEqual(sources[0]?.title, "AI Agent Framework, the Pydantic way - GitHub")
      assert.match(own(sources[0])["content"] as string, /^# pydantic\/pydantic-ai/)
    }
  }
}

/** Streams that are no answer. */
const failures: Readonly<Record<string, (decoded: Decoded) => void>> = {
  "groq/inband-tool-use-failed-stream.sse": ({ parts, reason }) => {
    assert.match(amountOf(parts).reasoning, /^We need to call the tool/)
    assert.strictEqual(reason?._tag, "InvalidRequest")
    assert.propertyVal(reason, "code", "tool_use_failed")
  },
  "huggingface/no-done-stream.sse": ({ parts, reason }) => {
    assert.strictEqual(amountOf(parts).text, "2")
    assert.strictEqual(reason?._tag, "StreamTruncated")
  }
}

const folder = "openai-completions/"

const fixtureOf = (name: string): Fixtures.Fixture => {
  const fixture = Fixtures.all.find(({ path }) => path === folder + name)
  if (fixture === undefined) throw new Error(`there is no ${name}`)
  return fixture
}

const assertText = (actual: string, expected: string | RegExp = ""): void =>
  typeof expected === "string" ? assert.strictEqual(actual, expected) : assert.match(actual, expected)

const assertAnswer = (parts: ReadonlyArray<Part>, expected: Expected): void => {
  const { calls, finish, reasoning, text } = amountOf(parts)
  assertText(text, expected.text)
  assertText(reasoning, expected.reasoning)
  if (expected.calls !== undefined) {
    assert.deepStrictEqual<unknown>(
      calls.map(({ id, name, params }) => [id, name, params]),
      expected.calls
    )
  }
  assert.strictEqual(finish, expected.finish)
  const { inputTokens, outputTokens } = finishOf(parts).usage
  assert.deepStrictEqual(
    [inputTokens.total, inputTokens.cacheRead, outputTokens.total, outputTokens.reasoning],
    expected.tokens
  )
  expected.check?.(parts)
}

/** Where a body is cut: in thousandths of its length. */
const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 })))

const cutAt = (body: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [...new Set(cuts.map((cut) => Math.floor((cut * body.length) / 1000)))].toSorted((a, b) => a - b)
  const chunks: Array<Uint8Array> = []
  let from = 0
  for (const place of [...places, body.length]) {
    if (place > from) chunks.push(body.subarray(from, place))
    from = place
  }
  return chunks
}

Fixtures.suite("a recorded chat completion", () => {
  for (const [name, expected] of Object.entries(answers)) {
    it.effect(`${name} holds what it is there for`, () =>
      Effect.gen(function* () {
        const fixture = fixtureOf(name)
        if (fixture.kind === "json") {
          // As it came, white space before it and all.
          return assertAnswer(Result.getOrThrow(codec.decode(JSON.parse(Fixtures.read(fixture)))), expected)
        }
        const { parts, reason } = yield* decode(codec, [Fixtures.bytes(fixture)])
        assert.isUndefined(reason)
        assertAnswer(parts, expected)
      })
    )
  }

  for (const [name, check] of Object.entries(failures)) {
    it.effect(`${name} fails as it should`, () => Effect.map(decode(codec, [Fixtures.bytes(fixtureOf(name))]), check))
  }

  it("is never left out of the table", () => {
    const files = [...Fixtures.of(codec.api, "stream"), ...Fixtures.of(codec.api, "json")].map(({ path }) =>
      path.slice(folder.length)
    )
    assert.deepStrictEqual(files.toSorted(), [...Object.keys(answers), ...Object.keys(failures)].toSorted())
  })

  describe("cut anywhere, gives the same parts:", () => {
    for (const fixture of Fixtures.of(codec.api, "stream")) {
      it.effect.prop(
        fixture.path,
        { cuts: Cuts },
        ({ cuts }) =>
          Effect.gen(function* () {
            const body = Fixtures.bytes(fixture)
            assert.deepStrictEqual(yield* decode(codec, cutAt(body, cuts)), yield* decode(codec, [body]))
          }),
        { arbitrary: { runs: 25 } }
      )
    }
  })
})
