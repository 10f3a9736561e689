/** OpenAI's and Vercel's SDKs as judges of our reading of the Responses format: the same bytes, the same answer. */
import { createOpenAI } from "@ai-sdk/openai"
import { assert, describe, it } from "@effect/vitest"
import { codec } from "@holdfast/providers/OpenAiResponses"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import OpenAI from "openai"
import type { Amount } from "./support/decoding.ts"
import { amountOf, decode } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { responses } from "./support/responsesWire.ts"

const answering = (body: Uint8Array | string, contentType: string) => () =>
  Promise.resolve(new Response(Buffer.from(body), { status: 200, headers: { "content-type": contentType } }))

const sdk = (fetch: () => Promise<Response>) => new OpenAI({ apiKey: "none", maxRetries: 0, fetch })

/** What the SDK's response amounts to, and its status. */
const ofSdk = (response: OpenAI.Responses.Response): Omit<Amount, "finish"> & { readonly status: unknown } => {
  const all = (pieceOf: (item: OpenAI.Responses.ResponseOutputItem) => string) => response.output.map(pieceOf).join("")
  return {
    text: all((item) =>
      item.type === "message" && item.role === "assistant"
        ? item.content.map((part) => (part.type === "refusal" ? part.refusal : part.text)).join("")
        : ""
    ),
    reasoning: all((item) =>
      item.type === "reasoning" ? [...item.summary, ...(item.content ?? [])].map(({ text }) => text).join("") : ""
    ),
    calls: response.output.flatMap((item) =>
      item.type === "function_call"
        ? [{ id: item.call_id, name: item.name, params: JSON.parse(item.arguments || "{}") as unknown }]
        : []
    ),
    inputTokens: response.usage?.input_tokens,
    outputTokens: response.usage?.output_tokens,
    status: response.status ?? null
  }
}

type Parts = Parameters<typeof amountOf>[0]

const ofOurs = (parts: Parts): ReturnType<typeof ofSdk> => {
  const { finish: _, ...amount } = amountOf(parts)
  const said = parts.find(({ type }) => type === "finish")?.metadata?.["openai"] as { readonly status: unknown }
  return { ...amount, status: said.status }
}

const finalResponse = (body: Uint8Array) =>
  Effect.promise(() => sdk(answering(body, "text/event-stream")).responses.stream({ model: "m" }).finalResponse())

/** What Vercel's SDK makes of a stream. */
const ofAiSdk = async (body: Uint8Array): Promise<Omit<Amount, "finish">> => {
  const model = createOpenAI({ apiKey: "none", fetch: answering(body, "text/event-stream") }).responses("m")
  const { stream } = await model.doStream({ prompt: [{ role: "user", content: [{ type: "text", text: "hi" }] }] })
  const amount = {
    text: "",
    reasoning: "",
    calls: Array<Amount["calls"][number]>(),
    inputTokens: undefined as number | undefined,
    outputTokens: undefined as number | undefined
  }
  for await (const part of stream) {
    if (part.type === "text-delta") amount.text += part.delta
    else if (part.type === "reasoning-delta") amount.reasoning += part.delta
    else if (part.type === "tool-call" && part.providerExecuted !== true) {
      amount.calls.push({ id: part.toolCallId, name: part.toolName, params: JSON.parse(part.input || "{}") })
    } else if (part.type === "finish") {
      amount.inputTokens = part.usage.inputTokens.total
      amount.outputTokens = part.usage.outputTokens.total
    } else if (part.type === "error") throw part.error
  }
  return amount
}

/** OpenAI's SDK takes the output of the last event alone, so that it has none where that repeats none. */
const repeatsNothing = "completed-without-output"

/** Vercel's does not read raw reasoning. */
const raw = "reasoning-text"

Fixtures.suite("recorded responses in the Responses format, judged by SDKs", () => {
  for (const fixture of Fixtures.of(codec.api, "stream")) {
    if (fixture.path.includes("inband-")) continue
    const [body = new Uint8Array()] = Fixtures.streams(fixture)

    it.effect(
      `OpenAI's SDK reads ${fixture.path.includes(repeatsNothing) ? "less" : "the same"} from ${fixture.path}`,
      () =>
        Effect.gen(function* () {
          const ours = ofOurs((yield* decode(codec, [body])).parts)
          const theirs = ofSdk(yield* finalResponse(body))
          if (!fixture.path.includes(repeatsNothing)) return assert.deepStrictEqual(ours, theirs)
          assert.deepStrictEqual({ ...ours, calls: [] }, theirs)
          assert.strictEqual(ours.calls.length, 1)
        })
    )

    it.effect(`Vercel's SDK reads the same from ${fixture.path}`, () =>
      Effect.gen(function* () {
        const { finish: _, ...ours } = amountOf((yield* decode(codec, [body])).parts)
        const theirs = yield* Effect.promise(() => ofAiSdk(body))
        assert.deepStrictEqual(fixture.path.includes(raw) ? { ...ours, reasoning: "" } : ours, theirs)
      })
    )
  }

  for (const fixture of Fixtures.of(codec.api, "json")) {
    it.effect(`OpenAI's SDK reads the same from ${fixture.path}`, () =>
      Effect.gen(function* () {
        const body = Fixtures.read(fixture)
        const response = yield* Effect.promise(() =>
          sdk(answering(body, "application/json")).responses.create({ model: "m" })
        )
        assert.deepStrictEqual(ofOurs(Result.getOrThrow(codec.decode(JSON.parse(body)))), ofSdk(response))
      })
    )
  }

  it.effect("both throw where we name the reason", () =>
    Effect.gen(function* () {
      const fixture = Fixtures.of(codec.api, "stream").find(({ path }) => path.includes("inband-"))
      assert.isDefined(fixture)
      const body = Fixtures.bytes(fixture)
      const theirs = yield* Effect.promise(() =>
        sdk(answering(body, "text/event-stream"))
          .responses.stream({ model: "m" })
          .finalResponse()
          .then(
            () => undefined,
            (error: unknown) => error
          )
      )
      assert.instanceOf(theirs, Error)
      const { reason } = yield* decode(codec, [body])
      assert.strictEqual(reason?._tag, "RateLimited")
    })
  )
})

describe("streams written by hand", () => {
  it.effect("are what OpenAI's SDK reads, too", () =>
    Effect.gen(function* () {
      const calls = responses.toolCallStream("call_1", "add", '{"a":', '1,"b":2}')
      for (const events of [responses.textStream("Grü", "ße 🌊"), calls]) {
        const body = new TextEncoder().encode(events.join(""))
        const { parts } = yield* decode(codec, [body])
        assert.deepStrictEqual(ofOurs(parts), ofSdk(yield* finalResponse(body)))
      }
    })
  )
})
