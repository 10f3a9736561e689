import { assert, describe, it } from "@effect/vitest"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import type { Codec } from "@holdfast/providers/Codec"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import { amountOf, decode } from "./support/decoding.ts"

/** The parts of a stream of these payloads, which must be an answer. */
const partsOf = Effect.fnUntraced(function* (codec: Codec, ...payloads: ReadonlyArray<unknown>) {
  const lines = payloads.map(
    (payload) => `data: ${typeof payload === "string" ? payload : JSON.stringify(payload)}\n\n`
  )
  const { parts, reason } = yield* decode(codec, [new TextEncoder().encode(lines.join(""))])
  assert.isUndefined(reason)
  return parts
})

const typesOf = (parts: ReadonlyArray<Response.StreamPartEncoded>) => parts.map((part) => part.type)

const start = { type: "message_start", message: { id: "msg_1", model: "m", usage: { input_tokens: 9 } } }
const block = (index: number, content_block: object) => ({ type: "content_block_start", index, content_block })
const delta = (index: number, change: object) => ({ type: "content_block_delta", index, delta: change })
const stop = (index: number) => ({ type: "content_block_stop", index })
const end = (reason: string | null, usage: object = {}) => [
  { type: "message_delta", delta: { stop_reason: reason }, usage },
  { type: "message_stop" }
]
const toolUse = (index: number, id: string) => [
  block(index, { type: "tool_use", id, name: "add", input: {} }),
  delta(index, { type: "input_json_delta", partial_json: "{}" }),
  stop(index)
]
const text = (index: number, said: string) => [
  block(index, { type: "text", text: "" }),
  delta(index, { type: "text_delta", text: said }),
  stop(index)
]

describe("anthropic-messages", () => {
  const { codec } = AnthropicMessages

  it.effect("keeps a count that a later one leaves null, and begins once though started twice", () =>
    Effect.gen(function* () {
      const parts = yield* partsOf(
        codec,
        start,
        start,
        ...text(0, "A"),
        ...end("end_turn", { input_tokens: null, output_tokens: 3 })
      )
      assert.deepInclude(amountOf(parts), { inputTokens: 9, outputTokens: 3, finish: "stop" })
      assert.strictEqual(parts.filter((part) => part.type === "response-metadata").length, 1)
    })
  )

  it.effect("gives tool calls out at the end, or before the text that follows them", () =>
    Effect.gen(function* () {
      const last = yield* partsOf(
        codec,
        start,
        ...text(0, "A"),
        ...toolUse(1, "a"),
        ...toolUse(2, "b"),
        ...end("tool_use")
      )
      assert.deepStrictEqual(typesOf(last).slice(-3), ["tool-call", "tool-call", "finish"])
      const between = yield* partsOf(codec, start, ...toolUse(0, "a"), ...text(1, "A"), ...end("tool_use"))
      assert.deepStrictEqual(typesOf(between).slice(4, 6), ["tool-call", "text-start"])
    })
  )

  it.effect("passes thoughts on with what Anthropic needs to see again", () =>
    Effect.gen(function* () {
      const parts = yield* partsOf(
        codec,
        start,
        block(0, { type: "thinking", thinking: "", signature: "" }),
        delta(0, { type: "thinking_delta", thinking: "Hm." }),
        delta(0, { type: "signature_delta", signature: "c2" }),
        delta(0, { type: "signature_delta", signature: "ln" }),
        stop(0),
        block(1, { type: "redacted_thinking", data: "ZGF0YQ" }),
        stop(1),
        ...end("end_turn")
      )
      const metadata = parts.flatMap((part) =>
        part.type === "reasoning-start" || part.type === "reasoning-end" ? [part.metadata] : []
      )
      assert.deepStrictEqual(metadata, [
        undefined,
        { anthropic: { signature: "c2ln" } },
        { anthropic: { redactedData: "ZGF0YQ" } },
        undefined
      ])
    })
  )

  it.effect("names the kinds of blocks that it does not pass on", () =>
    Effect.gen(function* () {
      const search = { type: "hologram", id: "s", name: "web_search", input: {} }
      const found = { type: "hologram_result", tool_use_id: "s", content: [] }
      const expected = { anthropic: { stopReason: "end_turn", unread: ["hologram", "hologram_result"] } }
      const parts = yield* partsOf(
        codec,
        start,
        block(0, search),
        stop(0),
        block(1, found),
        stop(1),
        ...end("end_turn")
      )
      assert.deepStrictEqual(parts.at(-1)?.metadata, expected)
      const whole = codec.decode({ type: "message", content: [search, found], stop_reason: "end_turn" })
      assert.deepStrictEqual(Result.getOrThrow(whole).at(-1)?.metadata, expected)
    })
  )

  it.effect.each([undefined, null, 7, "", {}])("refuses a call of a tool named %j", (name) =>
    Effect.gen(function* () {
      const call = { type: "tool_use", id: "a", name, input: {} }
      const whole = codec.decode({ type: "message", content: [call], stop_reason: "tool_use" })
      assert.deepInclude(Result.getOrThrow(Result.flip(whole)), { _tag: "MalformedResponse", what: "json" })
      const events = [start, block(0, call), stop(0), ...end("tool_use")].map((data) => `data: ${JSON.stringify(data)}`)
      const streamed = yield* decode(codec, [new TextEncoder().encode(`${events.join("\n\n")}\n\n`)])
      assert.deepInclude(streamed.reason, { _tag: "MalformedResponse", what: "event" })
      assert.isUndefined(streamed.parts.find((part) => part.type === "tool-call"))
    })
  )

  it.effect("reads every way to stop", () =>
    Effect.gen(function* () {
      const reasons: ReadonlyArray<readonly [string | null, Response.FinishReason]> = [
        ["end_turn", "stop"],
        ["stop_sequence", "stop"],
        ["tool_use", "tool-calls"],
        ["max_tokens", "length"],
        ["model_context_window_exceeded", "length"],
        ["pause_turn", "pause"],
        ["refusal", "content-filter"],
        ["something_new", "unknown"],
        [null, "unknown"]
      ]
      for (const [said, expected] of reasons) {
        assert.strictEqual(amountOf(yield* partsOf(codec, start, ...end(said))).finish, expected)
      }
    })
  )
})

const chunk = (said: object, finish_reason: string | null = null, index = 0) => ({
  id: "c",
  choices: [{ index, delta: said, finish_reason }]
})
const call = (index: number | undefined, id: string | undefined, name: string | undefined, args?: string) =>
  chunk({ tool_calls: [{ index, id, function: { name, arguments: args } }] })

const answer = (name: string, args: string, finish_reason: string) =>
  OpenAiCompletions.codec.decode({
    choices: [{ message: { tool_calls: [{ id: "a", function: { name, arguments: args } }] }, finish_reason }]
  })

describe("openai-completions", () => {
  const { codec } = OpenAiCompletions
  const expected = [
    { id: "a", name: "add", params: { n: 1 } },
    { id: "b", name: "sub", params: { n: 2 } }
  ]

  it.effect("tells tool calls apart by index, and by id where a server numbers all of them 0 or none", () =>
    Effect.gen(function* () {
      const apart = [call(0, "a", "add", '{"n"'), call(1, "b", "sub", '{"n":2}'), call(0, undefined, undefined, ":1}")]
      const numbered0 = [call(0, "a", "add", '{"n":1}'), call(0, "b", "sub", '{"n"'), call(0, "b", undefined, ":2}")]
      const unnumbered = [call(undefined, "a", "add", '{"n":1}'), call(undefined, "b", "sub", '{"n":2}')]
      for (const calls of [apart, numbered0, unnumbered]) {
        const parts = yield* partsOf(codec, ...calls, chunk({}, "tool_calls"), "[DONE]")
        assert.deepStrictEqual(amountOf(parts).calls, expected)
        assert.strictEqual(typesOf(parts).filter((type) => type === "tool-params-end").length, 2)
      }
    })
  )

  it.effect("reads the first choice alone, wherever it stands", () =>
    Effect.gen(function* () {
      const parts = yield* partsOf(
        codec,
        chunk({ content: "other" }, null, 1),
        chunk({ content: "A" }),
        chunk({}, "length", 1),
        chunk({}, "stop"),
        "[DONE]"
      )
      assert.deepInclude(amountOf(parts), { text: "A", finish: "stop" })
    })
  )

  it.effect("gives every run of text and of thought an id of its own", () =>
    Effect.gen(function* () {
      const parts = yield* partsOf(
        codec,
        chunk({ reasoning_content: "Hm" }),
        chunk({ reasoning_content: "." }),
        chunk({ content: "A" }),
        chunk({ reasoning: "Oh." }),
        chunk({ content: "B" }, "stop"),
        "[DONE]"
      )
      assert.deepStrictEqual(
        parts.flatMap((part) => ("id" in part && part.type.endsWith("-start") ? [`${part.type} ${part.id}`] : [])),
        ["reasoning-start 0", "text-start 1", "reasoning-start 2", "text-start 3"]
      )
      assert.deepInclude(amountOf(parts), { text: "AB", reasoning: "Hm.Oh." })
    })
  )

  it.effect("is not whole where no choice has finished", () =>
    Effect.gen(function* () {
      const bytes = new TextEncoder().encode(`data: ${JSON.stringify(chunk({ content: "A" }))}\n\ndata: [DONE]\n\n`)
      const { reason } = yield* decode(codec, [bytes])
      assert.deepInclude(reason, { _tag: "MalformedResponse", what: "event" })
    })
  )

  it("reads an answer that a filter left without a message", () => {
    const filtered = codec.decode({ id: "c", choices: [{ index: 0, finish_reason: "content_filter" }] })
    assert.deepInclude(amountOf(Result.getOrThrow(filtered)), { text: "", finish: "content-filter" })
  })

  it("refuses a tool call that makes no sense, unless the answer was cut short", () => {
    for (const [name, args] of [
      ["add", '{"n":'],
      ["", "{}"]
    ] as const) {
      const reason = Result.getOrThrow(Result.flip(answer(name, args, "tool_calls")))
      assert.deepInclude(reason, { _tag: "MalformedResponse", what: "json" })
    }
    for (const args of ['{"n":', ""]) {
      assert.deepStrictEqual(amountOf(Result.getOrThrow(answer("add", args, "length"))).calls, [])
    }
    const whole = amountOf(Result.getOrThrow(answer("add", '{"n":1}', "length")))
    assert.deepStrictEqual(whole.calls, [{ id: "a", name: "add", params: { n: 1 } }])
  })
})
