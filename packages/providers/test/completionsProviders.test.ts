/** The providers of the format: what is known of them and of their models, and calls to them from end to end. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import { closeness } from "@holdfast/core/Candidate"
import type { ProviderDefinition } from "@holdfast/providers/ProviderDefinition"
import type * as Providers from "@holdfast/providers/Providers"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { anthropic } from "../src/definitions/anthropic.ts"
import { deepseek } from "../src/definitions/deepseek.ts"
import { groq } from "../src/definitions/groq.ts"
import { moonshot } from "../src/definitions/moonshot.ts"
import { openai } from "../src/definitions/openai.ts"
import { openrouter } from "../src/definitions/openrouter.ts"
import { qianfan } from "../src/definitions/qianfan.ts"
import { zai } from "../src/definitions/zai.ts"
import * as Fixtures from "./support/fixtures.ts"
import type { Reply, Scripted } from "./support/scripted.ts"
import { json, over, scripted, sse } from "./support/scripted.ts"

const definitions = [openrouter, groq, deepseek, moonshot, zai, qianfan]

const candidateOf = (definition: ProviderDefinition, model: string): Candidate => {
  const { family, identity } = definition.describe(model) ?? {}
  return {
    provider: definition.id,
    model,
    ...(family === undefined ? undefined : { family }),
    ...(identity === undefined ? undefined : { identity })
  }
}

describe.each(definitions)("$id", (definition) => {
  it("says where it is, how it is asked and what its key is called", () => {
    assert.match(definition.baseUrl, /^https:\/\/[^/]+\/.*[^/]$/)
    assert.deepStrictEqual(
      definition.codecs.map(({ api }) => api),
      ["openai-completions"]
    )
    assert.isNotEmpty(definition.keyVariables)
    assert.match(definition.keyVariables[0] ?? "", /^[A-Z]+_API_KEY$/)
    const { authorization } = definition.authenticate(Redacted.make("k"))
    assert.strictEqual(Redacted.isRedacted(authorization) && Redacted.value(authorization), "Bearer k")
    assert.isAbove(definition.connections.keepAliveMs, 0)
    assert.isDefined(definition.modelsPath)
    assert.isNotEmpty(definition.errors)
  })

  it("knows its dialect for every model", () => {
    assert.isDefined(definition.dialect?.("anything"))
    assert.isUndefined(definition.describe("anything"))
  })
})

const input = (definition: ProviderDefinition, model: string) => definition.describe(model)?.input

describe("a model", () => {
  it("is the same wherever it is hosted", () => {
    const same: ReadonlyArray<readonly [ProviderDefinition, string, ProviderDefinition, string]> = [
      [anthropic, "claude-opus-4-7", openrouter, "anthropic/claude-opus-4.7"],
      [anthropic, "claude-opus-4-7", openrouter, "anthropic/claude-opus-4.7:online"],
      [openai, "gpt-5.5", openrouter, "openai/gpt-5.5"],
      [moonshot, "kimi-k2.6", openrouter, "moonshotai/kimi-k2.6"],
      [moonshot, "kimi-k2-0905-preview", groq, "moonshotai/kimi-k2-instruct-0905"],
      [zai, "glm-4.6", openrouter, "z-ai/glm-4.6"],
      [zai, "glm-4.5-air", openrouter, "z-ai/glm-4.5-air:free"],
      [groq, "openai/gpt-oss-120b", openrouter, "openai/gpt-oss-120b"],
      [groq, "qwen/qwen3-32b", openrouter, "qwen/qwen3-32b"],
      [qianfan, "glm-4.6", zai, "glm-4.6"]
    ]
    for (const [a, model, b, hosted] of same) {
      assert.strictEqual(closeness(candidateOf(a, model), candidateOf(b, hosted)), "same-model", hosted)
    }
  })

  it("is of its maker's family elsewhere, and no more where its name moves on", () => {
    const family: ReadonlyArray<readonly [ProviderDefinition, string, ProviderDefinition, string]> = [
      [anthropic, "claude-opus-4-6", openrouter, "anthropic/claude-opus-4.7"],
      [deepseek, "deepseek-v4-pro", openrouter, "deepseek/deepseek-v4-pro"],
      [deepseek, "deepseek-chat", openrouter, "deepseek/deepseek-chat"],
      [deepseek, "deepseek-reasoner", openrouter, "deepseek/deepseek-r1-0528"],
      [moonshot, "kimi-k2.6", openrouter, "moonshotai/kimi-k3"],
      [zai, "glm-5", openrouter, "z-ai/glm-4.6"],
      [openrouter, "google/gemini-3.1-flash-lite-preview", openrouter, "google/gemini-2.5-flash-lite"]
    ]
    for (const [a, model, b, hosted] of family) {
      assert.strictEqual(closeness(candidateOf(a, model), candidateOf(b, hosted)), "same-family", hosted)
    }
    const other: ReadonlyArray<readonly [ProviderDefinition, string, ProviderDefinition, string]> = [
      [anthropic, "claude-opus-4-7", openrouter, "anthropic/claude-sonnet-4.6"],
      [deepseek, "deepseek-flash", deepseek, "deepseek-v4-pro"],
      [zai, "glm-4.6", zai, "glm-4.6v"],
      [moonshot, "kimi-k2.6", moonshot, "moonshot-v1-8k"],
      [openrouter, "google/gemini-3.1-pro", openrouter, "google/gemini-3.1-flash"],
      [openrouter, "meta-llama/llama-3.3-70b-instruct", openrouter, "meta-llama/llama-3.1-8b-instruct"],
      [groq, "groq/compound", groq, "groq/compound-mini"]
    ]
    for (const [a, model, b, hosted] of other) {
      assert.strictEqual(closeness(candidateOf(a, model), candidateOf(b, hosted)), "other", hosted)
    }
  })

  it("is shown what it is known to read", () => {
    assert.deepStrictEqual(input(deepseek, "deepseek-v4-pro"), ["text"])
    assert.deepStrictEqual(input(deepseek, "deepseek-flash"), ["text", "image"])
    assert.deepStrictEqual(input(zai, "glm-4.6"), ["text"])
    assert.deepStrictEqual(input(zai, "glm-4.6v-flash"), ["text", "image", "video"])
    assert.deepStrictEqual(input(moonshot, "kimi-k2-turbo-preview"), ["text"])
    assert.deepStrictEqual(input(moonshot, "kimi-k2.5"), ["text", "image", "video"])
    // OpenRouter reads PDFs for every model.
    assert.deepStrictEqual(input(openrouter, "z-ai/glm-4.6"), ["text", "pdf"])
    assert.isUndefined(input(openrouter, "mistralai/mistral-large"))
  })

  it("costs what its host says, not what its maker does", () => {
    assert.isDefined(anthropic.describe("claude-opus-4-7")?.price)
    assert.isUndefined(openrouter.describe("anthropic/claude-opus-4.7")?.price)
  })
})

const keys: Providers.Options = {
  providers: {
    openrouter: { apiKey: Redacted.make("sk-or-v1-test") },
    groq: { apiKey: Redacted.make("gsk_test") },
    deepseek: { apiKey: Redacted.make("sk-test") },
    moonshot: { apiKey: Redacted.make("sk-test") }
  }
}

const model = (script: Scripted, ref: string) =>
  over(script, ref, undefined, { providers: keys, policy: { maxAttempts: 1 } })

const recorded = (path: string): Reply => {
  const fixture = Fixtures.all.find((each) => each.path === `openai-completions/${path}`)
  if (fixture === undefined) throw new Error(`there is no ${path}`)
  return fixture.kind === "json" ? json(Fixtures.read(fixture)) : sse([Fixtures.read(fixture)])
}

const answer = (content: string, message: object = {}) => ({
  id: "c1",
  choices: [{ index: 0, message: { role: "assistant", content, ...message }, finish_reason: "stop" }],
  usage: { prompt_tokens: 1, completion_tokens: 1 }
})

const Weather = Tool.make("weather", {
  parameters: Schema.Struct({ location: Schema.String }),
  success: Schema.String
})
const toolkit = Toolkit.make(Weather)
const handlers = toolkit.toLayer({ weather: ({ location }) => Effect.succeed(`sunny in ${location}`) })

const sum = <const Name extends string>(name: Name) =>
  Tool.make(name, { parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }), success: Schema.Finite })
const sums = Toolkit.make(sum("add"), sum("multiply"))
const summing = sums.toLayer({
  add: ({ a, b }) => Effect.succeed(a + b),
  multiply: ({ a, b }) => Effect.succeed(a * b)
})

type Message = Readonly<Record<string, unknown>>

const messagesOf = (script: Scripted, request: number): ReadonlyArray<Message> =>
  script.bodies()[request]?.["messages"] as ReadonlyArray<Message>

describe("through LanguageModel,", () => {
  it.effect(
    "DeepSeek sees its thought again with the result of the tool that it called, and not in the next turn",
    () => {
      const thought = { reasoning_content: "The weather, then." }
      const calls = [{ id: "a", type: "function", function: { name: "weather", arguments: '{"location":"Rome"}' } }]
      const script = scripted(
        json({
          ...answer(""),
          choices: [{ index: 0, message: { content: "", ...thought, tool_calls: calls }, finish_reason: "tool_calls" }]
        }),
        json(answer("Sunny.", { reasoning_content: "It is sunny." })),
        json(answer("Bye."))
      )
      return Effect.gen(function* () {
        const chat = yield* Chat.empty
        yield* chat.generateText({ prompt: "Rome?", toolkit })
        yield* chat.generateText({ prompt: [], toolkit })
        yield* chat.generateText({ prompt: "Thanks." })
        assert.deepStrictEqual<unknown>(messagesOf(script, 1).slice(1), [
          { role: "assistant", content: null, ...thought, tool_calls: calls },
          { role: "tool", tool_call_id: "a", content: "sunny in Rome" }
        ])
        assert.deepStrictEqual<unknown>(messagesOf(script, 2).slice(3), [
          { role: "assistant", content: "Sunny.", reasoning_content: "It is sunny." },
          { role: "user", content: "Thanks." }
        ])
      }).pipe(Effect.provide([model(script, "deepseek/deepseek-v4-pro"), handlers]))
    }
  )

  it.effect("DeepSeek is told in words what object is wanted, and it is read", () => {
    const script = scripted(json(answer('<think>hm</think>\n{"city":"Rome"}')))
    return Effect.gen(function* () {
      const { value } = yield* LanguageModel.generateObject({
        prompt: "Where?",
        schema: Schema.Struct({ city: Schema.String })
      })
      assert.deepStrictEqual(value, { city: "Rome" })
      assert.deepStrictEqual(script.bodies()[0]?.["response_format"], { type: "json_object" })
      assert.match(String(messagesOf(script, 0)[0]?.["content"]), /"city"/)
    }).pipe(Effect.provide(model(script, "deepseek/deepseek-v4-pro")))
  })

  it.effect("an image for a model of text is refused before anything is sent", () => {
    const script = scripted(json(answer("never")))
    return Effect.gen(function* () {
      const prompt = Prompt.make([
        { role: "user", content: [{ type: "file", mediaType: "image/png", data: new Uint8Array([1]) }] }
      ])
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt }))
      assert.match(error.message, /prompt\.content\[0\]\.content\[0\]/)
      assert.isEmpty(script.requests)
    }).pipe(Effect.provide(model(script, "deepseek/deepseek-v4-pro")))
  })

  it.effect("an answer of JSON behind white space, under another content type, is one", () => {
    const body = `\n\n         \n\n${JSON.stringify(answer("A"))}`
    const script = scripted(
      TestTransport.answer({ status: 200, headers: { "content-type": "application/octet-stream" }, body })
    )
    return Effect.gen(function* () {
      assert.strictEqual((yield* LanguageModel.generateText({ prompt: "hi" })).text, "A")
    }).pipe(Effect.provide(model(script, "openrouter/openai/gpt-5.5")))
  })
})

describe("a provider of one's own is configured as the recipes say:", () => {
  const recipes: ReadonlyArray<{
    readonly name: string
    readonly ref: string
    readonly own: Providers.ProviderOptions
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
  }> = [
    {
      name: "Azure OpenAI, with its own header",
      ref: "azure/my-deployment",
      own: {
        api: "openai-completions",
        baseUrl: "https://my-resource.openai.azure.com/openai/v1",
        headers: { "api-key": Redacted.make("azure-key") }
      },
      url: "https://my-resource.openai.azure.com/openai/v1/chat/completions",
      headers: { "api-key": "azure-key" }
    },
    {
      name: "Gemini's endpoint in this format",
      ref: "gemini/gemini-3.1-pro",
      own: {
        api: "openai-completions",
        baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
        apiKey: Redacted.make("AIza-test")
      },
      url: "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
      headers: { authorization: "Bearer AIza-test" }
    },
    {
      name: "LiteLLM",
      ref: "litellm/claude",
      own: { api: "openai-completions", baseUrl: "http://localhost:4000/v1", apiKey: Redacted.make("sk-litellm") },
      url: "http://localhost:4000/v1/chat/completions",
      headers: { authorization: "Bearer sk-litellm" }
    },
    {
      name: "Portkey",
      ref: "portkey/@openai-prod/gpt-5.5",
      own: {
        api: "openai-completions",
        baseUrl: "https://api.portkey.ai/v1",
        headers: { "x-portkey-api-key": Redacted.make("pk-test") }
      },
      url: "https://api.portkey.ai/v1/chat/completions",
      headers: { "x-portkey-api-key": "pk-test" }
    }
  ]

  it.effect.each(recipes)("$name", ({ headers, own, ref, url }) => {
    const script = scripted(json(answer("A")))
    const id = ref.slice(0, ref.indexOf("/"))
    return Effect.gen(function* () {
      assert.strictEqual((yield* LanguageModel.generateText({ prompt: "hi" })).text, "A")
      const [request] = script.requests
      assert.strictEqual(request?.url, url)
      assert.strictEqual(script.bodies()[0]?.["model"], ref.slice(id.length + 1))
      for (const [name, value] of Object.entries(headers)) {
        const sent = request?.headers[name]
        assert.strictEqual(Redacted.isRedacted(sent) ? Redacted.value(sent) : sent, value)
      }
      assert.strictEqual(request?.headers["authorization"] === undefined, headers["authorization"] === undefined)
    }).pipe(Effect.provide(over(script, ref, undefined, { providers: { providers: { [id]: own } } })))
  })
})

const detailsOf = (message: Message | undefined) => (message?.["reasoning_details"] ?? []) as ReadonlyArray<Message>

Fixtures.suite("recorded, through LanguageModel,", () => {
  it.effect("Claude behind OpenRouter sees its signed thought again, as it came", () => {
    const script = scripted(recorded("openrouter/claude-thinking-tool-stream.sse"), json(answer("Sunny.")))
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      const text = "The user is asking for weather information in Florence"
      yield* Stream.runDrain(chat.streamText({ prompt: "Florence?", toolkit }))
      yield* chat.generateText({ prompt: [], toolkit })
      const assistant = messagesOf(script, 1).find(({ role }) => role === "assistant")
      const [detail, ...others] = detailsOf(assistant)
      assert.isEmpty(others)
      assert.isTrue(String(detail?.["text"]).startsWith(text))
      assert.isAbove(String(detail?.["signature"]).length, 100)
      assert.deepStrictEqual(Object.keys(detail ?? {}).toSorted(), ["format", "index", "signature", "text", "type"])
    }).pipe(Effect.provide([model(script, "openrouter/anthropic/claude-haiku-4.5"), handlers]))
  })

  it.effect("Gemini's encrypted reasoning, which nobody reads, goes back with its calls", () => {
    const script = scripted(recorded("openrouter/gemini-encrypted-tools-stream.sse"), json(answer("5 and 6.")))
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* Stream.runDrain(chat.streamText({ prompt: "2 and 3?", toolkit: sums }))
      yield* chat.generateText({ prompt: [], toolkit: sums })
      const assistant = messagesOf(script, 1).find(({ role }) => role === "assistant")
      assert.strictEqual(detailsOf(assistant)[0]?.["id"], "tool_add_kZJN6iFNozVOBiXBMA2Y")
      assert.lengthOf(assistant?.["tool_calls"] as ReadonlyArray<unknown>, 2)
    }).pipe(Effect.provide([model(script, "openrouter/google/gemini-3.1-flash-lite"), summing]))
  })

  it.effect("what Groq's compound ran by itself does not get in the way of its answer", () => {
    const script = scripted(recorded("groq/web-search-executed-tools-stream.sse"))
    return Effect.gen(function* () {
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "Weather?" }))
      const said = parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")
      assert.match(said, /61°F/)
      // Carried by a thought of its own, because the toolkit does not know the tool.
      assert.include(JSON.stringify(parts), "executed_0")
    }).pipe(Effect.provide(model(script, "groq/groq/compound")))
  })

  it.effect("Kimi behind OpenRouter answers a call for one answer, white space first", () => {
    const script = scripted(recorded("openrouter/kimi-tools-parallel-leading-whitespace-json.json"))
    return Effect.gen(function* () {
      const { toolResults } = yield* LanguageModel.generateText({ prompt: "2 and 3?", toolkit: sums })
      assert.deepStrictEqual(
        toolResults.map(({ result }) => result),
        [5, 6]
      )
    }).pipe(Effect.provide([model(script, "openrouter/moonshotai/kimi-k2.5"), summing]))
  })
})
