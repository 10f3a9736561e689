import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import OpenAI, { APIError as OpenAIError } from "openai"
import * as FaultScript from "../src/FaultScript.ts"
import * as FaultServer from "../src/FaultServer.ts"
import * as FaultTruth from "../src/FaultTruth.ts"

const text = "Grüße from the model 🌊, in UTF-8."

const clients = Effect.gen(function* () {
  const server = yield* FaultServer.FaultServer
  yield* server.reset
  const { origin } = yield* server.endpoint("model")
  return {
    server,
    anthropic: new Anthropic({ apiKey: "none", baseURL: origin, maxRetries: 0 }),
    openai: new OpenAI({ apiKey: "none", baseURL: `${origin}/v1`, maxRetries: 0 })
  }
})

const anthropicTool = { name: "write", input_schema: { type: "object" as const } }
const openaiTool = { type: "function" as const, function: { name: "write", parameters: { type: "object" } } }

layer(
  FaultServer.layer({ endpoints: { model: { answer: { text, events: 5 }, agent: { tool: "write", steps: 2 } } } }),
  {
    excludeTestServices: true
  }
)("official SDKs", (it) => {
  it.effect("accept a message, whole and streamed, from Anthropic's", () =>
    Effect.gen(function* () {
      const { anthropic } = yield* clients
      const params = { model: "claude-opus-4-7", max_tokens: 64, messages: [{ role: "user" as const, content: "hi" }] }
      const message = yield* Effect.promise(() => anthropic.messages.create(params))
      assert.deepInclude(message, { stop_reason: "end_turn", model: "claude-opus-4-7" })
      assert.deepInclude(message.content[0], { type: "text", text })
      assert.isString(message._request_id)
      const deltas: Array<string> = []
      const stream = anthropic.messages.stream(params).on("text", (delta) => deltas.push(delta))
      const streamed = yield* Effect.promise(() => stream.finalMessage())
      assert.strictEqual(deltas.join(""), text)
      assert.strictEqual(deltas.length, 5)
      assert.deepStrictEqual(streamed.content, message.content)
      assert.deepStrictEqual(streamed.usage, message.usage)
    })
  )

  it.effect("run an agent to its end with Anthropic's, whole and streamed", () =>
    Effect.gen(function* () {
      const { anthropic, server } = yield* clients
      for (const stream of [false, true]) {
        const messages: Array<Anthropic.MessageParam> = [{ role: "user", content: "write it" }]
        const inputs: Array<unknown> = []
        for (let turn = 0; turn < 3; turn++) {
          const params = { model: "claude-opus-4-7", max_tokens: 64, tools: [anthropicTool], messages }
          const message = yield* Effect.promise(() =>
            stream ? anthropic.messages.stream(params).finalMessage() : anthropic.messages.create(params)
          )
          messages.push({ role: "assistant", content: message.content })
          const [block] = message.content
          if (block?.type !== "tool_use") {
            assert.deepInclude(block, { type: "text", text })
            break
          }
          assert.strictEqual(message.stop_reason, "tool_use")
          assert.match(block.id, /^toolu_/)
          inputs.push(block.input)
          messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: block.id, content: "done" }] })
        }
        assert.deepStrictEqual(inputs, [
          { turn: "write it", step: 1 },
          { turn: "write it", step: 2 }
        ])
      }
      const keys = FaultTruth.requests(yield* server.truth, "model").map((request) => request.runKey)
      assert.deepStrictEqual(keys, [...keys.slice(0, 3), "write it#0", "write it#1", "write it#2"])
    })
  )

  it.effect("accept a completion, whole and streamed, from OpenAI's", () =>
    Effect.gen(function* () {
      const { openai } = yield* clients
      const params = { model: "gpt-5", messages: [{ role: "user" as const, content: "hi" }] }
      const completion = yield* Effect.promise(() => openai.chat.completions.create(params))
      assert.deepInclude(completion.choices[0], { finish_reason: "stop" })
      assert.strictEqual(completion.choices[0]?.message.content, text)
      const stream = openai.chat.completions.stream({ ...params, stream_options: { include_usage: true } })
      const streamed = yield* Effect.promise(() => stream.finalChatCompletion())
      assert.strictEqual(streamed.choices[0]?.message.content, text)
      assert.deepStrictEqual(streamed.usage, completion.usage)
    })
  )

  it.effect("run an agent to its end with OpenAI's, whole and streamed", () =>
    Effect.gen(function* () {
      const { openai, server } = yield* clients
      for (const stream of [false, true]) {
        const messages: Array<OpenAI.ChatCompletionMessageParam> = [{ role: "user", content: "write it" }]
        const inputs: Array<unknown> = []
        for (let turn = 0; turn < 3; turn++) {
          const params = { model: "gpt-5", tools: [openaiTool], messages }
          const completion = yield* Effect.promise(() =>
            stream
              ? openai.chat.completions.stream(params).finalChatCompletion()
              : openai.chat.completions.create(params)
          )
          const [choice] = completion.choices
          const call = choice?.message.tool_calls?.[0]
          if (choice === undefined || call === undefined || call.type !== "function") {
            assert.strictEqual(choice?.message.content, text)
            break
          }
          assert.strictEqual(choice.finish_reason, "tool_calls")
          inputs.push(JSON.parse(call.function.arguments))
          messages.push(choice.message, { role: "tool", tool_call_id: call.id, content: "done" })
        }
        assert.deepStrictEqual(inputs, [
          { turn: "write it", step: 1 },
          { turn: "write it", step: 2 }
        ])
      }
      assert.strictEqual((yield* server.truth).runs.distinct, 3)
    })
  )

  it.effect("accept a response, whole and streamed, and run an agent to its end with OpenAI's Responses", () =>
    Effect.gen(function* () {
      const { openai, server } = yield* clients
      const hi = { model: "gpt-5", input: "hi" }
      const response = yield* Effect.promise(() => openai.responses.create(hi))
      assert.deepInclude(response, { status: "completed", output_text: text })
      const streamed = yield* Effect.promise(() => openai.responses.stream(hi).finalResponse())
      assert.strictEqual(streamed.output_text, text)
      assert.deepStrictEqual(streamed.usage, response.usage)

      for (const stream of [false, true]) {
        const input: Array<OpenAI.Responses.ResponseInputItem> = [{ role: "user", content: "write it" }]
        const inputs: Array<unknown> = []
        for (let turn = 0; turn < 3; turn++) {
          const tools = [{ type: "function" as const, name: "write", parameters: { type: "object" }, strict: false }]
          const params = { model: "gpt-5", tools, input }
          const answer = yield* Effect.promise(async () =>
            stream ? await openai.responses.stream(params).finalResponse() : await openai.responses.create(params)
          )
          const [call] = answer.output
          if (call?.type !== "function_call") {
            assert.strictEqual(answer.output_text, text)
            break
          }
          inputs.push(JSON.parse(call.arguments))
          input.push(call, { type: "function_call_output", call_id: call.call_id, output: "done" })
        }
        assert.deepStrictEqual(inputs, [
          { turn: "write it", step: 1 },
          { turn: "write it", step: 2 }
        ])
      }
      assert.strictEqual((yield* server.truth).runs.distinct, 4)
    })
  )

  it.effect("read provider errors as what they are", () =>
    Effect.gen(function* () {
      const { anthropic, openai, server } = yield* clients
      const messages = [{ role: "user" as const, content: "hi" }]
      for (const status of [400, 401, 403, 404, 429, 500, 529]) {
        yield* server.script("model", [FaultScript.always(FaultScript.status(status))])
        const fromAnthropic = yield* Effect.promise(() =>
          anthropic.messages.create({ model: "m", max_tokens: 1, messages }).catch((error: unknown) => error)
        )
        assert.instanceOf(fromAnthropic, AnthropicError)
        assert.strictEqual(fromAnthropic.status, status)
        assert.isString(fromAnthropic.requestID)
        assert.nestedProperty(fromAnthropic.error, "error.type")
        const fromOpenai = yield* Effect.promise(() =>
          openai.chat.completions.create({ model: "m", messages }).catch((error: unknown) => error)
        )
        assert.instanceOf(fromOpenai, OpenAIError)
        assert.strictEqual(fromOpenai.status, status)
        assert.isString(fromOpenai.type)
        assert.isString(fromOpenai.requestID)
      }
      yield* server.script("model", [FaultScript.always(FaultScript.inBandError(5, { message: "too much" }))])
      const inAnthropic = yield* Effect.promise(() =>
        anthropic.messages
          .stream({ model: "m", max_tokens: 1, messages })
          .finalMessage()
          .catch((error: unknown) => error)
      )
      assert.include(String(inAnthropic), "too much")
      const inOpenai = yield* Effect.promise(() =>
        openai.chat.completions
          .stream({ model: "m", messages })
          .finalChatCompletion()
          .catch((error: unknown) => error)
      )
      assert.include(String(inOpenai), "too much")
      const inResponses = yield* Effect.promise(() =>
        openai.responses
          .stream({ model: "m", input: "hi" })
          .finalResponse()
          .catch((error: unknown) => error)
      )
      assert.include(String(inResponses), "too much")
    })
  )
})
