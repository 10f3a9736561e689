/** What is asked of each speaker of the format, held against the types of OpenAI's SDK where it is OpenAI's own. */
import { assert, describe, it } from "@effect/vitest"
import type { ModelCall, Target } from "@holdfast/providers/Codec"
import type { CompletionsDialect } from "@holdfast/providers/CompletionsDialect"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import type { ModelFacts, ProviderDefinition } from "@holdfast/providers/ProviderDefinition"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type OpenAI from "openai"
import { deepseek } from "../src/definitions/deepseek.ts"
import { groq } from "../src/definitions/groq.ts"
import { moonshot } from "../src/definitions/moonshot.ts"
import { openai } from "../src/definitions/openai.ts"
import { openrouter } from "../src/definitions/openrouter.ts"
import { qianfan } from "../src/definitions/qianfan.ts"
import { zai } from "../src/definitions/zai.ts"

type Body = Readonly<Record<string, unknown>>
type Messages = ReadonlyArray<Body>

const Add = Tool.make("add", {
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.Finite
})

const call: ModelCall = {
  prompt: Prompt.make("hi"),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  params: {},
  settings: {}
}

const at = (definition: ProviderDefinition, model: string): Target => ({
  model,
  definition,
  facts: definition.describe(model)
})

/** Nobody in particular, with this dialect. */
const speaking = (dialect: CompletionsDialect, facts?: ModelFacts): Target => ({
  model: "m",
  definition: { ...openai, id: "custom", describe: () => facts, dialect: () => dialect },
  facts
})

const plain = speaking({})

const encode = (target: Target, more: Partial<ModelCall>, streaming = false): Body =>
  Result.getOrThrow(OpenAiCompletions.codec.encode({ ...call, ...more }, target, streaming)).body

const messages = (target: Target, prompt: Prompt.RawInput, more: Partial<ModelCall> = {}): Messages =>
  encode(target, { prompt: Prompt.make(prompt), ...more })["messages"] as Messages

const problems = (target: Target, more: Partial<ModelCall>) =>
  Result.getOrThrow(Result.flip(OpenAiCompletions.codec.encode({ ...call, ...more }, target, false))).problems.map(
    ({ kind, place }) => [kind, place]
  )

const user = (...content: ReadonlyArray<Prompt.UserMessagePartEncoded>): Prompt.MessageEncoded => ({
  role: "user",
  content
})

const file = (mediaType: string, data: string | Uint8Array | URL, more: object = {}) => ({
  type: "file" as const,
  mediaType,
  data,
  ...more
})

const text = (said: string) => ({ type: "text" as const, text: said })

const png = new Uint8Array([137, 80, 78, 71])

describe("files in a user's message", () => {
  it("are what OpenAI's types ask for", () => {
    const expected: ReadonlyArray<OpenAI.ChatCompletionContentPart> = [
      { type: "text", text: "Look:" },
      { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } },
      { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
      { type: "image_url", image_url: { url: "data:image/jpeg;base64,iVBORw==" } },
      { type: "input_audio", input_audio: { data: "iVBORw==", format: "wav" } },
      { type: "input_audio", input_audio: { data: "iVBORw==", format: "mp3" } },
      { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" } },
      { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,JVBERg==" } },
      { type: "text", text: "Grüße" }
    ]
    const written = messages(plain, [
      user(
        text("Look:"),
        file("image/png", png),
        file("image/png", new URL("https://example.com/a.png"), { options: { openai: { imageDetail: "low" } } }),
        file("image/*", png),
        file("audio/x-wav", png),
        file("audio/mpeg", "iVBORw=="),
        file("application/pdf", "JVBERg==", { fileName: "a.pdf" }),
        file("application/pdf", "data:application/pdf;base64,JVBERg=="),
        file("text/plain", new TextEncoder().encode("Grüße"))
      )
    ])
    assert.deepStrictEqual<unknown>(written, [{ role: "user", content: expected }])
  })

  it("are written as each provider reads them", () => {
    const film = file("video/mp4", png)
    assert.deepStrictEqual<unknown>(messages(at(moonshot, "kimi-k2.6"), [user(film)])[0]?.["content"], [
      { type: "video_url", video_url: { url: "data:video/mp4;base64,iVBORw==" } }
    ])
    assert.deepStrictEqual<unknown>(
      messages(at(moonshot, "kimi-k2.6"), [user(file("image/png", "ms://file-1"))])[0]?.["content"],
      [{ type: "image_url", image_url: { url: "ms://file-1" } }]
    )
    assert.deepStrictEqual<unknown>(
      messages(at(openrouter, "google/gemini-3.1-pro"), [
        user(file("application/pdf", new URL("https://example.com/a.pdf")), file("audio/flac", "AA=="))
      ])[0]?.["content"],
      [
        { type: "file", file: { filename: "document.pdf", file_data: "https://example.com/a.pdf" } },
        { type: "input_audio", input_audio: { data: "AA==", format: "flac" } }
      ]
    )
  })

  it("that cannot be said are problems, each in its place", () => {
    const prompt = Prompt.make([
      user(text("a"), file("video/mp4", png), file("application/zip", png)),
      { role: "system", content: "b" },
      user(
        file("application/pdf", new URL("https://example.com/a.pdf")),
        file("audio/flac", png),
        file("audio/wav", new URL("https://example.com/a.wav")),
        file("text/plain", new URL("https://example.com/a.txt")),
        file("image/png", png)
      )
    ])
    assert.deepStrictEqual(problems(plain, { prompt }), [
      ["UnsupportedContent", "prompt.content[0].content[1]"],
      ["UnsupportedContent", "prompt.content[0].content[2]"],
      ["UnsupportedContent", "prompt.content[2].content[0]"],
      ["UnsupportedContent", "prompt.content[2].content[1]"],
      ["UnsupportedContent", "prompt.content[2].content[2]"],
      ["UnsupportedContent", "prompt.content[2].content[3]"]
    ])
  })

  it("are refused where the model is known not to see them, or the provider to fetch none", () => {
    const image = { prompt: Prompt.make([user(text("a"), file("image/png", png))]) }
    const place = [["UnsupportedContent", "prompt.content[0].content[1]"]]
    for (const target of [
      at(deepseek, "deepseek-v4-pro"),
      at(zai, "glm-4.6"),
      at(moonshot, "kimi-k2-0905-preview"),
      at(groq, "llama-3.3-70b-versatile"),
      at(qianfan, "ernie-4.5-turbo-128k")
    ]) {
      assert.deepStrictEqual(problems(target, image), place, target.model)
    }
    for (const target of [at(deepseek, "deepseek-flash"), at(zai, "glm-4.6v"), at(qianfan, "ernie-4.5-turbo-vl-32k")]) {
      assert.lengthOf(messages(target, image.prompt)[0]?.["content"] as ReadonlyArray<unknown>, 2, target.model)
    }
    const url = { prompt: Prompt.make([user(file("image/png", new URL("https://example.com/a.png")))]) }
    assert.deepStrictEqual(problems(at(moonshot, "kimi-k3"), url), [
      ["UnsupportedContent", "prompt.content[0].content[0]"]
    ])
  })

  it("are reported with everything else that is wrong", () => {
    const all = problems(speaking({ structuredOutput: "none", toolChoices: ["auto"] }), {
      prompt: Prompt.make([user(file("video/mp4", png))]),
      tools: [Add, Tool.make("not a name", { success: Schema.String })],
      toolChoice: "required",
      responseFormat: { type: "json", objectName: "o", schema: Schema.Struct({ a: Schema.String }) },
      params: { stream: true }
    })
    assert.deepStrictEqual(all, [
      ["InvalidOption", "params.stream"],
      ["UnsupportedContent", "schema"],
      ["UnsupportedContent", "prompt.content[0].content[0]"],
      ["UnsupportedContent", "tools[1].name"],
      ["UnsupportedContent", "toolChoice"]
    ])
  })
})

const called = (id: string, more: Record<string, unknown> = {}) => ({
  type: "tool-call" as const,
  id,
  name: "look",
  params: { n: 1 },
  ...more
})

const result = (id: string, modelOutput?: ReadonlyArray<Prompt.TextPartEncoded | Prompt.FilePartEncoded>) => ({
  type: "tool-result" as const,
  id,
  name: "look",
  isFailure: false,
  result: "done",
  ...(modelOutput === undefined ? undefined : { modelOutput })
})

describe("files that only a user's message can carry", () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw==" } }

  it("follow the results of all tools, and say whose they are", () => {
    const written = messages(plain, [
      user(text("go")),
      { role: "assistant", content: [called("a"), called("b")] },
      { role: "tool", content: [result("a", [text("seen"), file("image/png", png)])] },
      { role: "tool", content: [result("b")] },
      { role: "assistant", content: "ok" }
    ])
    const calls = ["a", "b"].map((id) => ({ id, type: "function", function: { name: "look", arguments: '{"n":1}' } }))
    assert.deepStrictEqual<unknown>(written.slice(1), [
      { role: "assistant", content: null, tool_calls: calls },
      { role: "tool", tool_call_id: "a", content: "seen\n[image/png, see below]" },
      { role: "tool", tool_call_id: "b", content: "done" },
      { role: "user", content: [text("A file of the result of look (a):"), image] },
      { role: "assistant", content: "ok" }
    ])
  })

  it("go with the user's next message, if there is one", () => {
    const written = messages(plain, [
      { role: "assistant", content: [text("here"), file("image/png", png)] },
      user(text("bluer"))
    ])
    assert.deepStrictEqual<unknown>(written, [
      { role: "assistant", content: "here" },
      { role: "user", content: [text("A file of the answer above:"), image, text("bluer")] }
    ])
  })

  it("are refused where the model does not see them, and speech that is written down goes without", () => {
    const prompt = Prompt.make([
      { role: "assistant", content: [called("a")] },
      { role: "tool", content: [result("a", [file("image/png", png)])] },
      {
        role: "assistant",
        content: [text("said"), file("audio/wav", "AA==", { options: { openai: { transcript: true } } })]
      }
    ])
    assert.deepStrictEqual(problems(at(zai, "glm-5"), { prompt }), [
      ["UnsupportedContent", "prompt.content[1].content[0].modelOutput[0]"]
    ])
    assert.deepStrictEqual<unknown>(messages(plain, prompt).at(-1), { role: "assistant", content: "said" })
  })
})

describe("instructions", () => {
  const prompt: Prompt.RawInput = [
    { role: "system", content: "one" },
    user(text("a")),
    { role: "system", content: "two" },
    user(text("b")),
    { role: "assistant", content: "c" },
    { role: "assistant", content: [called("x")] },
    { role: "tool", content: [result("x"), result("y")] }
  ]

  const roles = (target: Target) => messages(target, prompt).map(({ role }) => role)

  it("stand where they stood, in the role that the dialect names", () => {
    const rest = ["assistant", "assistant", "tool", "tool"]
    assert.deepStrictEqual(roles(plain), ["system", "user", "system", "user", ...rest])
    assert.deepStrictEqual(roles(speaking({ instructions: "developer" })), [
      "developer",
      "user",
      "developer",
      "user",
      ...rest
    ])
  })

  it("stand first where roles have to alternate", () => {
    assert.deepStrictEqual<unknown>(messages(at(qianfan, "ernie-4.5-turbo-128k"), prompt), [
      { role: "system", content: "one\n\ntwo" },
      { role: "user", content: "a\n\nb" },
      {
        role: "assistant",
        content: "c",
        tool_calls: [{ id: "x", type: "function", function: { name: "look", arguments: '{"n":1}' } }]
      },
      { role: "tool", tool_call_id: "x", content: "done" },
      { role: "tool", tool_call_id: "y", content: "done" }
    ])
  })
})

describe("an object", () => {
  const object: Partial<ModelCall> = {
    prompt: Prompt.make([{ role: "system", content: "Be brief." }, user(text("Rome"))]),
    responseFormat: { type: "json", objectName: "a city", schema: Schema.Struct({ city: Schema.String }) }
  }

  it("is held to its schema where the provider can, in OpenAI's words", () => {
    for (const target of [plain, at(openrouter, "openai/gpt-5.5"), at(groq, "openai/gpt-oss-120b")]) {
      const format: OpenAI.ResponseFormatJSONSchema = {
        type: "json_schema",
        json_schema: {
          name: "a_city",
          strict: true,
          schema: {
            type: "object",
            properties: { city: { type: "string" } },
            required: ["city"],
            additionalProperties: false
          }
        }
      }
      assert.deepStrictEqual(encode(target, object)["response_format"], format)
    }
  })

  it("is described in words, behind the app's, where the provider knows only that it is one", () => {
    for (const target of [at(deepseek, "deepseek-flash"), at(moonshot, "kimi-k3"), at(zai, "glm-5")]) {
      const body = encode(target, object)
      assert.deepStrictEqual(body["response_format"], { type: "json_object" })
      const [own, told, asked] = body["messages"] as Messages
      assert.deepStrictEqual<unknown>(own, { role: "system", content: "Be brief." })
      assert.strictEqual(told?.["role"], "system")
      assert.match(told?.["content"] as string, /one JSON object.*JSON Schema:\n\{.*"city"/s)
      assert.deepStrictEqual<unknown>(asked, { role: "user", content: "Rome" })
    }
  })

  it("is a problem where there is no word for it", () => {
    assert.deepStrictEqual(problems(speaking({ structuredOutput: "none" }), object), [["UnsupportedContent", "schema"]])
  })
})

const limits = (target: Target, params: Body) => {
  const { max_completion_tokens, max_tokens } = encode(target, { params })
  return { max_completion_tokens, max_tokens }
}

describe("fields", () => {
  it("limit the answer in the provider's word", () => {
    const newer = { max_completion_tokens: 9, max_tokens: undefined }
    const older = { max_completion_tokens: undefined, max_tokens: 9 }
    assert.deepStrictEqual(limits(at(groq, "m"), { max_tokens: 9 }), newer)
    assert.deepStrictEqual(limits(at(moonshot, "m"), { max_tokens: 9 }), newer)
    assert.deepStrictEqual(limits(at(deepseek, "m"), { max_completion_tokens: 9 }), older)
    assert.deepStrictEqual(limits(at(zai, "m"), { max_completion_tokens: 9, max_tokens: 10 }).max_tokens, 10)
    assert.deepStrictEqual(limits(plain, { max_tokens: 9 }), older)
  })

  it("about tools go where there are some", () => {
    const params = { parallel_tool_calls: false, tool_choice: "auto", temperature: 0 }
    const without = encode(plain, { params })
    assert.notProperty(without, "parallel_tool_calls")
    assert.notProperty(without, "tool_choice")
    assert.strictEqual(without["temperature"], 0)
    assert.deepInclude(encode(plain, { params, tools: [Add] }), params)
  })

  it("ask for the usage of a stream, unless the provider refuses to be asked", () => {
    assert.deepInclude(encode(plain, {}, true), { stream: true, stream_options: { include_usage: true } })
    assert.notProperty(encode(speaking({ streamOptions: false }), {}, true), "stream_options")
  })

  it("name a choice of tools that the provider knows, or none at all", () => {
    const none = encode(at(zai, "glm-5"), { tools: [Add], toolChoice: "none" })
    assert.notProperty(none, "tools")
    assert.notProperty(none, "tool_choice")
    assert.deepStrictEqual(encode(at(moonshot, "kimi-k3"), { tools: [Add], toolChoice: "none" })["tool_choice"], "none")
    for (const toolChoice of ["required", { tool: "add" }, { mode: "required", oneOf: ["add"] }] as const) {
      assert.deepStrictEqual(problems(at(moonshot, "kimi-k3"), { tools: [Add], toolChoice }), [
        ["UnsupportedContent", "toolChoice"]
      ])
    }
  })

  it("hold a tool to its schema where that can be said", () => {
    const tools = [Add.annotate(Tool.Strict, true)]
    const [strict] = encode(plain, { tools })["tools"] as ReadonlyArray<OpenAI.ChatCompletionFunctionTool>
    assert.isTrue(strict?.function.strict)
    const [loose] = encode(at(deepseek, "m"), { tools })["tools"] as ReadonlyArray<OpenAI.ChatCompletionFunctionTool>
    assert.notProperty(loose?.function, "strict")
  })
})

const mark = (ttl?: string) => ({
  cache_control: { type: "ephemeral", ...(ttl === undefined ? undefined : { ttl }) }
})

describe("what is to be kept of a prompt", () => {
  const prompt: Prompt.RawInput = [
    { role: "system", content: "one" },
    { role: "system", content: "two" },
    user(text("a")),
    { role: "assistant", content: [called("x")] },
    { role: "tool", content: [result("x")] }
  ]
  const claude = at(openrouter, "anthropic/claude-opus-4.7")

  it("is marked for Claude behind OpenRouter: the instructions, and all", () => {
    const written = messages(claude, prompt, { settings: { cacheRetention: "short" } })
    assert.deepStrictEqual<unknown>(written[0], { role: "system", content: "one" })
    assert.deepStrictEqual<unknown>(written[1], { role: "system", content: [{ ...text("two"), ...mark() }] })
    assert.deepStrictEqual<unknown>(written[2], { role: "user", content: "a" })
    assert.deepStrictEqual<unknown>(written[4], {
      role: "tool",
      tool_call_id: "x",
      content: [{ ...text("done"), ...mark() }]
    })
    const longer = messages(claude, prompt, { settings: { cacheRetention: "long" } })
    assert.deepStrictEqual<unknown>(longer[1]?.["content"], [{ ...text("two"), ...mark("1h") }])
  })

  it("is not marked for others, or where nothing is to be", () => {
    const unmarked = messages(plain, prompt)
    assert.deepStrictEqual(messages(claude, prompt), unmarked)
    assert.deepStrictEqual(messages(claude, prompt, { settings: { cacheRetention: "none" } }), unmarked)
    assert.deepStrictEqual(
      messages(at(openrouter, "openai/gpt-5.5"), prompt, { settings: { cacheRetention: "long" } }),
      unmarked
    )
  })

  it("is a field at OpenAI", () => {
    const target = speaking({ cache: "prompt_cache_retention" })
    const field: OpenAI.ChatCompletionCreateParams["prompt_cache_retention"] = "24h"
    assert.strictEqual(encode(target, { settings: { cacheRetention: "long" } })["prompt_cache_retention"], field)
    assert.notProperty(encode(target, { settings: { cacheRetention: "short" } }), "prompt_cache_retention")
  })
})

const thought = (said: string, answered: string | undefined, openai: Record<string, unknown>) => ({
  type: "reasoning" as const,
  text: said,
  options: { openai, ...(answered === undefined ? undefined : { holdfast: { answered } }) } as Prompt.ProviderOptions
})

const fields = (target: Target, prompt: Prompt.RawInput, params: Body = {}) =>
  messages(target, prompt, { params })
    .filter(({ role }) => role === "assistant")
    .map((message) => Object.fromEntries(Object.entries(message).filter(([name]) => name.startsWith("reasoning"))))

/** A turn that called a tool, and before it one that did not. */
const conversation = (answered: string | undefined, kept: Record<string, unknown>): Prompt.RawInput => [
  user(text("a")),
  { role: "assistant", content: [thought("early", answered, kept), text("b")] },
  user(text("c")),
  { role: "assistant", content: [thought("Hm", answered, kept), called("x")] },
  { role: "tool", content: [result("x")] },
  { role: "assistant", content: [thought("so", answered, kept), text("d")] }
]

describe("reasoning goes back", () => {
  const content = { reasoning: "reasoning_content" }

  it("within a turn that called a tool, to the provider that gave it", () => {
    const expected = [{}, { reasoning_content: "Hm" }, { reasoning_content: "so" }]
    for (const [definition, model] of [
      [deepseek, "deepseek-v4-pro"],
      [moonshot, "kimi-k3"],
      [zai, "glm-5"]
    ] as const) {
      const answered = `${definition.id}/another`
      assert.deepStrictEqual<unknown>(fields(at(definition, model), conversation(answered, content)), expected, model)
      assert.deepStrictEqual<unknown>(fields(at(definition, model), conversation(undefined, content)), expected, model)
    }
    assert.deepStrictEqual<unknown>(
      fields(at(groq, "openai/gpt-oss-120b"), conversation("groq/openai/gpt-oss-120b", { reasoning: "reasoning" })),
      [{}, { reasoning: "Hm" }, { reasoning: "so" }]
    )
  })

  const own = (id: string) => conversation(`${id}/m`, content)

  it("of every turn where the request asks for that", () => {
    const all = [{ reasoning_content: "early" }, { reasoning_content: "Hm" }, { reasoning_content: "so" }]
    assert.deepStrictEqual<unknown>(
      fields(at(zai, "glm-5"), own("zai"), { thinking: { type: "enabled", clear_thinking: false } }),
      all
    )
    assert.deepStrictEqual<unknown>(
      fields(at(moonshot, "kimi-k3"), own("moonshot"), { thinking: { type: "enabled", keep: "all" } }),
      all
    )
  })

  it("to nobody else, who gets what it needs to see in its place", () => {
    const foreign = conversation("openrouter/deepseek/deepseek-v4-pro", content)
    assert.deepStrictEqual<unknown>(fields(at(deepseek, "deepseek-v4-pro"), foreign), [
      {},
      { reasoning_content: "" },
      {}
    ])
    assert.deepStrictEqual<unknown>(fields(at(moonshot, "kimi-k3"), foreign), [{}, { reasoning_content: " " }, {}])
    assert.deepStrictEqual<unknown>(fields(at(zai, "glm-5"), foreign), [{}, {}, {}])
    assert.deepStrictEqual<unknown>(fields(plain, foreign), [{}, {}, {}])
    assert.deepStrictEqual<unknown>(fields(plain, conversation("custom/m", content)), [{}, {}, {}])
  })

  it("not from between tags, which the format has no field for", () => {
    assert.deepStrictEqual<unknown>(
      fields(at(groq, "qwen/qwen3-32b"), conversation("groq/qwen/qwen3-32b", { reasoning: "think" })),
      [{}, {}, {}]
    )
  })

  it("with its signatures and what is encrypted, to the very model", () => {
    const signed = { type: "reasoning.text", text: "Hm", format: "anthropic-claude-v1", signature: "c2ln", index: 0 }
    const encrypted = { type: "reasoning.encrypted", data: "ZGF0YQ", format: "anthropic-claude-v1", index: 1 }
    const unsigned = { type: "reasoning.text", text: "lost", format: "anthropic-claude-v1", index: 2 }
    const kept = { reasoningDetails: [signed, encrypted, unsigned] }
    const claude = at(openrouter, "anthropic/claude-opus-4.7")
    const whole = { reasoning_details: [signed, encrypted] }
    for (const answered of ["openrouter/anthropic/claude-opus-4.7", "openrouter/anthropic/claude-opus-4.7:online"]) {
      assert.deepStrictEqual<unknown>(fields(claude, conversation(answered, kept)), [whole, whole, whole])
    }
    for (const answered of ["openrouter/anthropic/claude-opus-4.6", "anthropic/claude-opus-4-7"]) {
      assert.deepStrictEqual<unknown>(fields(claude, conversation(answered, kept)), [{}, {}, {}])
    }
  })
})
