import { assert, describe, it } from "@effect/vitest"
import type { Failure } from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Answers from "@holdfast/providers/Answers"
import { describe as describeModel, ollama as definition } from "@holdfast/providers/definitions/ollama"
import * as Model from "@holdfast/providers/Model"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { amountOf, random, split } from "./support/decoding.ts"
import { answer, last, ndjson, ollama, piece } from "./support/ollamaWire.ts"
import type { Reply, Scripted } from "./support/scripted.ts"
import { broken, json, page, scripted } from "./support/scripted.ts"
import type { World } from "./support/world.ts"
import { at, services } from "./support/world.ts"

const once: World = { policy: { maxAttempts: 1 } }

const over = (script: Scripted, world: World = once) =>
  Layer.provideMerge(Model.layer(ollama.model), services(script, world))

interface Outcome {
  readonly parts: ReadonlyArray<Response.AnyPart>
  readonly failure: Failure
}

/** Streams one call that must fail, with no automatic retry. */
const failing = (...replies: ReadonlyArray<Reply>): Effect.Effect<Outcome> =>
  Effect.suspend(() => {
    const parts: Array<Response.AnyPart> = []
    return LanguageModel.streamText({ prompt: "hi" }).pipe(
      Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
      Effect.flip,
      Effect.map((error) => ({ parts, failure: carried(error) })),
      Effect.provide(over(scripted(...replies))),
      Effect.orDie
    )
  })

const carried = (error: unknown): Failure => {
  assert.isTrue(AiError.isAiError(error))
  const failure = AiErrors.failureOf(error as AiError.AiError)
  if (failure === undefined) throw error
  return failure
}

const textOf = (parts: ReadonlyArray<Response.AnyPart>): string =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

const streamed = (...replies: ReadonlyArray<Reply>) =>
  Effect.provide(Stream.runCollect(LanguageModel.streamText({ prompt: "hi" })), over(scripted(...replies)))

const call = (n: number, args: object) => ({
  id: `call_20260101000000123456_${n}`,
  function: { name: "add", arguments: args }
})
const result = (n: number, content: string) => ({
  role: "tool",
  content,
  tool_name: "add",
  tool_call_id: `call_20260101000000123456_${n}`
})

describe("a model of Ollama's", () => {
  it.effect("is asked at its own path, for lines of JSON where it is to stream, without a key", () => {
    const script = scripted(json(ollama.text("Hello.")), ndjson(ollama.textStream("Hel", "lo.")))
    return Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt: "hi" })
      assert.strictEqual(response.text, "Hello.")
      assert.strictEqual(response.usage.inputTokens.total, 14)
      assert.strictEqual(Answers.of(response)?.answered, ollama.model)
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
      assert.strictEqual(textOf(parts), "Hello.")
      assert.deepStrictEqual(
        script.requests.map(({ url }) => url),
        Array(2).fill("http://localhost:11434/api/chat")
      )
      assert.deepStrictEqual(
        script.requests.map(({ headers }) => headers["accept"]),
        ["application/json", "application/x-ndjson"]
      )
      assert.deepStrictEqual(
        script.bodies().map(({ stream }) => stream),
        [false, true]
      )
    }).pipe(Effect.provide(over(script)))
  })

  it.effect("is asked in OpenAI's format below /v1 of the same address", () => {
    const completion = { choices: [{ message: { content: "Hello." }, finish_reason: "stop" }] }
    const script = scripted(json(completion))
    const chain = [at(ollama.model, { api: "openai-completions" })]
    return Effect.gen(function* () {
      assert.strictEqual((yield* LanguageModel.generateText({ prompt: "hi" })).text, "Hello.")
      assert.strictEqual(script.requests[0]?.url, "http://localhost:11434/v1/chat/completions")
    }).pipe(Effect.provide(over(script, { chain })))
  })

  const Add = Tool.make("add", {
    parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
    success: Schema.Finite
  })
  const tools = Toolkit.make(Add)
  const handlers = tools.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })

  it.effect("runs tools and is told their results with its own thoughts and calls", () => {
    const script = scripted(
      ndjson([
        piece({ thinking: "Add them." }),
        piece({ tool_calls: [{ function: { name: "add", arguments: { a: 1, b: 2 } } }] }),
        piece({ tool_calls: [{ function: { name: "add", arguments: { a: 3, b: 4 } } }] }),
        last()
      ]),
      ndjson(ollama.textStream("3 and 7."))
    )
    return Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* Stream.runDrain(chat.streamText({ prompt: "1+2, 3+4?", toolkit: tools }))
      const parts = yield* Stream.runCollect(chat.streamText({ prompt: [], toolkit: tools }))
      assert.strictEqual(textOf(parts), "3 and 7.")
      assert.deepStrictEqual(script.bodies()[1]?.["messages"], [
        { role: "user", content: "1+2, 3+4?" },
        {
          role: "assistant",
          content: "",
          thinking: "Add them.",
          tool_calls: [call(0, { a: 1, b: 2 }), call(1, { a: 3, b: 4 })]
        },
        result(0, "3"),
        result(1, "7")
      ])
    }).pipe(Effect.provide([over(script), handlers]))
  })

  it.effect("generates an object", () => {
    const script = scripted(json(ollama.text('{"city":"Rome","days":3}')))
    return Effect.gen(function* () {
      const schema = Schema.Struct({ city: Schema.String, days: Schema.Int })
      const { value } = yield* LanguageModel.generateObject({ prompt: "where", schema })
      assert.deepStrictEqual(value, { city: "Rome", days: 3 })
      assert.deepInclude(script.bodies()[0]?.["format"], { type: "object" })
    }).pipe(Effect.provide(over(script)))
  })

  it.effect("that is not pulled is not found, and was not asked", () =>
    Effect.gen(function* () {
      const { failure } = yield* failing(json({ error: "model 'llama3.1:8b' not found, try pulling it first" }, 404))
      assert.strictEqual(failure.reason._tag, "ModelNotFound")
      assert.include(failure.reason, { said: "model 'llama3.1:8b' not found, try pulling it first" })
    })
  )

  it.effect("whatever it answers, an answer or a typed failure comes of it", () =>
    Effect.gen(function* () {
      const ofTools = new Set<string>(["ToolNotFoundError", "ToolParameterValidationError", "InvalidToolResultError"])
      const lines = [
        ...ollama.textStream("A", "B"),
        ...ollama.toolCallStream("", "add", '{"a":1,"b":2}'),
        ollama.errorEvent("", "out of memory"),
        JSON.stringify(answer({ content: "A" })),
        "null\n",
        "[]\n",
        '{"message":{"content":7,"tool_calls":[{"function":{"name":"add","arguments":[]}}]}}\n',
        '{"message":{"tool_calls":[null,{"function":"add"}]},"done":true}\n',
        '{"message":[],"done":true,"eval_count":1e308,"done_reason":{}}\n',
        '{"message":{"thinking":{"a":1},"content":null},"created_at":"yesterday"}\n',
        '{"error":{"code":1e308}}\n',
        '{"__proto__":{"done":true}}\n',
        "{oops}\n"
      ]
      for (let seed = 0; seed < 60; seed++) {
        const next = random(seed)
        const picked = Array.from(
          { length: 1 + Math.floor(next() * 4) },
          () => lines[Math.floor(next() * lines.length)]
        )
        const body = new TextEncoder().encode(picked.join(""))
        for (const streaming of [true, false]) {
          const reply = ndjson(split(body, next, 60).map((part) => new TextDecoder().decode(part)))
          const exit = yield* (
            streaming
              ? Stream.runDrain(LanguageModel.streamText({ prompt: "hi", toolkit: tools }))
              : Effect.asVoid(LanguageModel.generateText({ prompt: "hi", toolkit: tools }))
          ).pipe(Effect.provide([over(scripted(reply)), handlers]), Effect.exit)
          if (Exit.isSuccess(exit)) continue
          const error = Cause.squash(exit.cause)
          if (!AiError.isAiError(error)) return assert.fail(`seed ${seed}: ${Cause.pretty(exit.cause)}`)
          assert.isTrue(AiErrors.failureOf(error) !== undefined || ofTools.has(error.reason._tag), `seed ${seed}`)
        }
      }
    })
  )
})

describe("a stream of a model of Ollama's", () => {
  it.effect("is read whatever of its names its content type has, and without one", () =>
    Effect.gen(function* () {
      const types = [
        "application/x-ndjson",
        "application/x-ndjson; charset=utf-8",
        "application/ndjson",
        "application/jsonl",
        "application/json; charset=utf-8",
        "Application/X-NDJSON",
        ""
      ]
      for (const type of types)
        assert.strictEqual(textOf(yield* streamed(ndjson(ollama.textStream("A", "B"), type))), "AB", type)
    })
  )

  it.effect("that comes as one whole answer is that answer", () =>
    Effect.gen(function* () {
      const parts = yield* streamed(json(answer({ thinking: "Hm.", content: "A" })))
      assert.deepInclude(amountOf(parts as ReadonlyArray<Response.StreamPartEncoded>), { text: "A", reasoning: "Hm." })
    })
  )

  it.effect("that comes where a whole answer was wanted is malformed", () =>
    Effect.gen(function* () {
      const error = yield* LanguageModel.generateText({ prompt: "hi" }).pipe(
        Effect.flip,
        Effect.provide(over(scripted(ndjson(ollama.textStream("A")))))
      )
      assert.deepInclude(carried(error).reason, { _tag: "MalformedResponse", what: "json" })
    })
  )

  it.effect("that is a page, or another format's, is malformed", () =>
    Effect.gen(function* () {
      for (const type of ["text/html", "text/event-stream"]) {
        const { failure } = yield* failing(page("<html>Welcome</html>", 200, type))
        assert.deepInclude(failure.reason, {
          _tag: "MalformedResponse",
          what: "content-type",
          detail: `expected lines of JSON, got ${type}`
        })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
      }
    })
  )

  it.effect("that says its error in JSON fails with that error, before content and after it", () =>
    Effect.gen(function* () {
      for (const reply of [
        json({ error: "llama runner process has terminated" }),
        ndjson([ollama.errorEvent("", "llama runner process has terminated")])
      ]) {
        const { failure, parts } = yield* failing(reply)
        assert.include(failure.reason, { said: "llama runner process has terminated" })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.deepStrictEqual(parts, [])
      }
      const after = yield* failing(ndjson([piece({ content: "A" }), ollama.errorEvent("", "out of memory")]))
      assert.strictEqual(after.failure._tag, "ReplayUnsafe")
      assert.strictEqual(textOf(after.failure.partial as ReadonlyArray<Response.AnyPart>), "A")
    })
  )

  it.effect("that ends before it is done is truncated, by what was given out", () =>
    Effect.gen(function* () {
      for (const lines of [[], ["\n"], [piece({})], [piece({}), "\n\n"]]) {
        const { failure, parts } = yield* failing(ndjson(lines))
        assert.deepInclude(failure.reason, { _tag: "StreamTruncated", missing: '"done":true' })
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.deepStrictEqual(parts, [])
      }
      const after = yield* failing(ndjson([piece({ content: "A" })]))
      assert.strictEqual(after.failure._tag, "ReplayUnsafe")
    })
  )

  it.effect("that is cut keeps the transport's failure", () =>
    Effect.gen(function* () {
      const { failure } = yield* failing(ndjson([piece({ content: "A" }), last().slice(0, 30)]).pipe(broken))
      assert.deepStrictEqual(failure.reason, new Reason.ConnectionLost({ how: "reset", during: "body" }))
      assert.strictEqual(failure._tag, "ReplayUnsafe")
    })
  )

  it.effect("is asked for once more where nothing of it was given out", () =>
    Effect.gen(function* () {
      const script = scripted(ndjson([piece({})]), ndjson(ollama.textStream("A")))
      const parts = yield* Effect.provide(
        Stream.runCollect(LanguageModel.streamText({ prompt: "hi" })),
        over(script, {})
      )
      assert.strictEqual(textOf(parts), "A")
      assert.strictEqual(script.requests.length, 2)
    })
  )
})

describe("what is known of a model of Ollama's", () => {
  it("is its family by its name, whatever namespace and tag it has", () => {
    const families: ReadonlyArray<readonly [string, string, string]> = [
      ["llama3.1", "meta", "llama"],
      ["llama3.2-vision:11b", "meta", "llama"],
      ["codellama:7b", "meta", "codellama"],
      ["qwen3:14b", "alibaba", "qwen"],
      ["qwen2.5-coder:7b", "alibaba", "qwen-coder"],
      ["qwen2.5vl:7b", "alibaba", "qwen-vl"],
      ["qwen3-embedding:0.6b", "alibaba", "qwen-embedding"],
      ["gemma3:1b", "google", "gemma"],
      ["embeddinggemma", "google", "embeddinggemma"],
      ["mistral:7b", "mistral", "mistral"],
      ["mistral-small3.1", "mistral", "mistral-small"],
      ["mixtral:8x7b", "mistral", "mixtral"],
      ["deepseek-r1:7b", "deepseek", "deepseek-r1"],
      ["gpt-oss:20b", "openai", "gpt-oss"],
      ["phi4", "microsoft", "phi"],
      ["someone/llama3.1:8b-instruct-q4_0", "meta", "llama"]
    ]
    for (const [model, maker, line] of families)
      assert.deepStrictEqual(describeModel(model)?.family, { maker, line }, model)
  })

  it("is which model it is only where its tag says so", () => {
    assert.strictEqual(describeModel("llama3.1:8b")?.identity, "ollama/llama3.1:8b")
    for (const model of ["llama3.1", "llama3.1:latest"]) assert.notProperty(describeModel(model), "identity")
  })

  it("is absent where it is not known", () => {
    for (const model of ["my-model", "my-model:7b", "a/b/c", "", "claude-opus-4-7", "gpt-5.5"]) {
      assert.isUndefined(describeModel(model), model)
    }
    for (const model of ["llama3.1", "gemma3:1b"]) assert.notProperty(describeModel(model), "input")
    assert.deepStrictEqual(describeModel("llava:7b"), { identity: "ollama/llava:7b", input: ["text", "image"] })
    assert.notProperty(describeModel("llama3.1"), "contextTokens")
    assert.notProperty(describeModel("llama3.1"), "price")
  })

  it("wants no key", () => {
    assert.deepStrictEqual(definition.keyVariables, [])
    assert.notProperty(definition, "keyFormat")
  })
})
