/**
 * The vendors' own SDKs as judges of our wire code: they read the same bytes, and their answers must be ours.
 */
import Anthropic from "@anthropic-ai/sdk"
import { createAnthropic } from "@ai-sdk/anthropic"
import { createOpenAI } from "@ai-sdk/openai"
import { assert, describe, it } from "@effect/vitest"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import OpenAI from "openai"
import type { Amount } from "./support/decoding.ts"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { anthropic, openai } from "./support/wire.ts"

/** A `fetch` that answers everything with this body. */
const answering = (body: Uint8Array | string, contentType: string) => () =>
  Promise.resolve(new Response(Buffer.from(body), { status: 200, headers: { "content-type": contentType } }))

const stream = (body: Uint8Array) => answering(body, "text/event-stream")
const json = (body: string) => answering(body, "application/json")

const prompt = [{ role: "user" as const, content: "hi" }]

const anthropicSdk = (fetch: () => Promise<Response>) => new Anthropic({ apiKey: "none", maxRetries: 0, fetch })
const openaiSdk = (fetch: () => Promise<Response>) => new OpenAI({ apiKey: "none", maxRetries: 0, fetch })

const sum = (...counts: ReadonlyArray<number | null | undefined>): number =>
  counts.reduce<number>((total, count) => total + (count ?? 0), 0)

const ofAnthropic = (message: Anthropic.Message): Omit<Amount, "finish"> => ({
  text: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
  reasoning: message.content.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
  calls: message.content.flatMap((block) =>
    block.type === "tool_use" ? [{ id: block.id, name: block.name, params: block.input }] : []
  ),
  inputTokens: sum(
    message.usage.input_tokens,
    message.usage.cache_creation_input_tokens,
    message.usage.cache_read_input_tokens
  ),
  outputTokens: message.usage.output_tokens
})

const ofOpenai = (completion: OpenAI.ChatCompletion): Omit<Amount, "finish" | "reasoning"> => {
  const [choice] = completion.choices
  const message = choice?.message
  const legacy = message?.function_call
  const calls = (message?.tool_calls ?? []).flatMap((call) =>
    // A call that was cut short is none to us.
    call.type === "function" && choice?.finish_reason !== "length" ? [{ id: call.id, ...call.function }] : []
  )
  return {
    text: message?.content || message?.refusal || "",
    calls: (legacy ? [{ id: `${completion.id}_0`, ...legacy }] : calls).map((call) => ({
      id: call.id,
      name: call.name,
      params: JSON.parse(call.arguments || "{}")
    })),
    inputTokens: completion.usage?.prompt_tokens,
    outputTokens: completion.usage?.completion_tokens
  }
}

/** The SDK passes fields on that are not OpenAI's; it does not add them up. */
const reasoningIn = ({ choices }: OpenAI.ChatCompletionChunk): string => {
  const [choice] = choices
  const { reasoning, reasoning_content } = (choice?.delta ?? {}) as Readonly<Record<string, string | undefined>>
  return reasoning_content || reasoning || ""
}

/**
 * Errors, which it throws; a stream without end marker and tool calls that were cut, which it takes for whole; several
 * choices, which it mixes; Groq's own usage, which it does not read.
 */
const vercelDiffers = [
  "inband-",
  "no-done",
  "empty-arguments-length",
  "length-mid-tool",
  "multi-choice",
  "groq/web-search-executed-tools"
]

/** What Vercel's AI SDK makes of a stream. */
const ofAiSdk = async (model: ReturnType<typeof languageModel>): Promise<Omit<Amount, "finish">> => {
  const { stream } = await model.doStream({
    prompt: [{ role: "user", content: [{ type: "text", text: "hi" }] }]
  })
  const amount = {
    text: "",
    reasoning: "",
    calls: Array<Amount["calls"][number]>(),
    inputTokens: undefined as number | undefined,
    outputTokens: undefined as number | undefined
  }
  for await (const part of stream) {
    switch (part.type) {
      case "text-delta":
        amount.text += part.delta
        break
      case "reasoning-delta":
        amount.reasoning += part.delta
        break
      case "tool-call":
        if (part.providerExecuted === true) break
        amount.calls.push({ id: part.toolCallId, name: part.toolName, params: JSON.parse(part.input || "{}") })
        break
      case "finish":
        amount.inputTokens = part.usage.inputTokens.total
        amount.outputTokens = part.usage.outputTokens.total
        break
      case "error":
        throw part.error
    }
  }
  return amount
}

const languageModel = (api: string, body: Uint8Array) => {
  const options = { apiKey: "none", fetch: stream(body) }
  return api === "anthropic-messages" ? createAnthropic(options)("m") : createOpenAI(options).chat("m")
}

const withoutFinish = ({ calls, inputTokens, outputTokens, reasoning, text }: Amount): Omit<Amount, "finish"> => ({
  text,
  reasoning,
  calls,
  inputTokens,
  outputTokens
})

Fixtures.suite("recorded responses, judged by SDKs", () => {
  for (const fixture of Fixtures.of("anthropic-messages", "stream")) {
    // Vercel's judges the one that a gateway started twice, which Anthropic's refuses.
    if (fixture.path.includes("inband-error") || fixture.path.includes("duplicate-message-start")) continue
    it.effect(`Anthropic's SDK reads the same from ${fixture.path}`, () =>
      Effect.gen(function* () {
        for (const body of Fixtures.streams(fixture)) {
          const decoded = yield* decode(AnthropicMessages.codec, [body])
          const message = yield* Effect.promise(() =>
            anthropicSdk(stream(body)).messages.stream({ model: "m", max_tokens: 1, messages: prompt }).finalMessage()
          )
          assert.deepStrictEqual(withoutFinish(amountOf(decoded.parts)), ofAnthropic(message))
        }
      })
    )
  }

  for (const { codec } of [anthropic, openai]) {
    for (const fixture of Fixtures.of(codec.api, "stream")) {
      if (vercelDiffers.some((name) => fixture.path.includes(name))) continue
      it.effect(`Vercel's SDK reads the same from ${fixture.path}`, () =>
        Effect.gen(function* () {
          for (const body of Fixtures.streams(fixture)) {
            const decoded = withoutFinish(amountOf((yield* decode(codec, [body])).parts))
            const amount = yield* Effect.promise(() => ofAiSdk(languageModel(codec.api, body)))
            // It does not read the reasoning of providers other than OpenAI.
            const reasoning = codec.api === "openai-completions" ? "" : decoded.reasoning
            assert.deepStrictEqual({ ...decoded, reasoning }, amount)
          }
        })
      )
    }
  }

  for (const fixture of Fixtures.of("anthropic-messages", "json")) {
    it.effect(`Anthropic's SDK reads the same from ${fixture.path}`, () =>
      Effect.gen(function* () {
        const body = Fixtures.read(fixture)
        const parts = Result.getOrThrow(AnthropicMessages.codec.decode(JSON.parse(body)))
        const message = yield* Effect.promise(() =>
          anthropicSdk(json(body)).messages.create({ model: "m", max_tokens: 1, messages: prompt })
        )
        assert.deepStrictEqual(withoutFinish(amountOf(parts)), ofAnthropic(message))
      })
    )
  }

  for (const fixture of Fixtures.of("openai-completions", "stream")) {
    // The SDK takes a stream without end marker for an answer; that it does is why there is a verdict of our own.
    // One that names no role is left to Vercel's.
    if (["inband-", "no-done", "web-search-executed-tools"].some((name) => fixture.path.includes(name))) continue
    it.effect(`OpenAI's SDK reads the same from ${fixture.path}`, () =>
      Effect.gen(function* () {
        const body = Fixtures.bytes(fixture)
        const decoded = yield* decode(OpenAiCompletions.codec, [body])
        let reasoning = ""
        const completion = yield* Effect.promise(() =>
          openaiSdk(stream(body))
            .chat.completions.stream({ model: "m", messages: prompt, stream_options: { include_usage: true } })
            .on("chunk", (chunk) => (reasoning += reasoningIn(chunk)))
            .finalChatCompletion()
        )
        assert.deepStrictEqual(withoutFinish(amountOf(decoded.parts)), { ...ofOpenai(completion), reasoning })
      })
    )
  }

  for (const fixture of Fixtures.of("openai-completions", "json")) {
    // What stands between tags is text to the SDK.
    if (fixture.path.includes("think-tag")) continue
    it.effect(`OpenAI's SDK reads the same from ${fixture.path}`, () =>
      Effect.gen(function* () {
        const body = Fixtures.read(fixture)
        const parts = Result.getOrThrow(OpenAiCompletions.codec.decode(JSON.parse(body)))
        const completion = yield* Effect.promise(() =>
          openaiSdk(json(body)).chat.completions.create({ model: "m", messages: prompt })
        )
        assert.deepInclude(amountOf(parts), ofOpenai(completion))
      })
    )
  }
})

describe("streams written by hand", () => {
  const calls = ["call_1", "add", '{"a":', '1,"b":2}'] as const

  it.effect("are what Anthropic's SDK reads, too", () =>
    Effect.gen(function* () {
      for (const events of [anthropic.textStream("Grü", "ße 🌊"), anthropic.toolCallStream(...calls)]) {
        const body = new TextEncoder().encode(events.join(""))
        const { parts } = yield* decode(AnthropicMessages.codec, [body])
        const message = yield* Effect.promise(() =>
          anthropicSdk(stream(body)).messages.stream({ model: "m", max_tokens: 1, messages: prompt }).finalMessage()
        )
        assert.deepStrictEqual(withoutFinish(amountOf(parts)), ofAnthropic(message))
      }
    })
  )

  it.effect("are what OpenAI's SDK reads, too", () =>
    Effect.gen(function* () {
      for (const events of [openai.textStream("Grü", "ße 🌊"), openai.toolCallStream(...calls)]) {
        const body = new TextEncoder().encode(events.join(""))
        const { parts } = yield* decode(OpenAiCompletions.codec, [body])
        const completion = yield* Effect.promise(() =>
          openaiSdk(stream(body)).chat.completions.stream({ model: "m", messages: prompt }).finalChatCompletion()
        )
        assert.deepInclude(amountOf(parts), ofOpenai(completion))
      }
    })
  )
})
