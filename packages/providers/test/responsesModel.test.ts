/** Models that speak the Responses format, as an app meets them. */
import { assert, describe, it } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import * as AiErrors from "@holdfast/providers/AiErrors"
import type * as Providers from "@holdfast/providers/Providers"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import {
  added,
  completed,
  created,
  done,
  functionCall,
  message,
  response,
  responses,
  textDelta
} from "./support/responsesWire.ts"
import type { Reply } from "./support/scripted.ts"
import { json, over, scripted, sse } from "./support/scripted.ts"

const settings: Providers.Options = {
  providers: {
    responses: { api: "openai-responses", baseUrl: "https://responses.test/v1", apiKey: Redacted.make("sk-test") },
    "openai-codex": { apiKey: Redacted.make("token") }
  }
}

const modelOver = (model: string, ...replies: ReadonlyArray<Reply>) => {
  const script = scripted(...replies)
  const layer = over(script, model, undefined, { providers: settings, policy: { maxAttempts: 1 } })
  return { script, layer }
}

const thought = { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "secret" }
const search = { id: "ws_1", type: "web_search_call", status: "completed", action: { type: "search", query: "q" } }
const said = message("It is sunny.", {
  content: [
    {
      type: "output_text",
      text: "It is sunny.",
      annotations: [{ type: "url_citation", url: "https://weather.test/", title: "W", start_index: 0, end_index: 3 }]
    }
  ]
})
const output = [thought, search, said]

const streamed = sse([created, ...output.map((item, index) => done(index, item)), completed(output)])

const Add = Tool.make("add", { parameters: Schema.Struct({ a: Schema.Finite }), success: Schema.Finite })
const tools = Toolkit.make(Add)
const handlers = tools.toLayer({ add: ({ a }) => Effect.succeed(a + 1) })

const inputOf = (body: Record<string, unknown> | undefined) =>
  body?.["input"] as ReadonlyArray<Readonly<Record<string, unknown>>>

describe("openai-responses", () => {
  it.effect("gives the whole of an answer back in the next turn, what OpenAI ran included, as OpenAI gave it", () =>
    Effect.gen(function* () {
      for (const reply of [json(response(output)), streamed]) {
        const { layer, script } = modelOver("responses/gpt-5.5", reply, reply)
        yield* Effect.gen(function* () {
          const chat = yield* Chat.empty
          const ask = (prompt: string) =>
            reply === streamed
              ? Stream.runDrain(chat.streamText({ prompt, toolkit: tools }))
              : Effect.asVoid(chat.generateText({ prompt, toolkit: tools }))
          yield* ask("Rome?")
          yield* ask("Oslo?")
        }).pipe(Effect.provide([layer, handlers]))
        const [first, second] = script.bodies()
        assert.deepStrictEqual(first?.["include"], ["reasoning.encrypted_content"])
        assert.strictEqual(first?.["store"], false)
        const [, ...items] = inputOf(second).slice(0, -1)
        assert.deepStrictEqual(
          items.map(({ id, type }) => [type, id]),
          output.map(({ id, type }) => [type, id])
        )
        assert.deepInclude(items[0], { encrypted_content: "secret" })
        assert.deepStrictEqual(items[1], search)
      }
    })
  )

  it.effect("runs tools, and sends their results with the reasoning that asked for them", () =>
    Effect.gen(function* () {
      const call = functionCall("call_1", "add", '{"a":1}')
      const { layer, script } = modelOver(
        "responses/gpt-5.5",
        json(response([thought, call])),
        json(response([message("2")]))
      )
      const text = yield* Effect.gen(function* () {
        const chat = yield* Chat.empty
        yield* chat.generateText({ prompt: "1 + 1?", toolkit: tools })
        return (yield* chat.generateText({ prompt: [], toolkit: tools })).text
      }).pipe(Effect.provide([layer, handlers]))
      assert.strictEqual(text, "2")
      assert.deepStrictEqual(inputOf(script.bodies()[1]).slice(1), [
        thought,
        call,
        { type: "function_call_output", call_id: "call_1", output: "2" }
      ])
    })
  )

  it.effect("gives out text, sources and usage", () =>
    Effect.gen(function* () {
      const { layer } = modelOver("responses/gpt-5.5", json(response(output)))
      const answer = yield* Effect.provide(LanguageModel.generateText({ prompt: "Rome?" }), layer)
      assert.strictEqual(answer.text, "It is sunny.")
      assert.strictEqual(answer.usage.inputTokens.cacheRead, 4)
      const source = answer.content.find(({ type }) => type === "source")
      assert.deepInclude(source, { sourceType: "url", title: "W" })
    })
  )

  it.effect("answers with objects", () =>
    Effect.gen(function* () {
      const { layer, script } = modelOver("responses/gpt-5.5", json(response([message('{"sum":2}')])))
      const schema = Schema.Struct({ sum: Schema.Finite })
      const { value } = yield* Effect.provide(LanguageModel.generateObject({ prompt: "1 + 1?", schema }), layer)
      assert.deepStrictEqual(value, { sum: 2 })
      assert.deepNestedInclude(script.bodies()[0], { "text.format.type": "json_schema", "text.format.strict": true })
    })
  )

  it.effect("is a page or a chat completion in no way", () =>
    Effect.gen(function* () {
      for (const reply of [json({ id: "chatcmpl-1", choices: [] }), json("<html>")]) {
        const { layer } = modelOver("responses/gpt-5.5", reply)
        const error = yield* Effect.flip(Effect.provide(LanguageModel.generateText({ prompt: "hi" }), layer))
        if (isInvalidInput(error)) return assert.fail(error.message)
        assert.strictEqual(AiErrors.failureOf(error)?.reason._tag, "MalformedResponse")
      }
    })
  )
})

describe("openai-codex-responses", () => {
  it.effect("streams a whole answer and collects it", () =>
    Effect.gen(function* () {
      const { layer, script } = modelOver("openai-codex/gpt-5.5", sse(responses.textStream("Hel", "lo.")))
      const answer = yield* Effect.provide(
        LanguageModel.generateText({
          prompt: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "hi" }
          ]
        }),
        layer
      )
      assert.strictEqual(answer.text, "Hello.")
      assert.strictEqual(answer.finishReason, "stop")
      const [request] = script.requests
      assert.strictEqual(request?.url, "https://chatgpt.com/backend-api/codex/responses")
      assert.deepInclude(request?.headers, {
        accept: "text/event-stream",
        "openai-beta": "responses=experimental",
        originator: "holdfast"
      })
      assert.deepInclude(script.bodies()[0], { stream: true, store: false, instructions: "Be brief." })
    })
  )

  it.effect("reads a stream that names no content type, whose end repeats nothing", () =>
    Effect.gen(function* () {
      const body = [
        created,
        added(0, message("", { content: [] })),
        textDelta(0, "Hi."),
        done(0, message("Hi.")),
        completed()
      ]
      const { layer } = modelOver("openai-codex/gpt-5.5", TestTransport.answer({ headers: {}, body }))
      const answer = yield* Effect.provide(LanguageModel.generateText({ prompt: "hi" }), layer)
      assert.strictEqual(answer.text, "Hi.")
    })
  )

  it.effect("whose stream breaks off has not answered", () =>
    Effect.gen(function* () {
      const { layer } = modelOver("openai-codex/gpt-5.5", sse(responses.textStream("Hel", "lo.").slice(0, -1)))
      const error = yield* Effect.flip(Effect.provide(LanguageModel.generateText({ prompt: "hi" }), layer))
      if (isInvalidInput(error)) return assert.fail(error.message)
      const failure = AiErrors.failureOf(error)
      assert.strictEqual(failure?.reason._tag, "StreamTruncated")
      // Nothing of it was given out.
      assert.strictEqual(failure?._tag, "ReplayAmbiguous")
    })
  )
})
