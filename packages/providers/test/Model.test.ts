import { assert, describe, it } from "@effect/vitest"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiModel from "effect/ai/Model"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { json, over, scripted, sse } from "./support/scripted.ts"
import { anthropic, openai, wires } from "./support/wire.ts"
import { targetOf } from "./support/target.ts"

const Add = Tool.make("add", {
  description: "Adds two numbers.",
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.Finite
})

const tools = Toolkit.make(Add)

const handlers = (runs: Ref.Ref<number>) =>
  tools.toLayer({
    add: ({ a, b }) =>
      Effect.as(
        Ref.update(runs, (count) => count + 1),
        a + b
      )
  })

describe.each(wires)("$codec.api", (wire) => {
  it.effect("answers with text, who was asked and who answered, and what it cost", () => {
    const script = scripted(json(wire.text("Hello.")))
    return Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt: "hi" })
      assert.strictEqual(response.text, "Hello.")
      assert.strictEqual(response.finishReason, "stop")
      assert.deepInclude(response.usage.inputTokens, { total: 14, uncached: 10, cacheRead: 4 })
      assert.strictEqual(response.usage.outputTokens.total, 6)
      const [head] = response.content
      assert.strictEqual(head?.type, "response-metadata")
      assert.deepStrictEqual(head?.metadata["holdfast"], { requested: wire.model, answered: wire.model })
      assert.deepStrictEqual(response.content[1]?.metadata["holdfast"], { requested: wire.model, answered: wire.model })
    }).pipe(Effect.provide(over(script, wire.model)))
  })

  it.effect("streams text in the pieces in which it comes", () => {
    // What follows the end marker is nobody's, and must not keep the connection.
    const script = scripted(sse([...wire.textStream("Hel", "lo", "."), ": more\n\n"]))
    return Effect.gen(function* () {
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
      assert.deepStrictEqual(
        parts.map((part) => part.type),
        ["response-metadata", "text-start", "text-delta", "text-delta", "text-delta", "text-end", "finish"]
      )
      assert.strictEqual(parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join(""), "Hello.")
      assert.deepStrictEqual(parts[0]?.metadata["holdfast"], { requested: wire.model, answered: wire.model })
      const finish = parts.find((part) => part.type === "finish")
      assert.strictEqual(finish?.reason, "stop")
      assert.strictEqual(finish?.usage.outputTokens.total, 6)
      assert.strictEqual(script.discarded(), 1)
    }).pipe(Effect.provide(over(script, wire.model)))
  })

  it.effect("runs a tool loop, and says in the second prompt what was called and what came of it", () => {
    const script = scripted(json(wire.toolCall("call_1", "add", { a: 2, b: 3 })), json(wire.text("Five.")))
    return Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const chat = yield* Chat.fromPrompt([{ role: "system", content: "Be brief." }])
      yield* Effect.gen(function* () {
        const first = yield* chat.generateText({ prompt: "2 + 3?", toolkit: tools })
        assert.strictEqual(first.finishReason, "tool-calls")
        assert.deepStrictEqual(
          first.toolResults.map(({ result }) => result),
          [5]
        )
        const second = yield* chat.generateText({ prompt: [], toolkit: tools })
        assert.strictEqual(second.text, "Five.")
      }).pipe(Effect.provide(handlers(runs)))
      assert.strictEqual(yield* Ref.get(runs), 1)
      assert.strictEqual(script.requests.length, 2)
      const history = JSON.stringify(script.bodies()[1])
      assert.include(history, "call_1")
      assert.include(history, "2 + 3?")
    }).pipe(Effect.provide(over(script, wire.model)))
  })

  it.effect("streams a tool call whose arguments come in pieces, and runs the tool once", () => {
    const script = scripted(sse(wire.toolCallStream("call_1", "add", "", '{"a":', " 2, ", '"b":3}')))
    return Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "2 + 3?", toolkit: tools })).pipe(
        Effect.provide(handlers(runs))
      )
      const call = parts.find((part) => part.type === "tool-call")
      assert.deepStrictEqual(call?.params, { a: 2, b: 3 })
      const result = parts.find((part) => part.type === "tool-result")
      assert.strictEqual(result?.result, 5)
      assert.strictEqual(yield* Ref.get(runs), 1)
      const pieces = parts.map((part) => (part.type === "tool-params-delta" ? part.delta : ""))
      assert.deepStrictEqual(JSON.parse(pieces.join("")), { a: 2, b: 3 })
    }).pipe(Effect.provide(over(script, wire.model)))
  })

  it.effect("generates an object that the schema decodes", () => {
    const script = scripted(json(wire.text('{"city":"Rome","when":"2026-01-01T00:00:00.000Z","note":null}')))
    const Trip = Schema.Struct({
      city: Schema.String,
      when: Schema.DateTimeUtcFromString,
      note: Schema.optionalKey(Schema.String)
    })
    return Effect.gen(function* () {
      const { value } = yield* LanguageModel.generateObject({ prompt: "where?", schema: Trip, objectName: "a trip" })
      assert.strictEqual(value.city, "Rome")
      assert.notProperty(value, "note")
      const [body] = script.bodies()
      assert.include(JSON.stringify(body?.["response_format"] ?? body?.["output_config"] ?? body?.["text"]), '"city"')
    }).pipe(Effect.provide(over(script, wire.model)))
  })

  it.effect("sends to the provider's endpoint, with the key where the provider wants it", () => {
    const script = scripted(json(wire.text("Hello.")), sse(wire.textStream("Hello.")))
    return Effect.gen(function* () {
      yield* LanguageModel.generateText({ prompt: "hi" })
      yield* Stream.runDrain(LanguageModel.streamText({ prompt: "hi" }))
      const [whole, streamed] = script.requests
      assert.strictEqual(whole?.method, "POST")
      assert.isTrue(whole?.url.endsWith(wire.codec.path))
      assert.strictEqual(whole?.declaration, "repeatable")
      assert.notInclude(JSON.stringify(whole), "sk-")
      assert.isFalse(whole?.streaming)
      assert.isTrue(streamed?.streaming)
      assert.strictEqual(streamed?.headers["accept"], "text/event-stream")
      assert.notProperty(script.bodies()[0], "stream")
      assert.isTrue(script.bodies()[1]?.["stream"])
    }).pipe(Effect.provide(over(script, wire.model, { params: { temperature: 0 } })))
  })
})

describe("Model", () => {
  it.effect("is named after the model that was asked for", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* AiModel.ProviderName, "openai")
      assert.strictEqual(yield* AiModel.ModelName, "gpt-5.5")
    }).pipe(Effect.provide(over(scripted(), "openai/gpt-5.5", { fallbacks: ["anthropic/claude-opus-4-7"] })))
  )

  it.effect("says so when another model answers, in the answer and to onSwap before it", () => {
    const script = scripted(json(anthropic.error("authentication_error"), 401), json(openai.text("Hello.")))
    const told: Array<string> = []
    return Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt: "hi" })
      assert.strictEqual(response.text, "Hello.")
      assert.deepStrictEqual(response.content[0]?.metadata["holdfast"], {
        requested: "anthropic/claude-opus-4-7",
        answered: "openai/gpt-5.5",
        swap: "AuthenticationFailed"
      })
      assert.deepStrictEqual(told, ["AuthenticationFailed"])
    }).pipe(
      Effect.provide(
        over(script, anthropic.model, {
          fallbacks: [openai.model],
          onSwap: ({ swap }) => Effect.sync(() => told.push(swap?.why ?? "none"))
        })
      )
    )
  })

  it.effect("streams from the fallback with nothing of the failed attempt in it", () => {
    const [start = "", block = ""] = anthropic.textStream("never")
    const script = scripted(
      sse([start, block, anthropic.ping, anthropic.errorEvent("permission_error")]),
      sse(openai.textStream("A", "B"))
    )
    return Effect.gen(function* () {
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
      assert.deepStrictEqual(
        parts.map((part) => part.type),
        ["response-metadata", "text-start", "text-delta", "text-delta", "text-end", "finish"]
      )
      assert.deepStrictEqual(parts[0]?.metadata["holdfast"], {
        requested: "anthropic/claude-opus-4-7",
        answered: "openai/gpt-5.5",
        swap: "PermissionDenied"
      })
      assert.deepStrictEqual(parts[1]?.metadata["holdfast"], {
        requested: "anthropic/claude-opus-4-7",
        answered: "openai/gpt-5.5"
      })
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("stays mid turn with the model that answered, as the prompt tells", () => {
    const script = scripted(
      json(anthropic.error("authentication_error"), 401),
      json(openai.toolCall("call_1", "add", { a: 1, b: 1 })),
      json(openai.text("Two."))
    )
    return Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const chat = yield* Chat.empty
      yield* Effect.gen(function* () {
        yield* chat.generateText({ prompt: "1 + 1?", toolkit: tools })
        yield* chat.generateText({ prompt: [], toolkit: tools })
      }).pipe(Effect.provide(handlers(runs)))
      assert.deepStrictEqual(
        script.requests.map(({ candidate }) => candidate.provider),
        ["anthropic", "openai", "openai"]
      )
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("stays with the model that answered where an explicit turn begins in the middle of a prompt's", () => {
    const script = scripted(json(openai.text("Two.")))
    const prompt = Prompt.make([
      { role: "user", content: [{ type: "text", text: "1 + 1?" }] },
      {
        role: "assistant",
        content: [
          {
            type: "tool-call",
            id: "call_0",
            name: "add",
            params: { a: 0, b: 0 },
            providerExecuted: false,
            options: { holdfast: { requested: anthropic.model, answered: openai.model } }
          }
        ]
      },
      {
        role: "tool",
        content: [
          { type: "tool-result", id: "call_0", name: "add", result: 0, isFailure: false, providerExecuted: false }
        ]
      }
    ])
    return Effect.gen(function* () {
      yield* Turn.run(LanguageModel.generateText({ prompt }))
      assert.deepStrictEqual(
        script.requests.map(({ candidate }) => candidate.provider),
        ["openai"]
      )
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("stays with the model that an explicit turn recorded, whatever the prompt tells", () => {
    const script = scripted(
      json(anthropic.error("authentication_error"), 401),
      json(openai.text("One.")),
      json(openai.text("Two."))
    )
    return Effect.gen(function* () {
      const ask = LanguageModel.generateText({ prompt: "count" })
      yield* Turn.run(Effect.andThen(ask, ask))
      assert.deepStrictEqual(
        script.requests.map(({ candidate }) => candidate.provider),
        ["anthropic", "openai", "openai"]
      )
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("keeps a signed thought across calls of one provider, and leaves it out for another", () => {
    const thinking = { type: "thinking", thinking: "Hm.", signature: "c2ln" }
    const script = scripted(
      json({ ...(anthropic.text("") as object), content: [thinking, { type: "text", text: "Yes." }] }),
      json(anthropic.text("No."))
    )
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "one" })
      yield* chat.generateText({ prompt: "two" })
      assert.deepInclude(script.bodies()[1]?.["messages"] as ReadonlyArray<unknown>, {
        role: "assistant",
        content: [thinking, { type: "text", text: "Yes." }]
      })
      const history = yield* Ref.get(chat.history)
      const other = openai.codec.encode(
        { prompt: history, tools: [], toolChoice: "auto", responseFormat: { type: "text" }, params: {}, settings: {} },
        targetOf(openai.codec, "gpt-5.5"),
        false
      )
      assert.notInclude(JSON.stringify(other), "Hm.")
    }).pipe(Effect.provide(over(script, anthropic.model)))
  })

  it.effect("asks again by its own authority only what may be replayed", () => {
    const script = scripted(json(openai.error("server_error"), 500), json(openai.text("never asked")))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(LanguageModel.generateText({ prompt: Prompt.make("hi") }))
      assert.strictEqual(error._tag, "AiError")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(script.requests[0]?.declaration, "changes-state")
      assert.strictEqual(script.requests.length, 1)
    }).pipe(Effect.provide(over(script, openai.model, { params: { store: true } })))
  })
})
