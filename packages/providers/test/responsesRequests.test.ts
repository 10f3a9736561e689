/** What we send in the Responses format, judged by the types of OpenAI's SDK and by the rules of the API. */
import { assert, describe, it } from "@effect/vitest"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import type { ModelCall, Target } from "@holdfast/providers/Codec"
import { codec } from "@holdfast/providers/OpenAiResponses"
import { codec as codexCodec } from "@holdfast/providers/OpenAiCodexResponses"
import { openai } from "@holdfast/providers/definitions/openai"
import { openaiCodex } from "@holdfast/providers/definitions/openaiCodex"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import type {
  ResponseCreateParamsNonStreaming,
  ResponseCreateParamsStreaming
} from "openai/resources/responses/responses"
import { decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { functionCall, message, response } from "./support/responsesWire.ts"

const Weather = Tool.make("weather", {
  description: "The weather in a city.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const base: ModelCall = {
  prompt: Prompt.make("hi"),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  params: {},
  settings: {}
}

const target = (model: string, definition = openai): Target => ({
  model,
  definition,
  facts: definition.describe(model)
})

const gpt = target("gpt-5.5")

const encode = (more: Partial<ModelCall>, to = gpt, streaming = false) =>
  Result.getOrThrow(codec.encode({ ...base, ...more }, to, streaming)).body

const problems = (more: Partial<ModelCall>, to = gpt, by = codec) => {
  const result = by.encode({ ...base, ...more }, to, false)
  assert.isTrue(Result.isFailure(result) && isInvalidInput(result.failure))
  return Result.getOrThrow(Result.flip(result)).problems
}

const include = ["reasoning.encrypted_content" as const]

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false
}

describe("a request for a response", () => {
  it("says a conversation with tools as OpenAI's SDK types it", () => {
    const prompt = Prompt.make([
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Rome?" }] },
      {
        role: "assistant",
        content: [
          { type: "text", text: "I " },
          { type: "text", text: "look." },
          { type: "tool-call", id: "call_1", name: "weather", params: { city: "Rome" }, providerExecuted: false },
          { type: "tool-call", id: "call_2", name: "weather", params: { city: "Oslo" }, providerExecuted: false }
        ]
      },
      {
        role: "tool",
        content: [
          {
            type: "tool-result",
            id: "call_1",
            name: "weather",
            result: "sunny",
            isFailure: false,
            providerExecuted: false
          },
          {
            type: "tool-result",
            id: "call_2",
            name: "weather",
            result: { no: 1 },
            isFailure: true,
            providerExecuted: false
          }
        ]
      }
    ])
    const expected: ResponseCreateParamsStreaming = {
      model: "gpt-5.5",
      tools: [
        {
          type: "function",
          name: "weather",
          description: "The weather in a city.",
          parameters: Tool.getJsonSchema(Weather),
          strict: false
        }
      ],
      tool_choice: "required",
      include,
      input: [
        { role: "developer", content: "Be brief." },
        { role: "user", content: [{ type: "input_text", text: "Rome?" }] },
        { role: "assistant", content: "I look." },
        { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Rome"}' },
        { type: "function_call", call_id: "call_2", name: "weather", arguments: '{"city":"Oslo"}' },
        { type: "function_call_output", call_id: "call_1", output: "sunny" },
        { type: "function_call_output", call_id: "call_2", output: '{"no":1}' }
      ],
      store: false,
      stream: true
    }
    assert.deepStrictEqual(encode({ prompt, tools: [Weather], toolChoice: "required" }, gpt, true), { ...expected })
    // A model that does not reason refuses to be asked for reasoning, and has a system.
    const plain = encode({ prompt }, target("gpt-4.1"))
    assert.notProperty(plain, "include")
    assert.deepInclude((plain["input"] as ReadonlyArray<unknown>)[0], { role: "system" })
  })

  it("says images and files as OpenAI's SDK types them", () => {
    const prompt = Prompt.make([
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "file", mediaType: "image/png", data: new URL("https://example.com/a.png") },
          {
            type: "file",
            mediaType: "image/webp",
            data: new Uint8Array([1, 2, 3]),
            options: { openai: { detail: "low" } }
          },
          { type: "file", mediaType: "image/*", data: "AQID" },
          { type: "file", mediaType: "application/pdf", fileName: "a.pdf", data: "AQID" },
          { type: "file", mediaType: "application/pdf", data: new URL("https://example.com/b.pdf") },
          { type: "file", mediaType: "text/csv", data: "AQID" },
          { type: "file", mediaType: "application/pdf", data: "file-abc" }
        ]
      }
    ])
    const expected: ResponseCreateParamsNonStreaming["input"] = [
      {
        role: "user",
        content: [
          { type: "input_text", text: "What is this?" },
          { type: "input_image", detail: "auto", image_url: "https://example.com/a.png" },
          { type: "input_image", detail: "low", image_url: "data:image/webp;base64,AQID" },
          { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AQID" },
          { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,AQID" },
          { type: "input_file", file_url: "https://example.com/b.pdf" },
          { type: "input_file", filename: "file.csv", file_data: "data:text/csv;base64,AQID" },
          { type: "input_file", file_id: "file-abc" }
        ]
      }
    ]
    assert.deepStrictEqual(encode({ prompt })["input"], expected)
  })

  it("gives the images that a tool returned to the model", () => {
    const prompt = Prompt.make([
      {
        role: "tool",
        content: [
          {
            type: "tool-result",
            id: "call_1",
            name: "shot",
            result: null,
            modelOutput: [
              { type: "text", text: "Taken." },
              { type: "file", mediaType: "image/png", data: "AQID" }
            ],
            isFailure: false,
            providerExecuted: false
          }
        ]
      }
    ])
    const expected: ResponseCreateParamsNonStreaming["input"] = [
      {
        type: "function_call_output",
        call_id: "call_1",
        output: [
          { type: "input_text", text: "Taken." },
          { type: "input_image", detail: "auto", image_url: "data:image/png;base64,AQID" }
        ]
      }
    ]
    assert.deepStrictEqual(encode({ prompt })["input"], expected)
  })

  it("says everything that it cannot say, each at its place", () => {
    const prompt = Prompt.make([
      { role: "user", content: [{ type: "text", text: "hi" }] },
      {
        role: "user",
        content: [
          { type: "file", mediaType: "image/png", data: "AQID" },
          { type: "text", text: "hi" },
          { type: "file", mediaType: "video/mp4", data: "AQID" }
        ]
      }
    ])
    const odd = Tool.make("a name with spaces", { success: Schema.String })
    const either = Tool.make("either", {
      parameters: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })]),
      success: Schema.String
    })
    const found = problems(
      { prompt, params: { model: "x", input: [] }, tools: [odd, either] },
      { ...gpt, facts: { input: ["text"] } }
    )
    assert.deepStrictEqual(
      found.map(({ kind, place }) => [kind, place]),
      [
        ["InvalidOption", "params.model"],
        ["InvalidOption", "params.input"],
        ["UnsupportedContent", "tools[0].name"],
        ["UnsupportedContent", "tools[1].parameters"],
        ["UnsupportedContent", "prompt.content[1].content[0]"],
        ["UnsupportedContent", "prompt.content[1].content[2]"]
      ]
    )
    assert.include(found[4]?.expected, "text")
    assert.include(found[5]?.found, "video/mp4")
  })

  it("asks for an object by its schema, beside what the app says of text", () => {
    const responseFormat = {
      type: "json",
      objectName: "the weather",
      schema: Schema.Struct({ city: Schema.String })
    } as const
    const { text } = encode({ responseFormat, params: { text: { verbosity: "low" } } })
    const expected: ResponseCreateParamsNonStreaming["text"] = {
      verbosity: "low",
      format: { type: "json_schema", name: "the_weather", schema: parameters, strict: true }
    }
    assert.deepStrictEqual(text, expected)
  })

  it("takes fields of Chat Completions by the names that they have here, and the rest as it is", () => {
    const {
      include: _,
      input: __,
      ...body
    } = encode({
      params: {
        max_tokens: 100,
        reasoning_effort: "low",
        verbosity: "high",
        reasoning: { summary: "auto" },
        parallel_tool_calls: false,
        service_tier: "flex",
        prompt_cache_key: "k"
      }
    })
    const expected: ResponseCreateParamsNonStreaming = {
      model: "gpt-5.5",
      text: { verbosity: "high" },
      max_output_tokens: 100,
      reasoning: { effort: "low", summary: "auto" },
      parallel_tool_calls: false,
      service_tier: "flex",
      prompt_cache_key: "k",
      store: false
    }
    assert.deepStrictEqual(body, { ...expected })
  })

  it("adds to what the app has included", () => {
    const asked = ["web_search_call.action.sources"]
    assert.deepStrictEqual(encode({ params: { include: asked } })["include"], [...asked, ...include])
    assert.deepStrictEqual(encode({ params: { include } })["include"], include)
  })

  it("says that a tool has no parameters in the way that is not refused", () => {
    const [tool] = encode({ tools: [Tool.make("now", { success: Schema.String })] })["tools"] as ReadonlyArray<unknown>
    assert.deepInclude(tool, { parameters: { type: "object", properties: {}, additionalProperties: false } })
  })

  it("holds the model to a schema where the tool says so", () => {
    const strict = Weather.annotate(Tool.Strict, true)
    const [tool] = encode({ tools: [strict] })["tools"] as ReadonlyArray<unknown>
    assert.deepInclude(tool, { strict: true, parameters })
  })

  it("says a tool of OpenAI's own by its type, from a toolkit or from params", () => {
    const Search = Tool.providerDefined({
      id: "openai.web_search",
      customName: "Search",
      providerName: "web_search",
      args: Schema.Struct({ search_context_size: Schema.String })
    })
    const tools = [Search({ search_context_size: "low" })]
    const params = { tools: [{ type: "code_interpreter", container: { type: "auto" } }] }
    const body = encode({ tools, params, toolChoice: { tool: "Search" } })
    const expected: ResponseCreateParamsNonStreaming["tools"] = [
      { type: "web_search", search_context_size: "low" },
      { type: "code_interpreter", container: { type: "auto" } }
    ]
    assert.deepStrictEqual(body["tools"], expected)
    assert.deepStrictEqual(body["tool_choice"], { type: "web_search" })
    assert.strictEqual(codec.declare({ ...base, tools }, "gpt-5.5"), "provider-tools")
  })

  it("keeps what was read for long where the operator says so", () => {
    const settings = { cacheRetention: "long" } as const
    assert.strictEqual(encode({ settings })["prompt_cache_retention"], "24h")
    assert.notProperty(encode({ settings: { cacheRetention: "short" } }), "prompt_cache_retention")
  })

  it("keeps nothing unless the app says so", () => {
    assert.strictEqual(encode({})["store"], false)
    assert.strictEqual(encode({ params: { store: true } })["store"], true)
    // These need what is stored; the API says no to `store: false` beside them.
    assert.notProperty(encode({ params: { background: true } }), "store")
    assert.notProperty(encode({ params: { conversation: "conv_1" } }), "store")
  })

  it.each([
    [{}, "repeatable"],
    [{ store: false }, "repeatable"],
    [{ tools: [{ type: "function", name: "f" }] }, "repeatable"],
    [{ store: true }, "changes-state"],
    [{ background: true }, "changes-state"],
    [{ conversation: "conv_1" }, "changes-state"],
    [{ previous_response_id: "resp_1" }, "changes-state"],
    [{ tools: [{ type: "web_search" }] }, "provider-tools"],
    [{ tools: [{ type: "mcp" }], store: true }, "changes-state"],
    [{ prompt: { id: "pmpt_1" } }, "provider-tools"]
  ] as const)("declares of %j that it is %s", (params, declaration) => {
    assert.strictEqual(codec.declare({ ...base, params }, "gpt-5.5"), declaration)
  })

  it("declares of a model that searches by itself that it runs tools", () => {
    assert.strictEqual(codec.declare(base, "o3-deep-research"), "provider-tools")
  })
})

/** The prompt that an answer becomes. */
const answered = (output: ReadonlyArray<unknown>): Prompt.Prompt =>
  promptOf(Result.getOrThrow(codec.decode(response(output))))

/** As LanguageModel and Chat make a prompt of an answer. */
const promptOf = (parts: ReadonlyArray<Response.PartEncoded | Response.StreamPartEncoded>): Prompt.Prompt =>
  Prompt.fromResponseParts(
    parts.map(
      (part) =>
        ({
          metadata: {},
          providerExecuted: false,
          ...part,
          ...(part.type === "file" ? { data: Buffer.from(part.data, "base64") } : undefined),
          ...(part.type === "tool-result" ? { encodedResult: part.result, preliminary: false } : undefined)
        }) as unknown as Response.AnyPart
    )
  )

const thought = (id: string) => ({ id, type: "reasoning", summary: [], encrypted_content: `secret of ${id}` })
const search = { id: "ws_1", type: "web_search_call", status: "completed", action: { type: "search", query: "q" } }
const listed = { id: "mcpl_1", type: "mcp_list_tools", server_label: "s", tools: [] }

const input = (prompt: Prompt.Prompt, to = gpt): ReadonlyArray<Readonly<Record<string, unknown>>> =>
  encode({ prompt }, to)["input"] as ReadonlyArray<Readonly<Record<string, unknown>>>

describe("an answer in a later request", () => {
  const said = message("Hi.", {
    phase: "commentary",
    content: [
      { type: "output_text", text: "Hi.", annotations: [] },
      { type: "refusal", refusal: "No." }
    ]
  })
  const output = [
    listed,
    {
      ...thought("rs_1"),
      summary: [
        { type: "summary_text", text: "One." },
        { type: "summary_text", text: "Two." }
      ]
    },
    search,
    thought("rs_2"),
    said,
    thought("rs_3"),
    functionCall("call_1", "weather", '{"city":"Rome"}')
  ]

  it("is the items that it was, in their order, reasoning and what the provider ran included", () => {
    assert.deepStrictEqual(input(answered(output)), output)
  })

  it("is so after a stream as well", () =>
    Effect.gen(function* () {
      const fixture = Fixtures.all.find(({ path }) => path.endsWith("phase-commentary-stream.sse"))
      if (fixture === undefined) return
      const { parts } = yield* decode(codec, [Fixtures.bytes(fixture)])
      const end = Fixtures.read(fixture).match(/^data: (\{"type":"response.completed".*\})$/m)?.[1] ?? "{}"
      const items = (JSON.parse(end) as { response: { output: ReadonlyArray<Record<string, unknown>> } }).response
        .output
      const sent = input(promptOf(parts))
      assert.deepStrictEqual(
        sent.map(({ id, type }) => [type, id]),
        items.map(({ id, type }) => [type, id])
      )
      assert.match(String(sent[0]?.["encrypted_content"]), /^gAAAAABqaR3-pGgSy/)
      assert.strictEqual(sent[1]?.["phase"], "commentary")
    }).pipe(Effect.runPromise))

  it("has no reasoning and no ids for a model that takes none", () => {
    const sent = input(answered(output), target("gpt-4.1"))
    assert.deepStrictEqual(
      sent.filter((item) => item["type"] !== "mcp_list_tools"),
      [
        { role: "assistant", content: "Hi.No.", phase: "commentary" },
        { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Rome"}' }
      ]
    )
  })

  it("leaves reasoning out that nothing follows, or that was not given to be given back", () => {
    assert.deepStrictEqual(input(answered([thought("rs_1")])), [])
    const summary = { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "One." }] }
    assert.deepStrictEqual(input(answered([summary, message("Hi.")])), [{ role: "assistant", content: "Hi." }])
  })

  it("gives raw reasoning back to those who show it", () => {
    const raw = { id: "rs_1", type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "Hm." }] }
    const reply = message("Hi.")
    assert.deepStrictEqual(input(answered([raw, reply]))[0], raw)
  })

  it("gives an image back as the call that made it", () => {
    const image = { id: "ig_1", type: "image_generation_call", status: "completed", result: "AQID" }
    assert.deepStrictEqual(input(answered([image])), [image])
  })

  it("does not repeat calls that the app was to answer", () => {
    const shell = { id: "sh_1", type: "local_shell_call", status: "completed", call_id: "c", action: {} }
    const sent = input(answered([thought("rs_1"), shell, message("Hi.")]))
    assert.deepStrictEqual(sent, [{ role: "assistant", content: "Hi." }])
  })

  const Kept = Schema.Array(Schema.Boolean).check(Schema.isMinLength(1))

  it.effect.prop(
    "never has an item that had company without it, whatever was taken from the history",
    { kept: Kept },
    ({ kept }) =>
      Effect.sync(() => {
        const whole = answered(output)
        const content = whole.content.flatMap((message) =>
          message.role === "assistant" ? message.content.filter((_, index) => kept[index % kept.length]) : []
        )
        const sent = input(
          Prompt.make([
            { role: "assistant", content: content as never },
            { role: "user", content: "?" }
          ])
        )
        for (const [index, item] of sent.entries()) {
          const place = output.findIndex((each) => each["id"] === item["id"])
          if (item["type"] === "reasoning") {
            // It has its follower, and not another's.
            assert.strictEqual(sent[index + 1]?.["id"], output[place + 1]?.["id"])
          }
          // What the API knows by its id comes with the reasoning that it had.
          if (place > 0 && output[place - 1]?.["type"] === "reasoning") {
            assert.strictEqual(sent[index - 1]?.["id"], output[place - 1]?.["id"])
          }
        }
      }),
    { arbitrary: { runs: 200 } }
  )
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

const tokenOf = (claims: object) => `${part({ alg: "none" })}.${part(claims)}.signature`

const headersOf = (token: string) =>
  Object.fromEntries(
    Object.entries(openaiCodex.authenticate(Redacted.make(token))).map(([name, value]) => [
      name,
      Redacted.isRedacted(value) ? Redacted.value(value) : `${value} in the open`
    ])
  )

describe("a request to ChatGPT's backend", () => {
  const sol = target("gpt-5.5", openaiCodex)
  const prompt = Prompt.make([
    { role: "system", content: "Be brief." },
    { role: "system", content: "Be kind." },
    { role: "user", content: [{ type: "text", text: "hi" }] },
    { role: "system", content: "Now." }
  ])

  it("always streams, keeps nothing, and has instructions", () => {
    const expected: ResponseCreateParamsStreaming = {
      instructions: "Be brief.\n\nBe kind.",
      parallel_tool_calls: true,
      model: "gpt-5.5",
      include,
      prompt_cache_key: "session",
      input: [
        { role: "user", content: [{ type: "input_text", text: "hi" }] },
        { role: "developer", content: "Now." }
      ],
      store: false,
      stream: true
    }
    const params = { prompt_cache_key: "session", max_tokens: 10, temperature: 1, top_p: 1, store: false }
    assert.deepStrictEqual(Result.getOrThrow(codexCodec.encode({ ...base, prompt, params }, sol, false)), {
      body: { ...expected },
      headers: { session_id: "session" }
    })
    const { body } = Result.getOrThrow(codexCodec.encode(base, sol, false))
    assert.isAbove(String(body["instructions"]).length, 0)
  })

  it("refuses what would have it keep something, all at once", () => {
    const params = { store: true, previous_response_id: "resp_1", background: true }
    assert.sameMembers(
      problems({ params }, sol, codexCodec).map(({ place }) => place),
      ["params.store", "params.previous_response_id", "params.background"]
    )
  })

  it("names the account that the token stands for", () => {
    const token = tokenOf({ "https://api.openai.com/auth": { chatgpt_account_id: "acc-1" } })
    assert.deepStrictEqual(headersOf(token), { authorization: `Bearer ${token}`, "chatgpt-account-id": "acc-1" })
    const others = [
      "opaque",
      "a.b.c",
      "a.%%.c",
      tokenOf({}),
      tokenOf({ "https://api.openai.com/auth": { chatgpt_account_id: "a\nb" } })
    ]
    for (const other of others) assert.deepStrictEqual(Object.keys(headersOf(other)), ["authorization"])
  })

  it("reads errors that are but a detail", () => {
    const body = JSON.stringify({ detail: "Unsupported parameter: max_output_tokens" })
    const { notRun, reason } = codexCodec.classify({ status: 400, headers: {}, body })
    assert.strictEqual(reason._tag, "InvalidRequest")
    assert.isFalse(notRun)
    assert.include(JSON.stringify(reason), "Unsupported parameter")
  })
})

describe("what is known of OpenAI's models", () => {
  it.each([
    ["gpt-5.5-2026-04-23", "gpt", true, 1_050_000],
    ["gpt-5.4-mini", "gpt-mini", true, 400_000],
    ["gpt-5-chat-latest", "gpt-chat-latest", false, 128_000],
    ["gpt-4.1-mini", "gpt-mini", false, 1_047_576],
    ["gpt-4o-2024-08-06", "gpt", false, 128_000],
    ["o4-mini", "o-mini", true, 200_000],
    ["o3-mini", "o-mini", true, undefined],
    ["gpt-6-sol", "gpt-sol", true, 1_050_000],
    ["gpt-4o-search-preview", "gpt-search-preview", undefined, undefined]
  ])("%s is of the line %s, reasons: %s, window: %s", (model, line, reasons, window) => {
    const facts = openai.describe(model)
    assert.deepStrictEqual(facts?.family, { maker: "openai", line })
    assert.strictEqual(facts?.reasons, reasons)
    assert.strictEqual(facts?.contextTokens, window)
  })

  it("is a price with its source where one is known; a subscription has none", () => {
    const price = openai.describe("gpt-5.5-2026-04-23")?.price
    assert.deepInclude(price, { input: 5, output: 30, cacheRead: 0.5 })
    assert.match(price?.asOf ?? "", /^\d{4}-\d{2}-\d{2}$/)
    assert.isUndefined(openaiCodex.describe("gpt-5.5")?.price)
    assert.isUndefined(openai.describe("claude-opus-4-7"))
  })
})
