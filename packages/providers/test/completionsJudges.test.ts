/** OpenAI's own SDK as the judge of streams: recorded ones, and any that the format allows. */
import { assert, describe, it } from "@effect/vitest"
import * as OpenAiCompletions from "@holdfast/providers/OpenAiCompletions"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as AiResponse from "effect/ai/Response"
import OpenAI from "openai"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"

const { codec } = OpenAiCompletions

const judged = (body: Uint8Array): Promise<OpenAI.ChatCompletion> =>
  new OpenAI({
    apiKey: "none",
    maxRetries: 0,
    fetch: () =>
      Promise.resolve(
        new Response(Buffer.from(body), { status: 200, headers: { "content-type": "text/event-stream" } })
      )
  }).chat.completions
    .stream({ model: "m", messages: [{ role: "user", content: "hi" }], stream_options: { include_usage: true } })
    .finalChatCompletion()

/** What the SDK makes of a stream, in our words. */
const theirs = ({ choices, id, model, usage }: OpenAI.ChatCompletion) => {
  const [choice] = choices
  return {
    id,
    model,
    text: (choice?.message.content ?? "") + (choice?.message.refusal ?? ""),
    calls: (choice?.message.tool_calls ?? []).flatMap((call) =>
      call.type === "function" ? [{ id: call.id, name: call.function.name, text: call.function.arguments }] : []
    ),
    finishReason: choice?.finish_reason,
    input: usage?.prompt_tokens,
    cached: usage?.prompt_tokens_details?.cached_tokens,
    output: usage?.completion_tokens,
    reasoning: usage?.completion_tokens_details?.reasoning_tokens
  }
}

const ours = (parts: ReadonlyArray<AiResponse.StreamPartEncoded>): ReturnType<typeof theirs> => {
  const head = parts.find((part) => part.type === "response-metadata")
  const finish = parts.find((part) => part.type === "finish")
  assert.isDefined(finish)
  const fields = finish.metadata?.["openai"] as { readonly finishReason: OpenAI.ChatCompletion.Choice["finish_reason"] }
  const texts = new Map<string, string>()
  for (const part of parts) {
    if (part.type === "tool-params-start") texts.set(part.id, "")
    if (part.type === "tool-params-delta") texts.set(part.id, texts.get(part.id) + part.delta)
  }
  return {
    id: head?.id ?? "",
    model: head?.modelId ?? "",
    text: amountOf(parts).text,
    calls: parts.flatMap((part) =>
      part.type === "tool-params-start" ? [{ id: part.id, name: part.name, text: texts.get(part.id) ?? "" }] : []
    ),
    finishReason: fields.finishReason,
    input: finish.usage.inputTokens.total,
    cached: finish.usage.inputTokens.cacheRead,
    output: finish.usage.outputTokens.total,
    reasoning: finish.usage.outputTokens.reasoning
  }
}

/**
 * Streams that the SDK does not read as we do: errors, which it throws; one without end marker, which it takes for whole;
 * one that names no role, and ends under another id.
 */
const differs = ["inband-", "no-done", "web-search-executed-tools"]

Fixtures.suite("a recorded stream is to OpenAI's SDK what it is to us:", () => {
  for (const fixture of Fixtures.of(codec.api, "stream")) {
    if (differs.some((name) => fixture.path.includes(name))) continue
    it.effect(fixture.path, () =>
      Effect.gen(function* () {
        const body = Fixtures.bytes(fixture)
        const { parts } = yield* decode(codec, [body])
        assert.deepStrictEqual(ours(parts), theirs(yield* Effect.promise(() => judged(body))))
      })
    )
  }
})

const Piece = Schema.String.check(Schema.isMaxLength(6))

/** An answer as it is streamed: texts or a refusal, then calls, each in fragments. */
const Answer = Schema.Struct({
  field: Schema.Literals(["content", "refusal"]),
  pieces: Schema.Array(Piece).check(Schema.isMaxLength(6)),
  calls: Schema.Array(Schema.Array(Piece).check(Schema.isMaxLength(4))).check(Schema.isMaxLength(3)),
  input: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 })),
  output: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 }))
})

const streamOf = ({ calls, field, input, output, pieces }: typeof Answer.Type): Uint8Array => {
  const base = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1_767_225_600, model: "m-1" }
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...base,
    choices: [{ index: 0, delta, finish_reason }]
  })
  const fragments = calls.flatMap((texts, index) => [
    { index, id: `call-${index}`, type: "function", function: { name: `tool_${index}`, arguments: "" } },
    // Strings, so that whatever they hold is JSON.
    ...['{"text":"', ...texts.map((text) => JSON.stringify(text).slice(1, -1)), '"}'].map((text) => ({
      index,
      function: { arguments: text }
    }))
  ])
  const payloads = [
    chunk({ role: "assistant", content: field === "content" ? "" : null }),
    ...pieces.map((piece) => chunk({ [field]: piece })),
    ...fragments.map((fragment) => chunk({ tool_calls: [fragment] })),
    chunk({}, calls.length === 0 ? "stop" : "tool_calls"),
    { ...base, choices: [], usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output } }
  ]
  return new TextEncoder().encode(
    [...payloads.map((payload) => `data: ${JSON.stringify(payload)}`), "data: [DONE]", ""].join("\n\n")
  )
}

describe("any stream of the format", () => {
  it.effect.prop(
    "is to OpenAI's SDK what it is to us",
    { answer: Answer },
    ({ answer }) =>
      Effect.gen(function* () {
        const body = streamOf(answer)
        const { parts, reason } = yield* decode(codec, [body])
        assert.isUndefined(reason)
        assert.deepStrictEqual(ours(parts), theirs(yield* Effect.promise(() => judged(body))))
        const { calls } = amountOf(parts)
        assert.deepStrictEqual(
          calls.map(({ params }) => params),
          answer.calls.map((texts) => ({ text: texts.join("") }))
        )
      }),
    { arbitrary: { runs: 100 } }
  )
})
