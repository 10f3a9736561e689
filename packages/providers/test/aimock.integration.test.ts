/** Somebody else's mock of both providers, as a second opinion: nothing of it was written by who wrote the codecs. */
import { LLMock } from "@copilotkit/aimock"
import { assert, describe, layer } from "@effect/vitest"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { amountOf } from "./support/decoding.ts"
import { live } from "./support/live.ts"
import { wires } from "./support/wire.ts"

class Mock extends Context.Service<Mock, LLMock>()("@holdfast/providers/test/Mock") {
  static readonly layer = Layer.effect(
    Mock,
    Effect.acquireRelease(
      Effect.promise(async () => {
        const mock = new LLMock({ port: 0 })
        await mock.start()
        return mock
      }),
      (mock) => Effect.promise(() => mock.stop())
    )
  )
}

const Weather = Tool.make("weather", {
  description: "The weather in a city.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const tools = Toolkit.make(Weather)

const Trip = Schema.Struct({ city: Schema.String, days: Schema.Int })

/** Runs a program at the mock, which first forgets what it was told. */
const at = Effect.fnUntraced(function* <A, E>(
  model: string,
  tell: (mock: LLMock) => void,
  program: Effect.Effect<A, E, LanguageModel.LanguageModel>
) {
  const mock = yield* Mock
  mock.reset()
  tell(mock)
  return yield* Effect.provide(program, live(mock.url, model, { maxAttempts: 1 }))
})

const failureOf = (error: unknown) => {
  assert.isTrue(AiError.isAiError(error))
  const failure = AiErrors.failureOf(error as AiError.AiError)
  if (failure === undefined) throw error
  return failure
}

layer(Mock.layer, { excludeTestServices: true })("aimock", (it) => {
  describe.each(wires)("$codec.api", ({ model }) => {
    it.effect("answers whole and streamed", () =>
      Effect.gen(function* () {
        const text = "Grüße 🌊, with a few more words to cut into pieces."
        const [response, parts] = yield* at(
          model,
          (mock) => mock.onMessage("hi", { content: text }),
          Effect.all([
            LanguageModel.generateText({ prompt: "hi" }),
            Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
          ])
        )
        assert.strictEqual(response.text, text)
        assert.strictEqual(response.finishReason, "stop")
        const said = parts.map((part) => (part.type === "text-delta" ? part.delta : ""))
        assert.isAbove(said.length, 3)
        assert.strictEqual(said.join(""), text)
      })
    )

    it.effect("runs a tool loop, whole and streamed", () =>
      Effect.gen(function* () {
        for (const streaming of [false, true]) {
          const asked: Array<string> = []
          const handlers = tools.toLayer({
            weather: ({ city }) =>
              Effect.sync(() => {
                asked.push(city)
                return `sunny in ${city}`
              })
          })
          const agent = Effect.gen(function* () {
            const chat = yield* Chat.fromPrompt([{ role: "system", content: "Be brief." }])
            const ask = (prompt: "Rome and Oslo?" | readonly []) =>
              streaming
                ? Stream.runCollect(chat.streamText({ prompt, toolkit: tools }))
                : Effect.map(
                    chat.generateText({ prompt, toolkit: tools }),
                    ({ content }): ReadonlyArray<Response.AnyPart> => content
                  )
            yield* ask("Rome and Oslo?")
            return yield* ask([])
          }).pipe(Effect.provide(handlers))
          const answer = yield* at(
            model,
            (mock) => {
              mock.onToolResult("call_oslo", { content: "Sunny in both." })
              mock.onMessage("Rome and Oslo?", {
                toolCalls: [
                  { id: "call_rome", name: "weather", arguments: '{"city":"Rome"}' },
                  { id: "call_oslo", name: "weather", arguments: '{"city":"Oslo"}' }
                ]
              })
            },
            agent
          )
          assert.deepStrictEqual(asked.toSorted(), ["Oslo", "Rome"])
          const { text } = amountOf(answer as ReadonlyArray<Response.StreamPartEncoded>)
          assert.strictEqual(text, "Sunny in both.")
        }
      })
    )

    it.effect("generates an object", () =>
      Effect.gen(function* () {
        const { value } = yield* at(
          model,
          (mock) => mock.onMessage("where", { content: '{"city":"Rome","days":3}' }),
          LanguageModel.generateObject({ prompt: "where", schema: Trip })
        )
        assert.deepStrictEqual(value, { city: "Rome", days: 3 })
      })
    )

    it.effect("tells a rate limit from a stream that it cuts", () =>
      Effect.gen(function* () {
        const limited = yield* at(
          model,
          (mock) => mock.onMessage("hi", { error: { message: "Rate limited", type: "rate_limit_error" }, status: 429 }),
          Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
        )
        const refusal = failureOf(limited)
        assert.strictEqual(refusal.reason._tag, "RateLimited")
        assert.strictEqual(refusal._tag, "ReplaySafe")
        const cut = yield* at(
          model,
          (mock) =>
            mock.onMessage("hi", { content: "a b c d e f g h i j k" }, { chunkSize: 2, truncateAfterChunks: 4 }),
          LanguageModel.streamText({ prompt: "hi" }).pipe(Stream.runDrain, Effect.flip)
        )
        const lost = failureOf(cut)
        assert.include(["ConnectionLost", "StreamTruncated"], lost.reason._tag)
        assert.include(["output", "nothing"], lost.exposure)
        assert.strictEqual(lost._tag, lost.exposure === "nothing" ? "ReplayAmbiguous" : "ReplayUnsafe")
      })
    )
  })
})
