import { assert, describe, it } from "@effect/vitest"
import type { Declaration } from "@holdfast/core/Declaration"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import type { Codec, ModelCall, Target } from "@holdfast/providers/Codec"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import { table } from "@holdfast/providers/ProviderTable"
import * as Prompt from "effect/ai/Prompt"
import * as Result from "effect/Result"
import { declare, isGeneration } from "../src/internal/generation.ts"

describe("a generation endpoint", () => {
  it.each([
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/v1/chat/completions",
    "/openai/v1/chat/completions",
    "/v1beta/openai/chat/completions",
    "/openai/deployments/gpt-5/chat/completions",
    "/gateway/account/name/anthropic/v1/messages"
  ])("is known by the end of its path: %s", (path) => assert.isTrue(isGeneration(path)))

  it.each([
    "/v1/threads/thread_1/messages",
    "/v1/messages/batches",
    "/v1/responses/resp_1/cancel",
    "/v1/batches",
    "/v1/files",
    "/v1/models",
    "/chat",
    "/mycompletions",
    "/v1/chat/completions/chatcmpl-1"
  ])("is not this: %s", (path) => assert.isFalse(isGeneration(path)))
})

const chat = "/v1/chat/completions"
const messages = "/v1/messages"
const responses = "/v1/responses"

const bodies: ReadonlyArray<readonly [string, unknown, Declaration]> = [
  [messages, { model: "m" }, "repeatable"],
  [messages, { tools: [{ name: "write", input_schema: {} }] }, "repeatable"],
  [messages, { tools: [{ type: "custom", name: "write", input_schema: {} }] }, "repeatable"],
  [messages, { tools: [{ type: "bash_20250124", name: "bash" }] }, "repeatable"],
  [messages, { tools: [{ type: "text_editor_20250728", name: "edit" }] }, "repeatable"],
  [messages, { tools: [{ type: "computer_20250124", name: "computer" }] }, "repeatable"],
  [messages, { tools: [{ type: "memory_20250818", name: "memory" }] }, "repeatable"],
  [messages, { tools: [{ type: "web_search_20250305", name: "web_search" }] }, "provider-tools"],
  [messages, { tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }, "provider-tools"],
  [messages, { tools: [{ type: "code_execution_20250825", name: "code" }] }, "provider-tools"],
  [messages, { tools: [{ name: "a", input_schema: {} }, { type: "mcp_toolset" }] }, "provider-tools"],
  [messages, { mcp_servers: [{ url: "https://mcp" }] }, "provider-tools"],
  [messages, { mcp_servers: [] }, "repeatable"],
  [messages, { container: "c" }, "provider-tools"],
  [chat, { model: "gpt-5", tools: [{ type: "function", function: { name: "f" } }] }, "repeatable"],
  [chat, { tools: [{ type: "web_search" }] }, "provider-tools"],
  [chat, { tools: [{ google_search: {} }] }, "provider-tools"],
  [chat, { tools: "all" }, "provider-tools"],
  [chat, { tools: [], store: false }, "repeatable"],
  [chat, { tools: null }, "repeatable"],
  [chat, { store: true }, "changes-state"],
  [chat, { web_search_options: {} }, "provider-tools"],
  [chat, { plugins: [{ id: "web" }] }, "provider-tools"],
  [chat, { search_parameters: { mode: "auto" } }, "provider-tools"],
  [chat, { model: "openai/gpt-5:online" }, "provider-tools"],
  [chat, { model: "openai/gpt-5", models: ["perplexity/sonar"] }, "provider-tools"],
  [chat, { model: "groq/compound" }, "provider-tools"],
  [chat, { model: "@preset/mine" }, "unknown"],
  [chat, { preset: "mine" }, "unknown"],
  [responses, { store: false, input: "hi" }, "repeatable"],
  [responses, { input: "hi" }, "repeatable"],
  [responses, { store: true }, "changes-state"],
  [responses, { store: false, background: true }, "changes-state"],
  [responses, { store: false, previous_response_id: "resp_1" }, "changes-state"],
  [responses, { store: false, conversation: "conv_1" }, "changes-state"],
  [
    responses,
    {
      store: false,
      tools: [
        { type: "function", name: "f" },
        { type: "custom", name: "g" }
      ]
    },
    "repeatable"
  ],
  [responses, { store: false, tools: [{ type: "local_shell" }] }, "repeatable"],
  [responses, { store: false, tools: [{ type: "file_search" }] }, "provider-tools"],
  [responses, { store: false, tools: [{ type: "mcp", server_url: "https://mcp" }] }, "provider-tools"],
  [responses, { store: false, prompt: { id: "pmpt_1" } }, "unknown"],
  ["/v1/completions", { prompt: "once" }, "repeatable"],
  ["/v1/embeddings", { input: "once" }, "repeatable"],
  ["/api/chat", { model: "llama", messages: [] }, "repeatable"],
  [chat, undefined, "unknown"],
  [chat, [], "unknown"],
  [chat, "text", "unknown"],
  ["/v1/files", { model: "m" }, "unknown"]
]

const targetOf = (codec: Codec, model: string): Target => {
  const definition = table.find(({ codecs }) => codecs.includes(codec))
  return definition === undefined ? assert.fail(codec.api) : { model, definition, facts: definition.describe(model) }
}

const call = (params: Readonly<Record<string, unknown>>): ModelCall => ({
  prompt: Prompt.make("hi"),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  params: { max_tokens: 5, ...params },
  settings: {}
})

describe("declare", () => {
  it.each(bodies)("%s with %j is %s", (path, body, declaration) => {
    assert.strictEqual(declare(path, body), declaration)
  })

  const asked: ReadonlyArray<Readonly<Record<string, unknown>>> = [
    {},
    { store: true },
    { store: false },
    { tools: [{ type: "web_search_20250305", name: "web_search" }] },
    { tools: [{ type: "web_search" }] },
    { mcp_servers: [{ url: "https://mcp" }] },
    { container: "c" },
    { web_search_options: {} },
    { plugins: [{ id: "web" }] }
  ]
  const models = ["gpt-5", "openai/gpt-5:online", "groq/compound", "gpt-4o-search-preview", "sonar-pro"]

  it.each([AnthropicMessages.codec, OpenAiCompletions.codec])(
    "allows no replay of a request that its codec would not allow: $api",
    (codec: Codec) => {
      let compared = 0
      for (const params of asked) {
        for (const model of codec.api === "openai-completions" ? models : ["claude-opus-4-7"]) {
          const encoded = Result.getOrUndefined(codec.encode(call(params), targetOf(codec, model), false))
          if (encoded === undefined) continue
          const theirs = codec.declare(call(params), model)
          const ours = declare(`/v1${codec.path.replace("/v1", "")}`, JSON.parse(JSON.stringify(encoded.body)))
          if (theirs !== "repeatable") assert.notStrictEqual(ours, "repeatable", JSON.stringify(encoded.body))
          // Fields that only the other maker's format knows may make us the stricter one; without any we agree.
          if (Object.keys(params).length === 0 && theirs === "repeatable") assert.strictEqual(ours, "repeatable")
          compared += 1
        }
      }
      assert.isAbove(compared, 8)
    }
  )
})
