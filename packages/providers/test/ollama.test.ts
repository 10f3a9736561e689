import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "@holdfast/providers/Codec"
import { codec } from "@holdfast/providers/Ollama"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import { amountOf, decode, random, split } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { answer, last, ollama, piece } from "./support/ollamaWire.ts"
import { targetOf } from "./support/target.ts"

const bytes = (lines: ReadonlyArray<string>): ReadonlyArray<Uint8Array> => [new TextEncoder().encode(lines.join(""))]

/** The parts of a stream of these lines, which must be an answer. */
const partsOf = Effect.fnUntraced(function* (...lines: ReadonlyArray<string>) {
  const { parts, reason } = yield* decode(codec, bytes(lines))
  assert.isUndefined(reason)
  return parts
})

const wholeOf = (body: unknown): ReadonlyArray<Response.PartEncoded | Response.StreamPartEncoded> =>
  Result.getOrThrow(codec.decode(body))

const typesOf = (parts: ReadonlyArray<{ readonly type: string }>) => parts.map(({ type }) => type)

const call = (name: unknown, args: unknown, more: object = {}) => ({
  tool_calls: [{ ...more, function: { name, arguments: args } }]
})

const reasonOf = (body: unknown) => Result.getOrThrow(Result.flip(codec.decode(body)))

describe("an answer of Ollama's", () => {
  it("is text and thought, with who gave it, what it took and how long", () => {
    assert.deepStrictEqual(wholeOf(answer({ thinking: "Hm.", content: "Hello." })), [
      {
        type: "response-metadata",
        id: undefined,
        modelId: "llama3.1:8b",
        timestamp: "2026-01-01T00:00:00.123Z"
      },
      { type: "reasoning", text: "Hm." },
      { type: "text", text: "Hello." },
      {
        type: "finish",
        reason: "stop",
        usage: {
          inputTokens: { total: 14, uncached: undefined, cacheRead: undefined, cacheWrite: undefined },
          outputTokens: { total: 6, text: undefined, reasoning: undefined }
        },
        metadata: { ollama: { doneReason: "stop", totalMs: 5000, loadMs: 1000, promptEvalMs: 1500, evalMs: 2500 } }
      }
    ])
  })

  it.effect("says the same whole and streamed", () =>
    Effect.gen(function* () {
      const message = { thinking: "Hm.", content: "Grüße 🌊", ...call("add", { a: 1 }) }
      const whole = wholeOf(answer(message))
      const streamed = yield* partsOf(
        piece({ thinking: "Hm" }),
        piece({ thinking: "." }),
        piece({ content: "Grüße" }),
        piece({ content: " 🌊" }),
        piece(call("add", { a: 1 })),
        last()
      )
      const inOne = yield* partsOf(piece(message), last())
      for (const parts of [streamed, inOne, yield* partsOf(piece(message, JSON.parse(last({ message }))))]) {
        assert.deepStrictEqual(amountOf(parts), amountOf(whole))
        assert.deepStrictEqual(parts.at(-1), whole.at(-1))
        assert.deepStrictEqual(parts[0], whole[0])
      }
      assert.deepStrictEqual(typesOf(streamed), [
        "response-metadata",
        "reasoning-start",
        "reasoning-delta",
        "reasoning-delta",
        "reasoning-end",
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "tool-params-start",
        "tool-params-delta",
        "tool-params-end",
        "tool-call",
        "finish"
      ])
    })
  )

  it.effect("gives tool calls ids of their own, the same whenever it is read, and no other answer's", () =>
    Effect.gen(function* () {
      const calls = [
        { function: { name: "add", arguments: { n: 1 } } },
        { function: { index: 1, name: "add", arguments: { n: 2 } } }
      ]
      const expected = [
        { id: "call_20260101000000123456_0", name: "add", params: { n: 1 } },
        { id: "call_20260101000000123456_1", name: "add", params: { n: 2 } }
      ]
      assert.deepStrictEqual(amountOf(wholeOf(answer({ tool_calls: calls }))).calls, expected)
      const apart = calls.map((each, at) =>
        piece({ tool_calls: [each] }, at === 0 ? {} : { created_at: "2026-01-01T00:00:07Z" })
      )
      assert.deepStrictEqual(amountOf(yield* partsOf(...apart, last())).calls, expected)
      const later = amountOf(wholeOf(answer({ tool_calls: calls }, { created_at: "2026-01-01T00:00:01.5Z" })))
      assert.deepStrictEqual(
        later.calls.map(({ id }) => id),
        ["call_202601010000015_0", "call_202601010000015_1"]
      )
      assert.strictEqual(amountOf(wholeOf(answer(call("add", {}, { id: "call_own" })))).calls[0]?.id, "call_own")
      assert.strictEqual(amountOf(wholeOf({ message: call("add", {}), done: true })).calls[0]?.id, "call_0")
    })
  )

  it("reads arguments that are an object, an object as text, or none", () => {
    for (const [args, params] of [
      [{ a: [1] }, { a: [1] }],
      ['{"a":1}', { a: 1 }],
      ["", {}],
      [null, {}],
      [undefined, {}]
    ]) {
      assert.deepStrictEqual(amountOf(wholeOf(answer(call("add", args)))).calls[0]?.params, params)
    }
  })

  it.effect("with a tool call that makes no sense is malformed", () =>
    Effect.gen(function* () {
      for (const wrong of [
        call(undefined, {}),
        call("", {}),
        call(7, {}),
        call("add", [1]),
        call("add", "{"),
        call("add", 1)
      ]) {
        assert.deepInclude(Result.getOrThrow(Result.flip(codec.decode(answer(wrong)))), {
          _tag: "MalformedResponse",
          what: "json"
        })
        const { parts, reason } = yield* decode(codec, bytes([piece(wrong), last()]))
        assert.deepInclude(reason, { _tag: "MalformedResponse", what: "event" })
        assert.notInclude(typesOf(parts), "tool-call")
      }
    })
  )

  it.effect("finishes for every reason", () =>
    Effect.gen(function* () {
      const reasons: ReadonlyArray<readonly [string | undefined, Response.FinishReason, Response.FinishReason]> = [
        ["stop", "stop", "tool-calls"],
        ["length", "length", "length"],
        ["load", "other", "other"],
        ["unload", "other", "other"],
        ["something_new", "unknown", "unknown"],
        [undefined, "unknown", "tool-calls"]
      ]
      for (const [done_reason, alone, withCalls] of reasons) {
        assert.strictEqual(amountOf(wholeOf(answer({}, { done_reason }))).finish, alone)
        assert.strictEqual(amountOf(wholeOf(answer(call("add", {}), { done_reason }))).finish, withCalls)
        assert.strictEqual(amountOf(yield* partsOf(piece({ content: "A" }), last({ done_reason }))).finish, alone)
        assert.strictEqual(amountOf(yield* partsOf(piece(call("add", {})), last({ done_reason }))).finish, withCalls)
      }
    })
  )

  it.effect("does not count what the server did not count", () =>
    Effect.gen(function* () {
      const counts = { prompt_eval_count: undefined, eval_count: 1.5, total_duration: "5s", load_duration: undefined }
      const finish = (yield* partsOf(piece({ content: "A" }), last(counts))).at(-1)
      assert.deepInclude(amountOf(finish === undefined ? [] : [finish]), {
        inputTokens: undefined,
        outputTokens: undefined
      })
      assert.deepStrictEqual(finish?.metadata, {
        ollama: { doneReason: "stop", promptEvalMs: 1500, evalMs: 2500 }
      })
    })
  )

  it.effect("names what it holds and is not passed on", () =>
    Effect.gen(function* () {
      for (const parts of [
        wholeOf(answer({ images: ["iVBORw0KGgo="] })),
        yield* partsOf(piece({ images: ["iVBORw0KGgo="] }), last())
      ]) {
        assert.deepInclude(parts.at(-1)?.metadata?.["ollama"], { unread: ["images"] })
      }
    })
  )

  it("is none where it says an error, is not done, or has no message", () => {
    for (const body of [
      {},
      [],
      null,
      "x",
      { message: {}, done: false },
      { done: true },
      answer({}, { done: "true" })
    ]) {
      assert.deepInclude(reasonOf(body), { _tag: "MalformedResponse", what: "json" }, JSON.stringify(body))
    }
    assert.include(reasonOf({ error: "an error was encountered while running the model" }), {
      said: "an error was encountered while running the model"
    })
  })
})

describe("a stream of Ollama's", () => {
  it.effect("fails with the error that a line says, before content and after it", () =>
    Effect.gen(function* () {
      for (const before of [[], [piece({})], [piece({ content: "A" })]]) {
        const { reason } = yield* decode(codec, bytes([...before, ollama.errorEvent("", "out of memory"), last()]))
        assert.deepInclude(reason, { said: "out of memory" })
        assert.notInclude(["StreamTruncated", "MalformedResponse"], reason?._tag)
      }
    })
  )

  it.effect("fails with its error though the line is not ended", () =>
    Effect.gen(function* () {
      const { reason } = yield* decode(codec, bytes([piece({ content: "A" }), '{"error":"out of memory"}']))
      assert.deepInclude(reason, { said: "out of memory" })
    })
  )

  it.effect("is truncated without a line that is done, and gives out no tool call", () =>
    Effect.gen(function* () {
      for (const end of ["", last().slice(0, -20), piece({ content: "B" }), '{"done":false}\n']) {
        const { parts, reason } = yield* decode(codec, bytes([piece(call("add", { a: 1 })), end]))
        assert.deepInclude(reason, { _tag: "StreamTruncated", missing: '"done":true' })
        assert.include(typesOf(parts), "tool-params-delta")
        assert.notInclude(typesOf(parts), "tool-call")
      }
    })
  )

  it.effect("of lines that are no JSON, or nothing of Ollama's, is malformed", () =>
    Effect.gen(function* () {
      for (const lines of [
        ["{oops}\n"],
        ["<html>\n"],
        ['"text"\n'],
        ["[]\n"],
        ['{"hello":1}\n'],
        [piece({}), "data: {}\n"]
      ]) {
        const { reason } = yield* decode(codec, bytes([...lines, ...ollama.textStream("A")]))
        assert.deepInclude(reason, { _tag: "MalformedResponse", what: "event" }, lines.join(""))
      }
    })
  )

  it.effect("cut anywhere, at a line's end or within a character, is truncated and says no more than it has said", () =>
    Effect.gen(function* () {
      const lines = [
        piece({ thinking: "Ähm" }),
        piece({ content: "Grüße" }),
        piece({ content: " 🌊" }),
        piece(call("add", { n: 1 })),
        last()
      ]
      const [body = new Uint8Array()] = bytes(lines)
      const whole = yield* decode(codec, [body])
      const marker = Buffer.from(body).lastIndexOf(codec.endMarker)
      for (let seed = 0; seed < 150; seed++) {
        const next = random(seed)
        const cut = Math.floor(next() * marker)
        const { parts, reason } = yield* decode(codec, split(body.subarray(0, cut), next, 40))
        assert.strictEqual(reason?._tag, "StreamTruncated", `cut at ${cut}`)
        assert.deepStrictEqual(parts, whole.parts.slice(0, parts.length), `cut at ${cut}`)
        assert.notInclude(typesOf(parts), "tool-call")
      }
    })
  )
})

const fixtureOf = (name: string) => {
  const found = Fixtures.all.find(({ path }) => path === `ollama-chat/ollama/${name}`)
  if (found === undefined) throw new Error(`no fixture ${name}`)
  return found
}

const streamOf = (name: string) => decode(codec, [Fixtures.bytes(fixtureOf(name))])

Fixtures.suite("recorded responses of Ollama", () => {
  it("are four, each of which is read here", () => {
    assert.deepStrictEqual(
      Fixtures.all.filter(({ api }) => api === "ollama-chat").map(({ path }) => path.split("/").at(-1)),
      ["chat-stream.ndjson", "thinking-stream.ndjson", "tool-json.json", "tools-two-chunks-stream.ndjson"]
    )
  })

  it.effect("chat-stream is text", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* streamOf("chat-stream.ndjson")
      assert.isUndefined(reason)
      assert.deepStrictEqual(amountOf(parts), {
        text: "Okay, here we go!\n\n1, 2, 3, 4, 5\n",
        reasoning: "",
        calls: [],
        finish: "stop",
        inputTokens: 16,
        outputTokens: 22
      })
      assert.deepInclude(parts[0], { modelId: "gemma3:1b", timestamp: "2025-08-20T13:48:24.316Z" })
      assert.deepStrictEqual(parts.at(-1)?.metadata, {
        ollama: {
          doneReason: "stop",
          totalMs: 171.946792,
          loadMs: 38.47325,
          promptEvalMs: 27.60825,
          evalMs: 105.611917
        }
      })
    })
  )

  it.effect("thinking-stream is thought, then text", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* streamOf("thinking-stream.ndjson")
      assert.isUndefined(reason)
      const amount = amountOf(parts)
      assert.isTrue(
        amount.reasoning.startsWith('The user says "Test prompt". Likely they are just testing the system.')
      )
      assert.isTrue(amount.text.endsWith("specific you need."))
      assert.deepInclude(amount, { calls: [], finish: "stop", inputTokens: 69, outputTokens: 76 })
      assert.deepStrictEqual(
        typesOf(parts).filter((type) => !type.endsWith("-delta")),
        ["response-metadata", "reasoning-start", "reasoning-end", "text-start", "text-end", "finish"]
      )
    })
  )

  it("tool-json is an answer that calls no tool, although the index says it does", () => {
    const parts = wholeOf(Fixtures.json(fixtureOf("tool-json.json")))
    const amount = amountOf(parts)
    assert.isTrue(amount.text.startsWith("This is a simple example, but in a real-world scenario"))
    assert.deepInclude(amount, { calls: [], finish: "stop", inputTokens: 44, outputTokens: 113 })
    assert.deepInclude(parts[0], { modelId: "llama3.1" })
  })

  it.effect("tools-two-chunks-stream is two calls in two lines, without ids", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* streamOf("tools-two-chunks-stream.ndjson")
      assert.isUndefined(reason)
      assert.deepStrictEqual(amountOf(parts), {
        text: "",
        reasoning: "",
        calls: [
          { id: "call_20250609175855337823_0", name: "weather", params: { city: "Detroit" } },
          { id: "call_20250609175855337823_1", name: "search", params: { query: "Detroit Tigers game time today" } }
        ],
        finish: "tool-calls",
        inputTokens: 218,
        outputTokens: 306
      })
    })
  )
})

const Weather = Tool.make("weather", {
  description: "The weather in a city.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const encoded = (over: Partial<ModelCall>, streaming = false) =>
  codec.encode(
    {
      prompt: Prompt.make("hi"),
      tools: [],
      toolChoice: "auto",
      responseFormat: { type: "text" },
      params: {},
      settings: {},
      ...over
    },
    targetOf(codec, "llama3.1:8b"),
    streaming
  )

const bodyOf = (over: Partial<ModelCall>, streaming = false): Record<string, unknown> => ({
  ...Result.getOrThrow(encoded(over, streaming)).body
})

const problemsOf = (over: Partial<ModelCall>) =>
  Result.getOrThrow(Result.flip(encoded(over))).problems.map(({ found, kind, place }) => ({ kind, place, found }))

const filePart = (mediaType: string, data: string | Uint8Array | URL) =>
  Prompt.make([
    {
      role: "user",
      content: [
        { type: "text", text: "Look:" },
        { type: "file", mediaType, data }
      ]
    }
  ])

describe("a request to Ollama", () => {
  it("says the conversation, with thoughts, calls and results by the names of their tools", () => {
    const prompt = Prompt.make([
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Ro" },
          { type: "text", text: "me?" }
        ]
      },
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Look it up." },
          { type: "text", text: "I look." },
          { type: "tool-call", id: "call_1", name: "weather", params: { city: "Rome" }, providerExecuted: false }
        ]
      },
      {
        role: "tool",
        content: [
          {
            type: "tool-result",
            id: "call_1",
            name: "weather",
            result: { sky: "blue" },
            isFailure: false,
            providerExecuted: false
          }
        ]
      }
    ])
    assert.deepStrictEqual(bodyOf({ prompt, tools: [Weather] }, true), {
      model: "llama3.1:8b",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Rome?" },
        {
          role: "assistant",
          content: "I look.",
          thinking: "Look it up.",
          tool_calls: [{ id: "call_1", function: { name: "weather", arguments: { city: "Rome" } } }]
        },
        { role: "tool", content: '{"sky":"blue"}', tool_name: "weather", tool_call_id: "call_1" }
      ],
      tools: [
        {
          type: "function",
          function: {
            name: "weather",
            description: "The weather in a city.",
            parameters: Tool.getJsonSchema(Weather)
          }
        }
      ],
      stream: true
    })
  })

  it("says that no stream is wanted, because Ollama's default is one", () => {
    assert.deepStrictEqual(bodyOf({}), {
      model: "llama3.1:8b",
      messages: [{ role: "user", content: "hi" }],
      stream: false
    })
  })

  it("leaves out a message that says nothing", () => {
    const prompt = Prompt.make([
      { role: "user", content: "hi" },
      { role: "assistant", content: [] }
    ])
    assert.strictEqual((bodyOf({ prompt })["messages"] as ReadonlyArray<unknown>).length, 1)
  })

  it("puts what belongs to the model into its options, where alone it is read", () => {
    const {
      messages: _,
      model: __,
      stream: ___,
      ...rest
    } = bodyOf({
      params: {
        temperature: 0.1,
        num_ctx: 8192,
        max_tokens: 50,
        think: "high",
        keep_alive: "10m",
        logprobs: true,
        options: { temperature: 0.5, seed: 1 }
      }
    })
    assert.deepStrictEqual(rest, {
      think: "high",
      keep_alive: "10m",
      logprobs: true,
      options: { temperature: 0.5, num_ctx: 8192, num_predict: 50, seed: 1 }
    })
    assert.notProperty(bodyOf({ params: { think: false } }), "options")
  })

  it("wants an object as `format`", () => {
    const schema = Schema.Struct({ city: Schema.String })
    const { format } = bodyOf({ responseFormat: { type: "json", objectName: "trip", schema } })
    assert.deepInclude(format, { type: "object", required: ["city"] })
  })

  it("has images as base64, whatever they were", () => {
    const image = new Uint8Array([0x89, 0x50, 0x4e, 0x47])
    for (const data of [
      image,
      "iVBORw==",
      "data:image/png;base64,iVBORw==",
      new URL("data:image/png;base64,iVBORw==")
    ]) {
      assert.deepStrictEqual(bodyOf({ prompt: filePart("image/png", data) })["messages"], [
        { role: "user", content: "Look:", images: ["iVBORw=="] }
      ])
    }
  })

  it("refuses an image that Ollama would have to fetch, and other files, and says where they stand", () => {
    const place = "prompt.content[0].content[1]"
    for (const url of ["https://example.com/a.png", new URL("https://example.com/a.png")]) {
      assert.deepStrictEqual(problemsOf({ prompt: filePart("image/png", url) }), [
        { kind: "UnsupportedContent", place, found: "an image's URL" }
      ])
    }
    assert.deepStrictEqual(problemsOf({ prompt: filePart("application/pdf", new Uint8Array([1])) }), [
      { kind: "UnsupportedContent", place, found: "a file of type application/pdf" }
    ])
  })

  it("refuses a tool that must be called, because Ollama cannot be told, and leaves tools out that must not", () => {
    for (const toolChoice of ["required", { tool: "weather" }, { mode: "required", oneOf: ["weather"] }] as const) {
      assert.deepStrictEqual(problemsOf({ tools: [Weather], toolChoice }), [
        { kind: "UnsupportedContent", place: "toolChoice", found: "a tool that must be called" }
      ])
    }
    assert.notProperty(bodyOf({ tools: [Weather], toolChoice: "none" }), "tools")
    for (const toolChoice of ["auto", { oneOf: ["weather"] }, { mode: "auto", oneOf: ["weather"] }] as const) {
      assert.property(bodyOf({ tools: [Weather], toolChoice }), "tools")
    }
  })

  it("names every problem at once", () => {
    const problems = problemsOf({
      prompt: filePart("audio/wav", new Uint8Array([1])),
      tools: [Weather],
      toolChoice: "required"
    })
    assert.deepStrictEqual(
      problems.map(({ place }) => place),
      ["toolChoice", "prompt.content[0].content[1]"]
    )
  })

  it("may be repeated, whatever is asked", () => {
    const call = {
      prompt: Prompt.make("hi"),
      tools: [],
      toolChoice: "auto",
      responseFormat: { type: "text" },
      settings: {}
    } as const
    assert.strictEqual(codec.declare({ ...call, params: { tools: [{}] } }, "gpt-oss:20b"), "repeatable")
  })
})
