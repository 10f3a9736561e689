/** Conversations, tools and limits as they go to Anthropic, held to its SDK's types. */
import type Anthropic from "@anthropic-ai/sdk"
import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "@holdfast/providers/Codec"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import { Weather, body, call, codec, messages, problems, toolCall, toolResult } from "./support/anthropicRequest.ts"

describe("what Anthropic has said before", () => {
  it("goes back as it was: thoughts, citations, what it ran, what only it can read", () => {
    const fallback = { type: "fallback", from: { model: "a" }, to: { model: "b" } }
    const citation = {
      type: "page_location",
      cited_text: "x",
      document_index: 0,
      document_title: null,
      start_page_number: 1,
      end_page_number: 2
    } as const
    const ours = messages([
      { role: "user", content: [{ type: "text", text: "q" }] },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Hm.", options: { anthropic: { signature: "c2ln" } } },
          { type: "reasoning", text: "", options: { anthropic: { signature: "b21pdHRlZA" } } },
          { type: "reasoning", text: "", options: { anthropic: { redactedData: "ZGF0YQ" } } },
          { type: "reasoning", text: "of somebody else's", options: { openai: { itemId: "rs_1" } } },
          { type: "reasoning", text: "", options: { anthropic: { opaque: JSON.stringify(fallback) } } },
          { type: "reasoning", text: "", options: { anthropic: { opaque: "{no json" } } },
          toolCall("srv_1", "web_search", { query: "q" }, { anthropic: { block: "server_tool_use" } }),
          toolResult("srv_1", "web_search", [], {
            providerExecuted: true,
            options: { anthropic: { block: "web_search_tool_result" } }
          }),
          toolCall("mcp_1", "ask", {}, { anthropic: { block: "mcp_tool_use", server: "deepwiki" } }),
          toolResult("mcp_1", "ask", [{ type: "text", text: "no" }], {
            isFailure: true,
            providerExecuted: true,
            options: { anthropic: { block: "mcp_tool_result" } }
          }),
          { ...toolCall("ws_1", "web_search", {}), providerExecuted: true },
          toolResult("ws_1", "web_search", {}, { providerExecuted: true }),
          {
            type: "text",
            text: "A.",
            options: { anthropic: { citations: [{ ...citation, file_id: "file_1" }] } }
          }
        ]
      },
      { role: "user", content: [{ type: "text", text: "more" }] }
    ])
    const expected: ReadonlyArray<Anthropic.Beta.BetaMessageParam> = [
      { role: "user", content: [{ type: "text", text: "q" }] },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "c2ln" },
          { type: "thinking", thinking: "", signature: "b21pdHRlZA" },
          { type: "redacted_thinking", data: "ZGF0YQ" },
          { type: "fallback", from: { model: "a" }, to: { model: "b" } },
          { type: "server_tool_use", id: "srv_1", name: "web_search", input: { query: "q" } },
          { type: "web_search_tool_result", tool_use_id: "srv_1", content: [] },
          { type: "mcp_tool_use", id: "mcp_1", name: "ask", input: {}, server_name: "deepwiki" },
          {
            type: "mcp_tool_result",
            tool_use_id: "mcp_1",
            content: [{ type: "text", text: "no" }],
            is_error: true
          },
          { type: "text", text: "A.", citations: [citation] }
        ]
      },
      { role: "user", content: [{ type: "text", text: "more" }] }
    ]
    assert.deepStrictEqual<unknown>(ours, expected)
  })

  it("goes on inside its container where code of Anthropic's waits for tools", () => {
    const caller = { type: "code_execution_20250825", tool_id: "srv_1" } as const
    const waiting = toolCall("t1", "roll", {}, { anthropic: { caller, container: "container_1" } })
    const ours = body({
      prompt: Prompt.make([
        { role: "user", content: [{ type: "text", text: "play" }] },
        { role: "assistant", content: [{ ...waiting, providerExecuted: false }] },
        { role: "tool", content: [toolResult("t1", "roll", 6)] }
      ])
    })
    assert.strictEqual(ours.container, "container_1")
    const expected: Anthropic.ToolUseBlockParam = { type: "tool_use", id: "t1", name: "roll", input: {}, caller }
    assert.deepStrictEqual(ours.messages[1]?.content, [expected])
    const own = body({ params: { container: "mine" } })
    assert.strictEqual(own.container, "mine")
  })
})

describe("a conversation", () => {
  it("places system prompts apart, drops what is empty, and lets the roles alternate", () => {
    const ours = body({
      prompt: Prompt.make([
        { role: "system", content: "Be brief." },
        { role: "system", content: "" },
        { role: "user", content: [{ type: "text", text: "a" }] },
        { role: "user", content: [{ type: "text", text: "" }] },
        { role: "assistant", content: [{ type: "text", text: "\n\n" }] },
        { role: "user", content: [{ type: "text", text: "b" }] },
        { role: "system", content: "Be kind." },
        { role: "assistant", content: [{ type: "text", text: "I say \n" }] }
      ])
    })
    const expected: Partial<Anthropic.MessageCreateParams> = {
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "Be kind." }
      ],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" }
          ]
        },
        // What the model is to go on with ends without white space.
        { role: "assistant", content: [{ type: "text", text: "I say" }] }
      ]
    }
    assert.deepInclude(ours, expected)
  })

  it("calls tools with objects, whatever another model called them with", () => {
    const called = [toolCall("a", "w", "text"), toolCall("b", "w", undefined), toolCall("c", "w", [1])]
    const [, message] = messages([
      { role: "user", content: [{ type: "text", text: "q" }] },
      { role: "assistant", content: called }
    ])
    const expected: ReadonlyArray<Anthropic.ToolUseBlockParam> = [
      { type: "tool_use", id: "a", name: "w", input: { value: "text" } },
      { type: "tool_use", id: "b", name: "w", input: {} },
      { type: "tool_use", id: "c", name: "w", input: { value: [1] } }
    ]
    assert.deepStrictEqual<unknown>(message?.content, expected)
  })

  it.each([
    ["nothing", Prompt.empty],
    ["a system prompt alone", Prompt.make([{ role: "system", content: "Be brief." }])],
    ["an empty text", Prompt.make("")],
    [
      "what only another provider can read",
      Prompt.make([{ role: "assistant", content: [{ type: "reasoning", text: "Hm." }] }])
    ],
    ["an assistant who begins", Prompt.make([{ role: "assistant", content: [{ type: "text", text: "Hi." }] }])]
  ])("of %s is refused before it is sent", (_, prompt) => {
    assert.deepStrictEqual(problems({ prompt }), ["UnsupportedContent prompt"])
  })

  it("takes a system prompt from the parameters where it has none itself", () => {
    const params = { system: "Be brief." }
    assert.strictEqual(body({ params }).system, "Be brief.")
    const prompt = Prompt.make([
      { role: "system", content: "Be kind." },
      { role: "user", content: [{ type: "text", text: "q" }] }
    ])
    assert.deepStrictEqual(problems({ prompt, params }), ["InvalidOption params.system"])
  })

  it("has all that is wrong with it told at once", () => {
    const Odd = Tool.dynamic("odd name", { parameters: { type: "string" } })
    const Foreign = Tool.providerDefined({ id: "openai.web_search", customName: "search", providerName: "web_search" })(
      undefined
    )
    assert.deepStrictEqual(
      problems({
        prompt: Prompt.make([{ role: "user", content: [{ type: "file", mediaType: "audio/wav", data: "" }] }]),
        tools: [Odd, Foreign],
        params: { model: "x", betas: "context-1m" },
        responseFormat: {
          type: "json",
          objectName: "n",
          schema: Schema.Struct({ a: Schema.Record(Schema.String, Schema.String) })
        }
      }).filter((problem) => !problem.endsWith(" schema")),
      [
        "InvalidOption params.model",
        "UnsupportedContent tools",
        "InvalidOption params.betas",
        "UnsupportedContent tools[0].name",
        "UnsupportedContent tools[0].parameters",
        "UnsupportedContent prompt.content[0].content[0]"
      ]
    )
  })
})

describe("tools", () => {
  it("may be kept from running side by side", () => {
    const alone = { tool_choice: { disable_parallel_tool_use: true } }
    const chosen = (toolChoice: ModelCall["toolChoice"], params: ModelCall["params"] = alone) =>
      body({ tools: [Weather], toolChoice, params }).tool_choice
    const auto: Anthropic.ToolChoice = { type: "auto", disable_parallel_tool_use: true }
    const one: Anthropic.ToolChoice = { type: "tool", name: "weather", disable_parallel_tool_use: true }
    const none: Anthropic.ToolChoice = { type: "none" }
    assert.deepStrictEqual(chosen("auto"), auto)
    assert.deepStrictEqual(chosen({ tool: "weather" }), one)
    assert.deepStrictEqual(chosen("none"), none)
    assert.deepStrictEqual(chosen("auto", { tool_choice: { type: "any" } }), { type: "any" })
  })

  it("of Anthropic's own come from a toolkit, under its names", () => {
    const Search = Tool.providerDefined({
      id: "anthropic.web_search_20250305",
      customName: "Search",
      providerName: "web_search",
      args: Schema.Struct({ max_uses: Schema.Finite })
    })({ max_uses: 3 })
    const prompt = Prompt.make([
      { role: "user", content: [{ type: "text", text: "q" }] },
      {
        role: "assistant",
        content: [toolCall("srv_1", "Search", { query: "q" }, { anthropic: { block: "server_tool_use" } })]
      }
    ])
    const asked: Partial<ModelCall> = { prompt, tools: [Search, Weather], toolChoice: { tool: "Search" } }
    const ours = body(asked)
    const search: Anthropic.WebSearchTool20250305 = { type: "web_search_20250305", name: "web_search", max_uses: 3 }
    assert.deepStrictEqual(ours.tools?.[0], search)
    assert.deepStrictEqual(ours.tool_choice, { type: "tool", name: "web_search" })
    assert.nestedPropertyVal(ours.messages[1], "content[0].name", "web_search")
    assert.strictEqual(codec.declare({ ...call, ...asked }, "m"), "provider-tools")
    assert.strictEqual(codec.declare({ ...call, tools: [Weather] }, "m"), "repeatable")
  })
})

describe("limits on the answer", () => {
  it.each([
    ["claude-opus-4-7", {}, 8192],
    ["claude-3-haiku-20240307", {}, 4096],
    ["claude-sonnet-4-5", { thinking: { type: "enabled", budget_tokens: 10_000 } }, 18_192],
    ["claude-opus-4-7", { max_tokens: 7 }, 7]
  ])("of %s with %j are %i tokens", (model, params, expected) => {
    assert.strictEqual(body({ params }, model).max_tokens, expected)
  })
})
