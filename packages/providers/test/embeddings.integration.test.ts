/** Embeddings and Ollama's own format over real sockets: at somebody else's mock, and at a server that says the rest. */
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"

import { LLMock } from "@copilotkit/aimock"
import { assert, layer } from "@effect/vitest"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as HttpTransport from "@holdfast/node/HttpTransport"
import * as AiErrors from "@holdfast/providers/AiErrors"
import { ollama } from "@holdfast/providers/definitions/ollama"
import * as EmbeddingModels from "@holdfast/providers/EmbeddingModels"
import * as Model from "@holdfast/providers/Model"
import * as ModelList from "@holdfast/providers/ModelList"
import * as Providers from "@holdfast/providers/Providers"
import * as Context from "effect/Context"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { last, piece } from "./support/ollamaWire.ts"

class Mock extends Context.Service<Mock, LLMock>()("@holdfast/providers/test/EmbeddingsMock") {
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

const Weather = Tool.make("weather", { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String })
const tools = Toolkit.make(Weather)
const handlers = tools.toLayer({ weather: ({ city }) => Effect.succeed(`sunny in ${city}`) })

/** All that a model stands on, at `origin`. */
const services = (origin: string) =>
  Layer.merge(HttpTransport.layer, TestFailover.layer({ maxAttempts: 2 })).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Providers.layer({
          providers: {
            openai: { baseUrl: `${origin}/v1`, apiKey: Redacted.make("sk-test") },
            ollama: { baseUrl: origin }
          }
        }),
        Telemetry.layer
      )
    )
  )

const many = (texts: ReadonlyArray<string>) =>
  Effect.flatMap(EmbeddingModel.EmbeddingModel, (model) => model.embedMany(texts))

const failureOf = (error: unknown) => {
  const failure = AiErrors.failureOf(error as AiError.AiError)
  if (failure === undefined) throw error
  return failure
}

/** A server that answers each path with these chunks, and writes down what it was asked. */
const serving = (
  answers: Readonly<Record<string, readonly [contentType: string, chunks: ReadonlyArray<Uint8Array>]>>
) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<unknown> = []
      const server = Http.createServer(async (request, response) => {
        let body = ""
        for await (const chunk of request) body += String(chunk)
        asked.push(JSON.parse(body))
        const [contentType, chunks] = answers[request.url ?? ""] ?? ["text/plain", []]
        response.writeHead(chunks.length === 0 ? 404 : 200, { "content-type": contentType })
        Readable.from(chunks).pipe(response)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      return { asked, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
    }),
    ({ server }) =>
      Effect.promise(() => {
        server.closeAllConnections()
        return new Promise((resolve) => server.close(resolve))
      })
  )

layer(Mock.layer, { excludeTestServices: true })("embeddings and Ollama over sockets", (it) => {
  it.effect("aimock embeds texts in OpenAI's format", () =>
    Effect.gen(function* () {
      const mock = yield* Mock
      mock.reset()
      mock.onEmbedding(/kelp/, { embedding: [0.25, -0.5, 1] })
      const { embeddings } = yield* many(["kelp", "kelp and rock"]).pipe(
        Effect.provide(EmbeddingModels.layer("openai/text-embedding-3-small").pipe(Layer.provide(services(mock.url))))
      )
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector),
        [
          [0.25, -0.5, 1],
          [0.25, -0.5, 1]
        ]
      )
    })
  )

  it.effect("aimock's own vectors are as long as was asked for", () =>
    Effect.gen(function* () {
      const mock = yield* Mock
      mock.reset()
      const model = EmbeddingModels.layer("openai/text-embedding-3-small", { dimensions: 32 })
      const { embeddings } = yield* Effect.provide(many(["a", "b"]), Layer.provide(model, services(mock.url)))
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector.length),
        [32, 32]
      )
    })
  )

  it.effect("aimock's rate limit is one", () =>
    Effect.gen(function* () {
      const mock = yield* Mock
      mock.reset()
      mock.onEmbedding(/kelp/, { error: { message: "Rate limited", type: "rate_limit_error" }, status: 429 })
      const model = EmbeddingModels.layer("openai/text-embedding-3-small")
      const error = yield* many(["kelp"]).pipe(Effect.flip, Effect.provide(Layer.provide(model, services(mock.url))))
      assert.strictEqual(failureOf(error).reason._tag, "RateLimited")
    })
  )

  it.effect("aimock answers /api/embed in the shape of the path before it, which is no answer", () =>
    Effect.gen(function* () {
      const mock = yield* Mock
      mock.reset()
      mock.onEmbedding(/kelp/, { embedding: [1, 2] })
      const model = EmbeddingModels.layer("ollama/nomic-embed-text")
      const error = yield* many(["kelp"]).pipe(Effect.flip, Effect.provide(Layer.provide(model, services(mock.url))))
      assert.deepInclude(failureOf(error).reason, { _tag: "MalformedResponse", what: "json" })
    })
  )

  it.effect("aimock speaks Ollama's format, whole and streamed, and lists its models", () =>
    Effect.gen(function* () {
      const mock = yield* Mock
      mock.reset()
      const text = "Grüße 🌊, with a few more words to cut into pieces."
      mock.onMessage("hi", { content: text })
      mock.onMessage("Rome?", { toolCalls: [{ name: "weather", arguments: '{"city":"Rome"}' }] })
      const world = services(mock.url)
      const model = Layer.provide(Model.layer("ollama/llama3.1"), world)
      const [whole, parts, called] = yield* Effect.all([
        LanguageModel.generateText({ prompt: "hi" }),
        Stream.runCollect(LanguageModel.streamText({ prompt: "hi" })),
        LanguageModel.generateText({ prompt: "Rome?", toolkit: tools })
      ]).pipe(Effect.provide([model, handlers]))
      assert.strictEqual(whole.text, text)
      assert.strictEqual(whole.finishReason, "stop")
      assert.strictEqual(parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join(""), text)
      assert.deepStrictEqual(
        called.toolResults.map(({ result }) => result),
        ["sunny in Rome"]
      )
      assert.strictEqual(called.finishReason, "tool-calls")
      assert.isAbove((yield* Effect.provide(ModelList.of(ollama), world)).length, 0)
    })
  )

  it.effect("a server's lines are read though they are cut within characters, and so are Ollama's vectors", () =>
    Effect.gen(function* () {
      const lines = new TextEncoder().encode(
        [piece({ thinking: "Ähm" }), piece({ content: "Grüße 🌊" }), last()].join("")
      )
      const { asked, origin } = yield* serving({
        "/api/chat": ["application/x-ndjson", Array.from(lines, (byte) => new Uint8Array([byte]))],
        "/api/embed": [
          "application/json; charset=utf-8",
          [new TextEncoder().encode('{"model":"m","embeddings":[[1,2],[3,4]],"prompt_eval_count":6}')]
        ]
      })
      const world = services(origin)
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" })).pipe(
        Effect.provide(Layer.provide(Model.layer("ollama/llama3.1"), world))
      )
      assert.strictEqual(parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join(""), "Grüße 🌊")
      const { embeddings, usage } = yield* many(["a", "b"]).pipe(
        Effect.provide(Layer.provide(EmbeddingModels.layer("ollama/nomic-embed-text"), world))
      )
      assert.deepStrictEqual(
        embeddings.map(({ vector }) => vector),
        [
          [1, 2],
          [3, 4]
        ]
      )
      assert.strictEqual(usage.inputTokens, 6)
      assert.deepStrictEqual(asked.at(-1), { model: "nomic-embed-text", input: ["a", "b"] })
    })
  )
})
