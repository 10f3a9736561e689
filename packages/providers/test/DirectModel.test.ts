/** One model at one provider, over a transport and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Answers from "@holdfast/providers/Answers"
import * as DirectModel from "@holdfast/providers/DirectModel"
import * as ModelCalls from "@holdfast/providers/ModelCalls"
import { anthropic as definition } from "@holdfast/providers/definitions/anthropic"
import { ollama } from "@holdfast/providers/definitions/ollama"
import { openai as other } from "@holdfast/providers/definitions/openai"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiModel from "effect/ai/Model"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import type { Scripted } from "./support/scripted.ts"
import { json, scripted, sse } from "./support/scripted.ts"
import { anthropic, openai } from "./support/wire.ts"

const apiKey = Redacted.make("sk-ant-test")
const model = "claude-opus-4-7"

const over = (script: Scripted, options: DirectModel.Options = { apiKey }) =>
  Effect.provide(Layer.provide(DirectModel.layer(definition, model, options), script.layer))

const hello = LanguageModel.generateText({ prompt: "hi" })
const streamed = Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))

describe("a model of one's own program", () => {
  it.effect("answers whole and streamed, says who, and has its provider's name", () => {
    const script = scripted(json(anthropic.text("Hello.")), sse(anthropic.textStream("Hel", "lo.")))
    return Effect.gen(function* () {
      const response = yield* hello
      assert.strictEqual(response.text, "Hello.")
      const by = { requested: anthropic.model, answered: anthropic.model, swap: undefined }
      assert.deepStrictEqual(Answers.of(response), by)
      const parts = yield* streamed
      assert.deepStrictEqual(Answers.of({ content: parts }), by)
      assert.strictEqual(parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join(""), "Hello.")
      assert.deepStrictEqual(yield* Effect.all([AiModel.ProviderName, AiModel.ModelName]), ["anthropic", model])
      assert.strictEqual(script.requests[0]?.url, "https://api.anthropic.com/v1/messages")
      assert.deepStrictEqual(script.requests[0]?.headers["x-api-key"], apiKey)
    }).pipe(over(script))
  })

  it.effect("reads a server's address as its provider's own tools do", () => {
    const script = scripted(json({ model: "m", message: { content: "Hello." }, done: true, done_reason: "stop" }))
    return Effect.gen(function* () {
      assert.strictEqual((yield* hello).text, "Hello.")
      assert.strictEqual(script.requests[0]?.url, "http://box.local:11434/api/chat")
    }).pipe(
      Effect.provide(Layer.provide(DirectModel.layer(ollama, "m"), script.layer)),
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnv({ env: { OLLAMA_HOST: "box.local" } })
      )
    )
  })

  it.effect("works with Chat, toolkits and objects unchanged", () => {
    const Add = Tool.make("add", {
      parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
      success: Schema.Finite
    })
    const tools = Toolkit.make(Add)
    const script = scripted(
      json(anthropic.toolCall("call_1", "add", { a: 2, b: 3 })),
      json(anthropic.text("Five.")),
      json(anthropic.text('{"city":"Rome"}'))
    )
    return Effect.gen(function* () {
      const runs = yield* Ref.make(0)
      const chat = yield* Chat.empty
      const handlers = tools.toLayer({
        add: ({ a, b }) =>
          Effect.as(
            Ref.update(runs, (n) => n + 1),
            a + b
          )
      })
      yield* Effect.provide(chat.generateText({ prompt: "2 + 3?", toolkit: tools }), handlers)
      const second = yield* Effect.provide(chat.generateText({ prompt: [], toolkit: tools }), handlers)
      assert.strictEqual(second.text, "Five.")
      assert.strictEqual(yield* Ref.get(runs), 1)
      const { value } = yield* LanguageModel.generateObject({
        prompt: "?",
        schema: Schema.Struct({ city: Schema.String })
      })
      assert.strictEqual(value.city, "Rome")
    }).pipe(over(script))
  })

  it.effect("asks once, whatever comes", () => {
    const overloaded = json(anthropic.error("overloaded_error"), 529)
    const script = scripted(overloaded, overloaded)
    return Effect.gen(function* () {
      const error = yield* Effect.flip(hello)
      assert.strictEqual(AiErrors.failureOf(error)?.reason._tag, "Overloaded")
      assert.isTrue(error.isRetryable)
      assert.strictEqual(script.requests.length, 1)
    }).pipe(over(script))
  })

  it.effect("is composed with others by the verdict", () => {
    const refused = scripted(json(anthropic.error("rate_limit_error"), 429))
    const answers = scripted(json(openai.text("Hello.")))
    return Effect.gen(function* () {
      const claude = ModelCalls.of(
        yield* Effect.provide(DirectModel.make(definition, model, { apiKey }), refused.layer)
      )
      const gpt = ModelCalls.of(
        yield* Effect.provide(
          DirectModel.make(other, "gpt-5.5", { apiKey: Redacted.make("sk-test"), api: "openai-completions" }),
          answers.layer
        )
      )
      const program = claude
        .generateText({ prompt: "hi" })
        .pipe(ReplaySafety.orElseWhenSafe(() => gpt.generateText({ prompt: "hi" })))
      assert.strictEqual((yield* program).text, "Hello.")
    })
  })

  it.effect("says of a stream that broke what was given out, and that nothing replays it", () => {
    const whole = anthropic.textStream("Hel", "lo.")
    const script = scripted(sse(whole.slice(0, 3)), sse(whole))
    return Effect.gen(function* () {
      const seen: Array<string> = []
      const failure = yield* ModelCalls.streamText({ prompt: "hi" }).pipe(
        Stream.runForEach((part) => Effect.sync(() => seen.push(part.type))),
        Effect.flip
      )
      assert.strictEqual(failure._tag, "ReplayUnsafe")
      if (failure._tag !== "ReplayUnsafe") return
      assert.strictEqual(failure.reason._tag, "StreamTruncated")
      assert.deepStrictEqual(
        (failure.partial as ReadonlyArray<{ readonly type: string }>).map(({ type }) => type),
        seen
      )
      assert.include(seen, "text-delta")
      const again = yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
        Stream.runDrain,
        Effect.retry({ while: ({ isRetryable }) => isRetryable, times: 2 }),
        Effect.exit
      )
      assert.isTrue(again._tag === "Success")
      assert.strictEqual(script.requests.length, 2)
    }).pipe(over(script))
  })

  it.effect("leaves a stream that broke before its first content to be asked again", () => {
    const script = scripted(sse(anthropic.textStream("never").slice(0, 1)), sse(anthropic.textStream("Hello.")))
    return Effect.gen(function* () {
      yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
        Stream.runDrain,
        Effect.retry({ while: ({ isRetryable }) => isRetryable, schedule: Schedule.recurs(1) })
      )
      assert.strictEqual(script.requests.length, 2)
    }).pipe(over(script))
  })

  it.effect("takes its key from the environment, and says all that is wrong at once", () =>
    Effect.gen(function* () {
      const env = ConfigProvider.layer(
        ConfigProvider.fromUnknown({ ANTHROPIC_API_KEY: "sk-ant-env", ANTHROPIC_BASE_URL: "http://localhost:1/" })
      )
      const script = scripted(json(anthropic.text("Hello.")))
      yield* hello.pipe(over(script, {}), Effect.provide(env))
      assert.deepStrictEqual(script.requests[0]?.headers["x-api-key"], Redacted.make("sk-ant-env"))
      assert.strictEqual(script.requests[0]?.url, "http://localhost:1/v1/messages")

      const wrong = yield* DirectModel.make(definition, "a model", {
        api: "openai-responses",
        baseUrl: "nowhere",
        headers: { "x-a": "b\nc" },
        limits: { total: "soon" as never }
      }).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
        Effect.provide(scripted().layer),
        Effect.flip
      )
      assert.deepStrictEqual(
        wrong.problems.map(({ place }) => place),
        ["model", "api", "ANTHROPIC_API_KEY", "baseUrl", 'headers["x-a"]', "limits.total"]
      )
    })
  )
})
