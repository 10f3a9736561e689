/** What each recorded answer of Anthropic's exercises, part by part, wherever its bytes are cut. */
import { assert, describe, it } from "@effect/vitest"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import type { Part } from "./support/parts.ts"
import { of, own, shapeOf } from "./support/parts.ts"

const text = "text-start text-delta text-end"
const thought = "reasoning-start reasoning-delta reasoning-end"
const call = (name: string) => `tool-params-start:${name} tool-params-delta tool-params-end tool-call:${name}`
const hosted = (name: string) => `tool-params-start:${name}* tool-params-delta tool-params-end tool-call:${name}*`

interface Expected {
  readonly shape: string
  readonly finish: Response.FinishReason
  /** What the index says it exercises. */
  readonly exercises?: (parts: ReadonlyArray<Part>) => void
}

const stop = (shape: string, exercises?: Expected["exercises"]): Expected => ({
  shape,
  finish: "stop",
  ...(exercises === undefined ? undefined : { exercises })
})

const usageOf = (parts: ReadonlyArray<Part>) => of(parts, "finish")[0]?.usage

const startsWith = (said: string) => (parts: ReadonlyArray<Part>) => {
  assert.isTrue(amountOf(parts).text.startsWith(said), amountOf(parts).text.slice(0, 80))
}

/** Every answer but those of a conversation of several, by file. */
const answers: Readonly<Record<string, Expected>> = {
  "cache-write-stream.sse": stop(text, (parts) => {
    const { inputTokens, outputTokens } = usageOf(parts) ?? {}
    assert.deepInclude(inputTokens, { uncached: 4, cacheWrite: 1165, cacheRead: 0, total: 1169 })
    assert.isAbove(outputTokens?.total ?? 0, 1)
  }),
  "citations-stream.sse": stop("text-start source text-delta text-end", (parts) => {
    assert.deepStrictEqual(of(parts, "source"), [
      { type: "source", sourceType: "document", id: "document-0", mediaType: "text/plain", title: "facts.txt" }
    ])
    assert.deepStrictEqual(own(of(parts, "text-end")[0]), {
      citations: [
        {
          type: "char_location",
          cited_text: "The Ruby programming language was created by Yukihiro Matsumoto in 1993. ",
          document_index: 0,
          document_title: "facts.txt",
          start_char_index: 0,
          end_char_index: 73
        }
      ]
    })
  }),
  "claude-code-thinking-tool-stream.sse": {
    shape: `${thought} ${text} ${call("Agent")}`,
    finish: "tool-calls",
    exercises: (parts) => {
      assert.strictEqual(usageOf(parts)?.inputTokens.cacheWrite, 2750)
      assert.deepInclude(usageOf(parts)?.outputTokens, { total: 215, text: 131, reasoning: 84 })
    }
  },
  "document-in-stream.sse": stop(text, startsWith("The title of this document is")),
  "duplicate-message-start-stream.chunks.jsonl": stop(text, (parts) => {
    assert.strictEqual(of(parts, "response-metadata").length, 1)
  }),
  "fallback-model-stream.chunks.jsonl": stop(`reasoning-start reasoning-end ${text}`, (parts) => {
    assert.deepStrictEqual(JSON.parse(String(own(of(parts, "reasoning-end")[0])["opaque"])), {
      type: "fallback",
      from: { model: "claude-fable-5" },
      to: { model: "claude-opus-4-8" }
    })
  }),
  "image-in-stream.sse": stop(text, startsWith("Red square, green square.")),
  "long-text-stream.sse": stop(text, (parts) => assert.isAbove(of(parts, "text-delta").length, 50)),
  "max-tokens-stream.sse": { shape: text, finish: "length" },
  "mcp-stream.sse": stop(`${thought} ${hosted("ask_question")} tool-result:ask_question* ${text}`, (parts) => {
    const [called] = of(parts, "tool-call")
    assert.deepInclude(called?.params as object, { repoName: "pydantic/pydantic-ai" })
    assert.deepStrictEqual(own(called), { block: "mcp_tool_use", server: "deepwiki" })
    const [result] = of(parts, "tool-result")
    assert.strictEqual(result?.id, called?.id)
    assert.deepStrictEqual(own(result), { block: "mcp_tool_result" })
    assert.nestedPropertyVal(result?.result, "[0].type", "text")
  }),
  "message-delta-input-tokens-stream.chunks.jsonl": stop(text, (parts) => {
    assert.strictEqual(usageOf(parts)?.inputTokens.total, 61)
  }),
  "redacted-thinking-json.json": stop("reasoning text", (parts) => {
    const thoughts = of(parts, "reasoning")
    assert.isNotEmpty(thoughts)
    for (const part of thoughts) {
      assert.strictEqual(part.text, "")
      assert.isAbove(String(own(part)["redactedData"]).length, 20)
    }
  }),
  "stop-sequence-stream.sse": stop(text, (parts) => {
    assert.deepInclude(own(of(parts, "finish")[0]), { stopReason: "stop_sequence", stopSequence: "```" })
  }),
  "structured-stream.sse": stop(text, (parts) => {
    assert.deepInclude(JSON.parse(amountOf(parts).text), { name: "Biscuit", age: 4 })
  }),
  "text-empty-block-stream.sse": stop("text-start text-end", (parts) => assert.strictEqual(amountOf(parts).text, "")),
  "text-json.json": stop("text", (parts) => {
    assert.deepInclude(usageOf(parts)?.outputTokens, { total: 3, reasoning: 0 })
  }),
  "text-stream.sse": stop(text, (parts) => {
    assert.match(String(of(parts, "response-metadata")[0]?.id), /^msg_/)
    assert.match(String(of(parts, "response-metadata")[0]?.modelId), /^claude-/)
  }),
  "thinking-empty-delta-stream.sse": {
    shape: `${thought} ${call("fixed_version")}`,
    finish: "tool-calls",
    exercises: (parts) => {
      assert.isTrue(of(parts, "reasoning-delta").some(({ delta }) => delta === ""))
      assert.isAbove(String(own(of(parts, "reasoning-end")[0])["signature"]).length, 100)
      assert.isAbove(usageOf(parts)?.outputTokens.reasoning ?? 0, 0)
    }
  },
  "thinking-stream.sse": stop(`${thought} ${text}`, (parts) => {
    assert.isAbove(amountOf(parts).reasoning.length, 20)
    assert.isAbove(String(own(of(parts, "reasoning-end")[0])["signature"]).length, 100)
  }),
  "tools-parallel-stream.sse": {
    shape:
      "tool-params-start:pelican_name_generator tool-params-delta tool-params-end " +
      "tool-params-start:pelican_name_generator tool-params-delta tool-params-end tool-call:pelican_name_generator",
    finish: "tool-calls",
    exercises: (parts) => {
      const calls = of(parts, "tool-call")
      assert.strictEqual(new Set(calls.map(({ id }) => id)).size, 2)
      // A model that calls a tool itself is nothing to keep.
      assert.isUndefined(calls[0]?.metadata)
    }
  },
  "web-fetch-error-json.json": stop("text tool-call:web_fetch* tool-result:web_fetch*! text", (parts) => {
    assert.deepStrictEqual(of(parts, "tool-result")[0]?.result, {
      type: "web_fetch_tool_result_error",
      error_code: "unavailable"
    })
  }),
  "web-fetch-stream.sse": stop(`${text} ${hosted("web_fetch")} tool-result:web_fetch* ${text}`, (parts) => {
    assert.nestedPropertyVal(of(parts, "tool-result")[0]?.result, "type", "web_fetch_result")
  }),
  "web-search-pause-turn-stream.sse": {
    shape: [
      thought,
      text,
      ...Array(8).fill(`${hosted("web_search")} tool-result:web_search*`),
      text,
      ...Array(2).fill(`${hosted("web_search")} tool-result:web_search*`),
      text,
      // The turn is to be continued where this one waits.
      hosted("web_search")
    ].join(" "),
    finish: "pause",
    exercises: (parts) => {
      const found = of(parts, "tool-result")
      assert.deepStrictEqual(
        found.map(({ id }) => id),
        of(parts, "tool-call")
          .map(({ id }) => id)
          .slice(0, 10)
      )
      assert.nestedPropertyVal(found[0]?.result, "[0].type", "web_search_result")
      assert.deepInclude(own(of(parts, "finish")[0]), {
        stopReason: "pause_turn",
        serverToolUse: { web_search_requests: 10, web_fetch_requests: 0 }
      })
    }
  }
}

const { codec } = AnthropicMessages
const folder = "anthropic-messages/anthropic/"

const assertExpected = (parts: ReadonlyArray<Part>, { exercises, finish, shape }: Expected): void => {
  assert.strictEqual(shapeOf(parts), `response-metadata ${shape} finish`)
  assert.strictEqual(amountOf(parts).finish, finish)
  assert.notProperty(own(of(parts, "finish")[0]), "unread")
  exercises?.(parts)
}

/** Where to cut a body: positions as shares of its length. */
const Cuts = Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })))

const cutAt = (body: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [0, ...cuts.map((cut) => Math.floor(cut * body.length)), body.length].toSorted((a, b) => a - b)
  return places.slice(1).map((to, index) => body.subarray(places[index], to))
}

Fixtures.suite("a recorded answer", () => {
  for (const [file, expected] of Object.entries(answers)) {
    const fixture = Fixtures.all.find(({ path }) => path === folder + file)
    it.effect(`${file} is what the index says`, () =>
      Effect.gen(function* () {
        assert.isDefined(fixture)
        if (fixture.kind === "json") {
          return assertExpected(Result.getOrThrow(codec.decode(Fixtures.json(fixture))), expected)
        }
        const [body = new Uint8Array()] = Fixtures.streams(fixture)
        const { parts, reason } = yield* decode(codec, [body])
        assert.isUndefined(reason)
        assertExpected(parts, expected)
      })
    )
  }

  const programmatic = "programmatic-tool-calling-stream.chunks.jsonl"

  it.effect(`${programmatic} is a conversation that code leads inside its container`, () =>
    Effect.gen(function* () {
      const fixture = Fixtures.all.find(({ path }) => path === folder + programmatic)
      assert.isDefined(fixture)
      const decoded = yield* Effect.forEach(Fixtures.streams(fixture), (body) => decode(codec, [body]))
      const [first = [], ...rest] = decoded.map(({ parts }) => parts)
      const last = rest.pop() ?? []
      const rolled = "tool-params-start:rollDie tool-params-end tool-call:rollDie"
      assert.strictEqual(shapeOf(first), `response-metadata ${text} ${hosted("code_execution")} ${rolled} finish`)
      assert.isAbove(rest.length, 5)
      for (const parts of [first, ...rest]) {
        const rolls = of(parts, "tool-call").filter(({ name }) => name === "rollDie")
        assert.isNotEmpty(rolls)
        for (const roll of rolls) {
          assert.strictEqual(own(roll)["container"], "container_011CWHPPTDTn1XufeRB9uHeH")
          assert.nestedPropertyVal(own(roll), "caller.type", "code_execution_20250825")
        }
      }
      for (const parts of rest) assert.strictEqual(shapeOf(parts), `response-metadata ${rolled} finish`)
      assert.strictEqual(shapeOf(last), `response-metadata tool-result:code_execution* ${text} finish`)
    })
  )

  it("is never left out of the table", () => {
    const files = [...Fixtures.of(codec.api, "stream"), ...Fixtures.of(codec.api, "json")]
      .map(({ path }) => path)
      .filter((path) => path.startsWith(folder))
      .map((path) => path.slice(folder.length))
    assert.deepStrictEqual(files.toSorted(), [...Object.keys(answers), programmatic].toSorted())
  })

  describe("cut anywhere, gives the same parts:", () => {
    for (const fixture of Fixtures.of(codec.api, "stream")) {
      it.effect.prop(
        fixture.path,
        { cuts: Cuts },
        ({ cuts }) =>
          Effect.gen(function* () {
            for (const body of Fixtures.streams(fixture)) {
              assert.deepStrictEqual(yield* decode(codec, cutAt(body, cuts)), yield* decode(codec, [body]))
            }
          }),
        { arbitrary: { runs: 25 } }
      )
    }
  })
})
