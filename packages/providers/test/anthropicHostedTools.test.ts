/** Tools that Anthropic runs by itself, through `LanguageModel`, and back to Anthropic in the next turn. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { json, once, over, scripted, sse } from "./support/scripted.ts"
import { anthropic, openai } from "./support/wire.ts"

const called = { type: "server_tool_use", id: "srv_1", name: "web_search", input: { query: "q" } }
const found = {
  type: "web_search_tool_result",
  tool_use_id: "srv_1",
  content: [{ type: "web_search_result", url: "https://a.example/", title: "A", encrypted_content: "e" }]
}
const cited = {
  type: "text",
  text: "A.",
  citations: [
    {
      type: "web_search_result_location",
      url: "https://a.example/",
      title: "A",
      cited_text: "x",
      encrypted_index: "i"
    }
  ]
}
const content = [{ type: "thinking", thinking: "Hm.", signature: "c2ln" }, called, found, cited]

const whole = { ...(anthropic.text("") as object), content, stop_reason: "end_turn" }

const event = (data: { readonly type: string }) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
const block = (index: number, content_block: object, ...deltas: ReadonlyArray<object>) => [
  { type: "content_block_start", index, content_block },
  ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
  { type: "content_block_stop", index }
]
const streamed = [
  { type: "message_start", message: { ...(anthropic.text("") as object), content: [] } },
  ...block(
    0,
    { type: "thinking", thinking: "", signature: "" },
    { type: "thinking_delta", thinking: "Hm." },
    { type: "signature_delta", signature: "c2ln" }
  ),
  ...block(
    1,
    { ...called, input: {} },
    { type: "input_json_delta", partial_json: '{"query":' },
    { type: "input_json_delta", partial_json: '"q"}' }
  ),
  ...block(2, found),
  ...block(
    3,
    { type: "text", text: "", citations: [] },
    { type: "citations_delta", citation: cited.citations[0] },
    { type: "text_delta", text: "A." }
  ),
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } },
  { type: "message_stop" }
].map(event)

const Add = Tool.make("add", { parameters: Schema.Struct({ a: Schema.Finite }), success: Schema.Finite })
/** The app's own, of the same name as the one that Anthropic runs. */
const Namesake = Tool.make("web_search", {
  parameters: Schema.Struct({ other: Schema.Finite }),
  success: Schema.Finite
})
const Search = Tool.providerDefined({
  id: "anthropic.web_search_20250305",
  customName: "Search",
  providerName: "web_search",
  args: Schema.Struct({ max_uses: Schema.Finite }),
  parameters: Schema.Struct({ query: Schema.String }),
  success: Schema.Array(Schema.Struct({ url: Schema.String, encrypted_content: Schema.String }))
})

interface Shapes {
  readonly parameters: Schema.Codec<unknown, unknown>
  readonly success: Schema.Codec<unknown, unknown>
}

type OneChat = Effect.Success<typeof Chat.empty>

const others = Toolkit.make(Add)
const namesakes = Toolkit.make(Namesake)
const ways = {
  "no toolkit": {
    whole: (chat: OneChat, prompt: string) => chat.generateText({ prompt }),
    streamed: (chat: OneChat, prompt: string) => Stream.runCollect(chat.streamText({ prompt }))
  },
  "a toolkit of others": {
    whole: (chat: OneChat, prompt: string) => chat.generateText({ prompt, toolkit: others }),
    streamed: (chat: OneChat, prompt: string) => Stream.runCollect(chat.streamText({ prompt, toolkit: others }))
  },
  "a toolkit with a namesake": {
    whole: (chat: OneChat, prompt: string) => chat.generateText({ prompt, toolkit: namesakes }),
    streamed: (chat: OneChat, prompt: string) => Stream.runCollect(chat.streamText({ prompt, toolkit: namesakes }))
  }
}
const handlers = Toolkit.make(Add, Namesake).toLayer({
  add: () => Effect.succeed(1),
  web_search: () => Effect.die("nobody asked for it")
})

/** What a second turn sends back of the first. */
const returned = [{ type: "thinking", thinking: "Hm.", signature: "c2ln" }, called, found, cited]

const again = json(anthropic.text("B."))

const carrying = (hosted: string): Prompt.AssistantMessagePartEncoded => ({
  type: "reasoning",
  text: "",
  options: { holdfast: { hosted } }
})

describe("what Anthropic ran by itself", () => {
  for (const [name, way] of Object.entries(ways)) {
    it.effect(`is an answer with ${name}, and goes back in the next turn`, () => {
      const script = scripted(json(whole), again)
      return Effect.gen(function* () {
        const chat = yield* Chat.empty
        const answer = yield* way.whole(chat, "q")
        assert.strictEqual(answer.text, "A.")
        assert.deepStrictEqual(
          answer.content.flatMap((part) => (part.type === "source" ? [part.id] : [])),
          ["https://a.example/"]
        )
        yield* way.whole(chat, "more")
        const messages = script.bodies()[1]?.["messages"] as ReadonlyArray<{ readonly content: unknown }>
        assert.deepStrictEqual(messages[1]?.content, returned)
      }).pipe(Effect.provide([once(script, anthropic.model), handlers]))
    })

    it.effect(`is a stream with ${name}, and goes back in the next turn`, () => {
      const script = scripted(sse(streamed), again)
      return Effect.gen(function* () {
        const chat = yield* Chat.empty
        const parts: ReadonlyArray<Response.AnyPart> = yield* way.streamed(chat, "q")
        // The app sees that something is run, and with what.
        const begun = parts.find((part) => part.type === "tool-params-start")
        assert.deepInclude(begun, { name: "web_search", providerExecuted: true })
        assert.notIncludeMembers(
          parts.map((part) => part.type),
          ["tool-call", "tool-result"]
        )
        yield* way.whole(chat, "more")
        const messages = script.bodies()[1]?.["messages"] as ReadonlyArray<{ readonly content: unknown }>
        assert.deepStrictEqual(messages[1]?.content, returned)
      }).pipe(Effect.provide([once(script, anthropic.model), handlers]))
    })
  }

  it.effect("survives a history that was written down and read again", () => {
    const script = scripted(json(whole), again)
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "q" })
      const later = yield* Chat.fromJson(yield* chat.exportJson)
      yield* later.generateText({ prompt: "more" })
      const messages = script.bodies()[1]?.["messages"] as ReadonlyArray<{ readonly content: unknown }>
      assert.deepStrictEqual(messages[1]?.content, returned)
    }).pipe(Effect.provide(once(script, anthropic.model)))
  })

  it.effect.each(["whole", "streamed"])(
    "is calls and results of a tool that the toolkit defines as Anthropic's: %s",
    (how) => {
      const script = scripted(how === "whole" ? json(whole) : sse(streamed), again)
      const toolkit = Toolkit.make(Search({ max_uses: 3 }))
      return Effect.gen(function* () {
        const chat = yield* Chat.empty
        const parts: ReadonlyArray<Response.AnyPart> =
          how === "whole"
            ? (yield* chat.generateText({ prompt: "q", toolkit })).content
            : yield* Stream.runCollect(chat.streamText({ prompt: "q", toolkit }))
        const calling = parts.find((part) => part.type === "tool-call")
        assert.deepInclude(calling, { name: "Search", providerExecuted: true, params: { query: "q" } })
        const result = parts.find((part) => part.type === "tool-result")
        assert.deepInclude(result, { name: "Search", isFailure: false, providerExecuted: true })
        assert.deepStrictEqual(result?.result, [{ url: "https://a.example/", encrypted_content: "e" }])
        assert.deepStrictEqual(script.bodies()[0]?.["tools"], [
          { type: "web_search_20250305", name: "web_search", max_uses: 3 }
        ])
        yield* chat.generateText({ prompt: "more", toolkit })
        const messages = script.bodies()[1]?.["messages"] as ReadonlyArray<{ readonly content: ReadonlyArray<object> }>
        assert.deepStrictEqual(messages[1]?.content[1], called)
        assert.deepInclude(messages[1]?.content[2], { type: "web_search_tool_result", tool_use_id: "srv_1" })
      }).pipe(Effect.provide([once(script, anthropic.model), handlers]))
    }
  )

  it.effect.each<readonly [string, Shapes, ReadonlyArray<object>]>([
    ["arguments", { parameters: Schema.Struct({ other: Schema.Finite }), success: Schema.Unknown }, content],
    ["a result", { parameters: Schema.Unknown, success: Schema.String }, content],
    [
      "a failure",
      { parameters: Schema.Unknown, success: Schema.Unknown },
      [called, { ...found, content: { type: "web_search_tool_result_error", error_code: "unavailable" } }, cited]
    ]
  ])("is no less an answer where the toolkit expects %s of another shape", ([, schemas, blocks]) => {
    const script = scripted(json({ ...whole, content: blocks }), again)
    const toolkit = Toolkit.make(
      Tool.providerDefined({
        id: "anthropic.web_search_20250305",
        customName: "Search",
        providerName: "web_search",
        ...schemas
      })(undefined)
    )
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      const answer = yield* chat.generateText({ prompt: "q", toolkit })
      assert.strictEqual(answer.text, "A.")
      yield* chat.generateText({ prompt: "more", toolkit })
      const messages = script.bodies()[1]?.["messages"] as ReadonlyArray<{ readonly content: unknown }>
      assert.deepStrictEqual<unknown>(messages[1]?.content, blocks)
    }).pipe(Effect.provide([once(script, anthropic.model), handlers]))
  })

  it.effect("is left out for another provider", () => {
    const script = scripted(json(whole), json(anthropic.error("authentication_error"), 401), json(openai.text("B.")))
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "q" })
      yield* chat.generateText({ prompt: "more" })
      const messages = script.bodies()[2]?.["messages"] as ReadonlyArray<object>
      assert.deepInclude(messages[1], { role: "assistant", content: "A." })
      assert.notInclude(JSON.stringify(messages), "srv_1")
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("is forgotten where somebody has changed what carries it", () => {
    const script = scripted(again)
    return Effect.gen(function* () {
      yield* LanguageModel.generateText({
        prompt: Prompt.make([
          { role: "user", content: [{ type: "text", text: "q" }] },
          {
            role: "assistant",
            content: [
              carrying("{no json"),
              carrying("[]"),
              carrying('{"type":"tool-call"}'),
              { type: "text", text: "A." }
            ]
          },
          { role: "user", content: [{ type: "text", text: "more" }] }
        ])
      })
      const messages = script.bodies()[0]?.["messages"] as ReadonlyArray<{ readonly content: unknown }>
      assert.deepStrictEqual(messages[1]?.content, [{ type: "text", text: "A." }])
    }).pipe(Effect.provide(once(script, anthropic.model)))
  })
})
