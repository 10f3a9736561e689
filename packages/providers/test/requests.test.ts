/**
 * What we send, judged by the vendors' SDKs: by their types, and by what Vercel's sends for the same conversation.
 */
import type Anthropic from "@anthropic-ai/sdk"
import { createAnthropic } from "@ai-sdk/anthropic"
import { createOpenAI } from "@ai-sdk/openai"
import { assert, describe, it } from "@effect/vitest"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import type { ModelCall } from "@holdfast/providers/Codec"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import { generateText, jsonSchema, tool } from "ai"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type OpenAI from "openai"
import * as Fixtures from "./support/fixtures.ts"
import { targetOf } from "./support/target.ts"

const Weather = Tool.make("weather", {
  description: "The weather in a city.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const parameters = {
  type: "object" as const,
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: true
}

const prompt = Prompt.make([
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "Rome?" }] },
  {
    role: "assistant",
    content: [
      { type: "text", text: "I look." },
      { type: "tool-call", id: "call_1", name: "weather", params: { city: "Rome" }, providerExecuted: false },
      { type: "tool-call", id: "call_2", name: "weather", params: { city: "Oslo" }, providerExecuted: false }
    ]
  },
  {
    role: "tool",
    content: [
      {
        type: "tool-result",
        id: "call_1",
        name: "weather",
        result: "sunny",
        isFailure: false,
        providerExecuted: false
      },
      {
        type: "tool-result",
        id: "call_2",
        name: "weather",
        result: { reason: "no such city" },
        isFailure: true,
        providerExecuted: false
      }
    ]
  },
  { role: "user", content: [{ type: "text", text: "And Oslo?" }] }
])

const call: ModelCall = {
  prompt,
  tools: [Weather],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  params: { max_tokens: 100 },
  settings: {}
}

const opus = targetOf(AnthropicMessages.codec, "claude-opus-4-7")
const gpt = targetOf(OpenAiCompletions.codec, "gpt-5.5")

type Body = Readonly<Record<string, unknown>>

const anthropic = (more: Partial<ModelCall> = {}, streaming = false): Body =>
  Result.getOrThrow(AnthropicMessages.codec.encode({ ...call, ...more }, opus, streaming)).body

const openai = (more: Partial<ModelCall> = {}, streaming = false): Body =>
  Result.getOrThrow(OpenAiCompletions.codec.encode({ ...call, ...more }, gpt, streaming)).body

const forAnthropic: Anthropic.MessageCreateParamsNonStreaming = {
  model: "claude-opus-4-7",
  max_tokens: 100,
  system: [{ type: "text", text: "Be brief." }],
  messages: [
    { role: "user", content: [{ type: "text", text: "Rome?" }] },
    {
      role: "assistant",
      content: [
        { type: "text", text: "I look." },
        { type: "tool_use", id: "call_1", name: "weather", input: { city: "Rome" } },
        { type: "tool_use", id: "call_2", name: "weather", input: { city: "Oslo" } }
      ]
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "call_1", content: "sunny" },
        { type: "tool_result", tool_use_id: "call_2", content: '{"reason":"no such city"}', is_error: true },
        { type: "text", text: "And Oslo?" }
      ]
    }
  ],
  tools: [{ name: "weather", description: "The weather in a city.", input_schema: parameters }],
  tool_choice: { type: "auto" }
}

const forOpenai: OpenAI.ChatCompletionCreateParamsNonStreaming = {
  model: "gpt-5.5",
  max_completion_tokens: 100,
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Rome?" },
    {
      role: "assistant",
      content: "I look.",
      tool_calls: [
        { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' } },
        { id: "call_2", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } }
      ]
    },
    { role: "tool", tool_call_id: "call_1", content: "sunny" },
    { role: "tool", tool_call_id: "call_2", content: '{"reason":"no such city"}' },
    { role: "user", content: "And Oslo?" }
  ],
  tools: [{ type: "function", function: { name: "weather", description: "The weather in a city.", parameters } }],
  tool_choice: "auto"
}

const declare = (params: ModelCall["params"], model = "gpt-5.5") =>
  OpenAiCompletions.codec.declare({ ...call, params }, model)

const Trip = Schema.Struct({ city: Schema.String })

const object: Partial<ModelCall> = {
  tools: [],
  responseFormat: { type: "json", objectName: "a trip", schema: Trip }
}

describe("a request", () => {
  it("to Anthropic is what its SDK's types ask for", () => {
    assert.deepStrictEqual<unknown>(anthropic(), forAnthropic)
    const streaming: Anthropic.MessageCreateParamsStreaming = { ...forAnthropic, stream: true }
    assert.deepStrictEqual<unknown>(anthropic({}, true), streaming)
  })

  it("to OpenAI is what its SDK's types ask for", () => {
    assert.deepStrictEqual<unknown>(openai(), forOpenai)
    const streaming: OpenAI.ChatCompletionCreateParamsStreaming = {
      ...forOpenai,
      stream: true,
      stream_options: { include_usage: true }
    }
    assert.deepStrictEqual<unknown>(openai({}, true), streaming)
  })

  it("names the choice of tools in either's words", () => {
    const ofAnthropic: ReadonlyArray<readonly [ModelCall["toolChoice"], Anthropic.ToolChoice]> = [
      ["auto", { type: "auto" }],
      ["none", { type: "none" }],
      ["required", { type: "any" }],
      [{ tool: "weather" }, { type: "tool", name: "weather" }],
      [{ mode: "required", oneOf: ["weather"] }, { type: "any" }],
      [{ oneOf: ["weather"] }, { type: "auto" }]
    ]
    for (const [toolChoice, expected] of ofAnthropic) {
      assert.deepStrictEqual(anthropic({ toolChoice })["tool_choice"], expected)
    }
    const ofOpenai: ReadonlyArray<readonly [ModelCall["toolChoice"], OpenAI.ChatCompletionToolChoiceOption]> = [
      ["auto", "auto"],
      ["none", "none"],
      ["required", "required"],
      [{ tool: "weather" }, { type: "function", function: { name: "weather" } }],
      [{ mode: "required", oneOf: ["weather"] }, "required"],
      [{ oneOf: ["weather"] }, "auto"]
    ]
    for (const [toolChoice, expected] of ofOpenai) {
      assert.deepStrictEqual(openai({ toolChoice })["tool_choice"], expected)
    }
  })

  it("for an object carries its schema in either's words", () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false
    }
    const config: Anthropic.OutputConfig = { effort: "low", format: { type: "json_schema", schema } }
    const ours = anthropic({ ...object, params: { output_config: { effort: "low" } } })
    assert.deepStrictEqual(ours["output_config"], config)
    assert.notProperty(ours, "tools")
    const format: OpenAI.ResponseFormatJSONSchema = {
      type: "json_schema",
      json_schema: { name: "a_trip", schema, strict: true }
    }
    assert.deepStrictEqual(openai(object)["response_format"], format)
  })

  it("closes the schema of a tool that the model is to be held to", () => {
    const strict = Weather.annotate(Tool.Strict, true)
    const [toAnthropic] = anthropic({ tools: [strict] })["tools"] as ReadonlyArray<Anthropic.Tool>
    assert.isTrue(toAnthropic?.strict)
    assert.isFalse(toAnthropic?.input_schema["additionalProperties"])
    const [toOpenai] = openai({ tools: [strict] })["tools"] as ReadonlyArray<OpenAI.ChatCompletionFunctionTool>
    assert.isTrue(toOpenai?.function.strict)
    assert.isFalse(toOpenai?.function.parameters?.["additionalProperties"])
    const [loose] = openai({ tools: [Weather] })["tools"] as ReadonlyArray<OpenAI.ChatCompletionFunctionTool>
    assert.notProperty(loose?.function, "strict")
  })

  it("adds a provider's own tools to the app's", () => {
    const search: Anthropic.WebSearchTool20250305 = { type: "web_search_20250305", name: "web_search" }
    const body = anthropic({ params: { tools: [search] } })
    assert.deepStrictEqual(body["tools"], [...(forAnthropic.tools ?? []), search])
    assert.strictEqual(
      AnthropicMessages.codec.declare({ ...call, params: { tools: [search] } }, "claude-opus-4-7"),
      "provider-tools"
    )
  })

  it("declares what the provider would do or keep by itself", () => {
    assert.strictEqual(declare({}), "repeatable")
    assert.strictEqual(declare({ store: false }), "repeatable")
    assert.strictEqual(declare({ store: true }), "changes-state")
    assert.strictEqual(declare({ web_search_options: {} }), "provider-tools")
    for (const model of ["groq/compound", "compound-mini", "gpt-4o-search-preview", "openai/gpt-5.5:online"]) {
      assert.strictEqual(declare({}, model), "provider-tools", model)
    }
  })

  it("leaves out what only another provider can read, and messages that are nothing without it", () => {
    const foreign = Prompt.make([
      { role: "user", content: [{ type: "text", text: "Rome?" }] },
      { role: "assistant", content: [{ type: "reasoning", text: "Hm." }] },
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "srv_1", name: "web_search", params: {}, providerExecuted: true },
          { type: "text", text: "Sunny." }
        ]
      }
    ])
    const messages = [
      { role: "user", content: "Rome?" },
      { role: "assistant", content: "Sunny." }
    ]
    assert.deepStrictEqual(openai({ prompt: foreign })["messages"], messages)
    assert.deepStrictEqual(anthropic({ prompt: foreign })["messages"], [
      { role: "user", content: [{ type: "text", text: "Rome?" }] },
      { role: "assistant", content: [{ type: "text", text: "Sunny." }] }
    ])
  })

  it("that cannot be said is refused with every place that is wrong", () => {
    const film = { type: "file" as const, mediaType: "video/mp4", data: new Uint8Array([1]) }
    const odd: Partial<ModelCall> = {
      prompt: Prompt.make([
        { role: "user", content: [film] },
        { role: "user", content: [{ type: "text", text: "and" }, film] }
      ])
    }
    for (const { codec } of [AnthropicMessages, OpenAiCompletions]) {
      const files = Result.flip(codec.encode({ ...call, ...odd }, targetOf(codec, "m"), false))
      assert.deepStrictEqual(
        Result.getOrThrow(files).problems.map(({ kind, place }) => [kind, /^prompt\.content\[\d\]/.exec(place)?.[0]]),
        [
          ["UnsupportedContent", "prompt.content[0]"],
          ["UnsupportedContent", "prompt.content[1]"]
        ]
      )
      const reserved = Result.flip(
        codec.encode({ ...call, params: { model: "x", stream: true } }, targetOf(codec, "m"), false)
      )
      assert.deepStrictEqual(
        Result.getOrThrow(reserved).problems.map(({ kind, place }) => [kind, place]),
        [
          ["InvalidOption", "params.model"],
          ["InvalidOption", "params.stream"]
        ]
      )
    }
    const noObject = Result.flip(
      OpenAiCompletions.codec.encode(
        { ...call, responseFormat: { type: "json", objectName: "n", schema: Schema.String } },
        gpt,
        false
      )
    )
    assert.deepInclude(Result.getOrThrow(noObject).problems[0], { kind: "UnsupportedContent", place: "schema" })
  })
})

/** The body that Vercel's SDK sends for the same conversation. */
const sentByVercel = async (
  failure: "error-json" | "json",
  model: (fetch: typeof globalThis.fetch) => Parameters<typeof generateText>[0]["model"]
): Promise<Record<string, unknown>> => {
  let sent: unknown
  await generateText({
    model: model((_, init) => {
      sent = JSON.parse(String(init?.body))
      return Promise.reject(new Error("not sent"))
    }),
    maxRetries: 0,
    maxOutputTokens: 100,
    system: "Be brief.",
    tools: {
      weather: tool({ description: "The weather in a city.", inputSchema: jsonSchema(parameters) })
    },
    toolChoice: "auto",
    messages: [
      { role: "user", content: [{ type: "text", text: "Rome?" }] },
      {
        role: "assistant",
        content: [
          { type: "text", text: "I look." },
          { type: "tool-call", toolCallId: "call_1", toolName: "weather", input: { city: "Rome" } },
          { type: "tool-call", toolCallId: "call_2", toolName: "weather", input: { city: "Oslo" } }
        ]
      },
      {
        role: "tool",
        content: [
          {
            type: "tool-result",
            toolCallId: "call_1",
            toolName: "weather",
            output: { type: "text", value: "sunny" }
          },
          {
            type: "tool-result",
            toolCallId: "call_2",
            toolName: "weather",
            output: { type: failure, value: { reason: "no such city" } }
          }
        ]
      },
      { role: "user", content: [{ type: "text", text: "And Oslo?" }] }
    ]
  }).catch(() => undefined)
  return sent as Record<string, unknown>
}

describe("Vercel's SDK", () => {
  it.effect("sends the same conversation to Anthropic", () =>
    Effect.gen(function* () {
      const theirs = yield* Effect.promise(() =>
        sentByVercel("error-json", (fetch) => createAnthropic({ apiKey: "none", fetch })("claude-opus-4-5"))
      )
      assert.deepStrictEqual({ ...anthropic(), model: "claude-opus-4-5" }, theirs)
    })
  )

  it.effect("sends the same conversation to OpenAI", () =>
    Effect.gen(function* () {
      const theirs = yield* Effect.promise(() =>
        // It has words of its own for a failure, because the format has none.
        sentByVercel("json", (fetch) => createOpenAI({ apiKey: "none", fetch }).chat("gpt-4o"))
      )
      // It names the limit as models have it that do not reason.
      const { max_completion_tokens: max_tokens, ...ours } = openai()
      assert.deepStrictEqual({ ...ours, max_tokens, model: "gpt-4o" }, theirs)
    })
  )
})

Fixtures.suite("recorded requests", () => {
  for (const fixture of Fixtures.of("anthropic-messages", "request")) {
    it(`${fixture.path} is what we would have sent`, () => {
      const recorded = Fixtures.json(fixture) as Anthropic.MessageCreateParamsStreaming
      const [theirs] = recorded.tools ?? []
      const ours = Result.getOrThrow(
        AnthropicMessages.codec.encode(
          {
            ...call,
            prompt: Prompt.make("Two names for a pet pelican"),
            tools: [Tool.make("pelican_name_generator", { description: "", success: Schema.String })],
            params: { temperature: 1 }
          },
          targetOf(AnthropicMessages.codec, recorded.model),
          true
        )
      ).body
      const { tool_choice, tools, ...rest } = ours
      const { tools: _, ...recordedRest } = recorded
      assert.deepStrictEqual(rest, recordedRest)
      assert.deepStrictEqual(tool_choice, { type: "auto" })
      const [tool] = tools as ReadonlyArray<Anthropic.Tool>
      // Ours says as well that there are no other parameters.
      const { additionalProperties, ...schema } = tool?.input_schema ?? { type: "object" }
      assert.isFalse(additionalProperties)
      assert.deepStrictEqual({ ...tool, input_schema: { ...schema, properties: {} } }, theirs)
    })
  }
})
