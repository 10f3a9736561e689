/** The odd ways in which servers speak Chat Completions, each by name. */
import { assert, describe, it } from "@effect/vitest"
import { plain } from "@holdfast/providers/Codec"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import { amountOf, decode } from "./support/decoding.ts"

const { codec } = OpenAiCompletions

type Fields = Readonly<Record<string, unknown>>
type Part = Response.StreamPartEncoded | Response.PartEncoded

const chunk = (delta: Fields, finish_reason: string | null = null, more: Fields = {}, choice: Fields = {}): Fields => ({
  id: "c1",
  choices: [{ index: 0, delta, finish_reason, ...choice }],
  ...more
})

const said = (content: string) => chunk({ content })
const stop = chunk({}, "stop")

const bytesOf = (payloads: ReadonlyArray<unknown>): Uint8Array =>
  new TextEncoder().encode(
    payloads
      .map((payload) => (typeof payload === "string" ? payload : `data: ${JSON.stringify(payload)}`))
      .concat("")
      .join("\n\n")
  )

const done = "data: [DONE]"

/** The parts of a stream that must be an answer. */
const streamed = Effect.fnUntraced(function* (...payloads: ReadonlyArray<unknown>) {
  const { parts, reason } = yield* decode(codec, [bytesOf([...payloads, done])])
  assert.isUndefined(reason)
  return parts
})

const failed = (...payloads: ReadonlyArray<unknown>) =>
  Effect.map(decode(codec, [bytesOf(payloads)]), ({ reason }) => reason)

const completion = (message: Fields, finish_reason = "stop", more: Fields = {}): Fields => ({
  id: "c1",
  choices: [{ index: 0, message, finish_reason }],
  ...more
})

const whole = (message: Fields, finish?: string, more?: Fields) =>
  Result.getOrThrow(codec.decode(completion(message, finish, more)))

const toolCalls = (...tool_calls: ReadonlyArray<unknown>) => chunk({ tool_calls })
const fn = (name: string | undefined, args?: unknown) => ({ function: { name, arguments: args } })

const of = <T extends Part["type"]>(parts: ReadonlyArray<Part>, type: T): ReadonlyArray<Extract<Part, { type: T }>> =>
  parts.filter((part): part is Extract<Part, { type: T }> => part.type === type)

const own = (part: Part | undefined): Fields => (part?.metadata?.["openai"] ?? {}) as Fields

const anonymous = (parts: ReadonlyArray<Part>) =>
  amountOf(parts as ReadonlyArray<Response.StreamPartEncoded>).calls.map(({ name, params }) => ({ name, params }))

const detail = (text: string) => ({ type: "reasoning.text", text, format: "unknown", index: 0 })

const counts = (usage: Fields) => {
  const { inputTokens, outputTokens } = of(whole({ content: "x" }, "stop", { usage }), "finish")[0]?.usage ?? {}
  return { ...inputTokens, output: outputTokens?.total, reasoning: outputTokens?.reasoning, text: outputTokens?.text }
}

const data = (payload: unknown) => `data: ${JSON.stringify(payload)}`

describe("tool calls", () => {
  const two = [
    { name: "add", params: { n: 1 } },
    { name: "sub", params: { n: 2 } }
  ]

  it.effect.each([
    {
      name: "whole in one chunk, all numbered 0, without ids",
      chunks: [toolCalls({ index: 0, ...fn("add", '{"n":1}') }), toolCalls({ index: 0, ...fn("sub", '{"n":2}') })]
    },
    {
      name: "without number and id",
      chunks: [toolCalls(fn("add", '{"n":1}')), toolCalls(fn("sub", '{"n":2}'))]
    },
    {
      name: "two in one chunk, without number and id",
      chunks: [toolCalls(fn("add", '{"n":1}'), fn("sub", '{"n":2}'))]
    },
    {
      name: "with an empty id",
      chunks: [toolCalls({ index: 0, id: "", ...fn("add", '{"n":1}') }, { index: 1, id: "", ...fn("sub", '{"n":2}') })]
    },
    {
      name: "with arguments that are an object",
      chunks: [toolCalls({ index: 0, id: "a", ...fn("add", { n: 1 }) }, { index: 1, id: "b", ...fn("sub", { n: 2 }) })]
    },
    {
      name: "with the name again in every fragment",
      chunks: [
        toolCalls({ index: 0, ...fn("add", '{"n"') }),
        toolCalls({ index: 0, ...fn("add", ":1}") }),
        toolCalls({ index: 1, ...fn("sub", '{"n":2}') })
      ]
    }
  ])("come $name", ({ chunks }) =>
    Effect.gen(function* () {
      const parts = yield* streamed(...chunks, chunk({}, "tool_calls"))
      assert.deepStrictEqual(anonymous(parts), two)
      const ids = of(parts, "tool-call").map(({ id }) => id)
      assert.strictEqual(new Set(ids).size, 2)
      assert.deepStrictEqual(
        of(parts, "tool-params-start").map(({ id }) => id),
        ids
      )
      assert.isFalse(ids.includes(""))
    })
  )

  it.effect("of the old kind come in pieces, too", () =>
    Effect.gen(function* () {
      const parts = yield* streamed(
        chunk({ function_call: { name: "add", arguments: "" } }),
        chunk({ function_call: { arguments: '{"n"' } }),
        chunk({ function_call: { arguments: ":1}" } }),
        chunk({}, "function_call")
      )
      assert.deepInclude(amountOf(parts), {
        calls: [{ id: "c1_0", name: "add", params: { n: 1 } }],
        finish: "tool-calls"
      })
    })
  )

  it.effect("without arguments have none", () =>
    Effect.gen(function* () {
      const parts = yield* streamed(toolCalls({ index: 0, id: "a", ...fn("now") }), chunk({}, "tool_calls"))
      assert.deepStrictEqual(amountOf(parts).calls, [{ id: "a", name: "now", params: {} }])
      const message = { content: null, tool_calls: [{ id: "a", type: "function", function: { name: "now" } }] }
      assert.deepStrictEqual(amountOf(whole(message, "tool_calls")).calls, [{ id: "a", name: "now", params: {} }])
    })
  )

  it.effect("whose arguments break off though the answer says that it called tools are no answer", () =>
    Effect.gen(function* () {
      const cut = { index: 0, id: "a", ...fn("add", '{"n":') }
      const reason = yield* failed(toolCalls(cut), chunk({}, "tool_calls"), done)
      assert.deepInclude(reason, { _tag: "MalformedResponse", what: "event" })
      const unstreamed = codec.decode(completion({ tool_calls: [cut] }, "tool_calls"))
      assert.deepInclude(Result.getOrThrow(Result.flip(unstreamed)), { _tag: "MalformedResponse", what: "json" })
    })
  )
})

describe("reasoning between tags", () => {
  const reading = Effect.fnUntraced(function* (...pieces: ReadonlyArray<string>) {
    const parts = yield* streamed(...pieces.map(said), stop)
    const { reasoning, text } = amountOf(parts)
    return { reasoning, text }
  })

  it.effect("is told from the text, wherever the tags are cut", () =>
    Effect.gen(function* () {
      const content = "\n<think>\nSo < 2 </thin> or\n</think>\n\nIt is <think>2</think>."
      const expected = { reasoning: "\nSo < 2 </thin> or\n", text: "It is <think>2</think>." }
      assert.deepStrictEqual(yield* reading(...content), expected)
      for (let at = 0; at <= content.length; at++) {
        assert.deepStrictEqual(yield* reading(content.slice(0, at), content.slice(at)), expected, `cut at ${at}`)
      }
      const { reasoning, text } = amountOf(whole({ content }))
      assert.deepStrictEqual({ reasoning, text }, expected)
    })
  )

  it.effect("is reasoning to the end where it is not closed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* reading("<think>a</th"), { reasoning: "a</th", text: "" })
    })
  )

  it.effect("is text where the content does not begin with it, or the reasoning came in its own field", () =>
    Effect.gen(function* () {
      for (const content of ["a<think>b</think>", "<thin", "  ", "<b>"]) {
        assert.deepStrictEqual(yield* reading(...content), { reasoning: "", text: content })
      }
      const parts = yield* streamed(chunk({ reasoning_content: "Hm" }), said("<think>"), stop)
      assert.deepInclude(amountOf(parts), { reasoning: "Hm", text: "<think>" })
      assert.deepInclude(amountOf(whole({ reasoning_content: "Hm", content: "<think>" })), {
        reasoning: "Hm",
        text: "<think>"
      })
    })
  )
})

describe("reasoning", () => {
  it.effect("that comes in details alone is read from them", () =>
    Effect.gen(function* () {
      const parts = yield* streamed(
        chunk({ reasoning_details: [detail("H")] }),
        chunk({ reasoning_details: [detail("m")] }),
        said("A"),
        stop
      )
      assert.deepInclude(amountOf(parts), { reasoning: "Hm", text: "A" })
      const expected = { reasoningDetails: [{ ...detail("Hm") }] }
      assert.deepStrictEqual(own(of(parts, "reasoning-end")[0]), expected)
      const [thought] = of(whole({ reasoning_details: [detail("Hm")], content: "A" }), "reasoning")
      assert.strictEqual(thought?.text, "Hm")
      assert.deepStrictEqual(own(thought), expected)
    })
  )

  it.effect("stands in parts of the content at some", () =>
    Effect.gen(function* () {
      const content = [
        { type: "thinking", thinking: [{ type: "text", text: "Hm" }] },
        { type: "text", text: "A" }
      ]
      const expected = { reasoning: "Hm", text: "A" }
      assert.deepInclude(amountOf(yield* streamed(chunk({ content }), stop)), expected)
      assert.deepInclude(amountOf(whole({ content })), expected)
    })
  )
})

describe("what is found, drawn, spoken and run", () => {
  it.effect("gives sources, of annotations or of lists beside the choices, each once", () =>
    Effect.gen(function* () {
      const url_citation = { url: "https://example.com/a", title: "A", start_index: 1, end_index: 5 }
      const [source] = of(whole({ content: "x", annotations: [{ type: "url_citation", url_citation }] }), "source")
      assert.deepStrictEqual<unknown>(source, {
        type: "source",
        sourceType: "url",
        id: "source_0",
        url: "https://example.com/a",
        title: "A",
        metadata: { openai: { startIndex: 1, endIndex: 5 } }
      })
      const listing = { search_results: [{ url: "https://example.com/b", title: "B" }], citations: ["https://x.y"] }
      const listed = yield* streamed(chunk({ content: "x" }, null, listing), chunk({}, "stop", listing))
      assert.deepStrictEqual(
        of(listed, "source").map((part) => part.sourceType === "url" && part.url),
        ["https://example.com/b"]
      )
      const cited = whole({ content: "x" }, "stop", { citations: ["https://example.com/c", "no url"] })
      assert.lengthOf(of(cited, "source"), 1)
    })
  )

  it("keeps annotations that are no sources", () => {
    const annotation = { type: "file", file: { hash: "h" } }
    const parts = whole({ content: "x", annotations: [annotation] })
    assert.isEmpty(of(parts, "source"))
    assert.deepStrictEqual(own(parts.at(-1))["annotations"], [annotation])
  })

  it.effect("gives images as files, or as sources where they are elsewhere", () =>
    Effect.gen(function* () {
      const images = ["data:image/png;base64,iVBORw==", "https://example.com/a.png", "data:image/png;base64,%%%"].map(
        (url) => ({ type: "image_url", image_url: { url } })
      )
      for (const parts of [whole({ content: null, images }), yield* streamed(chunk({ images }), stop)]) {
        assert.deepStrictEqual<unknown>(of(parts, "file"), [{ type: "file", mediaType: "image/png", data: "iVBORw==" }])
        assert.lengthOf(of(parts, "source"), 1)
      }
    })
  )

  it.effect("gives speech as one file, and what was spoken as text", () =>
    Effect.gen(function* () {
      const riff = Buffer.from("RIFF1234")
      const audio = { id: "a", data: riff.toString("base64"), transcript: "Hello." }
      const parts = whole({ content: null, audio })
      assert.strictEqual(amountOf(parts).text, "Hello.")
      assert.deepStrictEqual<unknown>(of(parts, "file"), [
        {
          type: "file",
          mediaType: "audio/wav",
          data: riff.toString("base64"),
          metadata: { openai: { transcript: true } }
        }
      ])
      // Each fragment is padded for itself.
      const fragments = yield* streamed(
        chunk({ audio: { id: "a", transcript: "Hel" } }),
        chunk({ audio: { transcript: "lo." } }),
        chunk({ audio: { data: Buffer.from([1, 2, 3, 4]).toString("base64") } }),
        chunk({ audio: { data: Buffer.from([5]).toString("base64") } }),
        stop
      )
      assert.strictEqual(amountOf(fragments).text, "Hello.")
      assert.deepInclude(of(fragments, "file")[0], {
        mediaType: "audio/pcm",
        data: Buffer.from([1, 2, 3, 4, 5]).toString("base64")
      })
    })
  )

  it("gives tools that Groq ran as the provider's, with what they found", () => {
    const parts = whole({
      content: "x",
      executed_tools: [
        {
          index: 0,
          type: "search",
          arguments: '{"query":"q"}',
          output: "found",
          search_results: { results: [{ url: "https://example.com/a", title: "A", content: "c", score: 1 }] }
        },
        { index: 1, type: "python", arguments: "print(1)" }
      ]
    })
    assert.deepStrictEqual(
      of(parts, "tool-call").map(({ id, name, params, providerExecuted }) => ({ id, name, params, providerExecuted })),
      [
        { id: "executed_0", name: "search", params: { query: "q" }, providerExecuted: true },
        { id: "executed_1", name: "python", params: "print(1)", providerExecuted: true }
      ]
    )
    assert.deepStrictEqual(
      of(parts, "tool-result").map(({ id }) => id),
      ["executed_0"]
    )
    assert.lengthOf(of(parts, "source"), 1)
  })
})

describe("usage", () => {
  const none = { cacheWrite: undefined, reasoning: undefined, text: undefined }

  it("names what was read from a cache in each provider's way", () => {
    const tokens = { prompt_tokens: 10, completion_tokens: 3 }
    const expected = { ...none, uncached: 6, total: 10, cacheRead: 4, output: 3 }
    for (const usage of [
      { ...tokens, prompt_tokens_details: { cached_tokens: 4 } },
      { ...tokens, prompt_cache_hit_tokens: 4, prompt_cache_miss_tokens: 6 },
      { ...tokens, cached_tokens: 4 }
    ]) {
      assert.deepStrictEqual(counts(usage), expected)
    }
    assert.deepInclude(counts({ ...tokens, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 5 } }), {
      uncached: 1,
      cacheRead: 4,
      cacheWrite: 5
    })
    assert.deepInclude(counts({ ...tokens, completion_tokens_details: { reasoning_tokens: 2 } }), {
      reasoning: 2,
      text: 1
    })
  })

  it.effect("is found where each provider puts it, the last one counting", () =>
    Effect.gen(function* () {
      const usage = { prompt_tokens: 1, completion_tokens: 2 }
      for (const last of [
        chunk({}, "stop", { usage }),
        chunk({}, "stop", { x_groq: { usage } }),
        chunk({}, "stop", {}, { usage })
      ]) {
        const parts = yield* streamed(chunk({ content: "x" }, null, { usage: { prompt_tokens: 0 } }), last)
        assert.deepInclude(amountOf(parts), { inputTokens: 1, outputTokens: 2 })
      }
    })
  )
})

describe("a finish", () => {
  it.effect.each([
    ["stop", "stop"],
    ["eos", "stop"],
    ["normal", "stop"],
    ["length", "length"],
    ["model_length", "length"],
    ["model_context_window_exceeded", "length"],
    ["tool_calls", "tool-calls"],
    ["function_call", "tool-calls"],
    ["content_filter", "content-filter"],
    ["sensitive", "content-filter"],
    ["something_new", "unknown"]
  ] as const)("of %s is %s", ([wire, expected]) =>
    Effect.gen(function* () {
      assert.strictEqual(amountOf(yield* streamed(said("x"), chunk({}, wire))).finish, expected)
      assert.strictEqual(amountOf(whole({ content: "x" }, wire)).finish, expected)
    })
  )

  it.effect.each([
    ["insufficient_system_resource", "Overloaded"],
    ["network_error", "ServerError"],
    ["error", "ServerError"]
  ] as const)("of %s means that the provider gave up: %s", ([wire, tag]) =>
    Effect.gen(function* () {
      const rule = `openai/finish-${wire}`
      assert.deepInclude(yield* failed(said("x"), chunk({}, wire), done), { _tag: tag, rule })
      const unstreamed = codec.decode(completion({ content: "x" }, wire), { ...plain, provider: "zai" })
      assert.deepInclude(Result.getOrThrow(Result.flip(unstreamed)), { _tag: tag, rule: `zai/finish-${wire}` })
    })
  )
})

describe("a stream", () => {
  const spoken = Effect.fnUntraced(function* (...lines: ReadonlyArray<string>) {
    return yield* decode(codec, [new TextEncoder().encode(lines.join("\n"))])
  })

  it.effect("holds comments, blank lines, `retry:`, and fields in any order", () =>
    Effect.gen(function* () {
      const { parts, reason } = yield* spoken(
        ": OPENROUTER PROCESSING",
        "",
        "",
        "retry: 3000",
        "",
        data(said("A")),
        "event: message",
        "",
        ": ping",
        data(said("B")),
        "",
        "event: keepalive",
        "",
        data(stop),
        "",
        done,
        ""
      )
      assert.isUndefined(reason)
      assert.strictEqual(amountOf(parts).text, "AB")
    })
  )

  it.effect("that ends with an error event after valid chunks is that error, with or without the end marker", () =>
    Effect.gen(function* () {
      const error = data({ error: { message: "no", type: "server_error", code: 500 } })
      for (const more of [[], [done, ""]]) {
        const { parts, reason } = yield* spoken(data(said("A")), "", "event: error", error, "", ...more)
        assert.strictEqual(amountOf(parts).text, "A")
        assert.strictEqual(reason?._tag, "ServerError")
      }
    })
  )

  it.effect("is an error though it stands beside choices, after comments, or bare", () =>
    Effect.gen(function* () {
      const error = { code: 429, message: "Rate limited" }
      const beside = yield* spoken(
        ": OPENROUTER PROCESSING",
        "",
        data({ ...chunk({ content: "" }, "error"), error }),
        ""
      )
      assert.strictEqual(beside.reason?._tag, "RateLimited")
      const bare = yield* spoken(data({ object: "error", ...error, type: "rate_limit_error" }), "")
      assert.strictEqual(bare.reason?._tag, "RateLimited")
      const only = Result.flip(codec.decode({ object: "error", ...error }))
      assert.strictEqual(Result.getOrThrow(only)._tag, "RateLimited")
    })
  )

  it.effect("with a field named `error` is that error", () =>
    Effect.gen(function* () {
      const error = { error: { message: "no", code: 429 } }
      const { reason } = yield* spoken(data(said("A")), "", `error: ${JSON.stringify(error)}`, "")
      assert.strictEqual(reason?._tag, "RateLimited")
    })
  )

  it.effect("may be one chunk with a message", () =>
    Effect.gen(function* () {
      const parts = yield* streamed({ id: "c1", choices: [{ message: { content: "A" }, finish_reason: "stop" }] })
      assert.strictEqual(amountOf(parts).text, "A")
    })
  )

  it.effect("of 50 KB of arguments in single characters is put together once", () =>
    Effect.gen(function* () {
      const long = JSON.stringify({ text: "x".repeat(50_000) })
      const parts = yield* streamed(
        toolCalls({ index: 0, id: "a", ...fn("write", "") }),
        ...Array.from(long, (character) => toolCalls({ index: 0, ...fn(undefined, character) })),
        chunk({}, "tool_calls")
      )
      assert.deepStrictEqual(amountOf(parts).calls, [{ id: "a", name: "write", params: JSON.parse(long) }])
    })
  )
})
