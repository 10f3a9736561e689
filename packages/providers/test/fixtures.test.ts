import { assert, it } from "@effect/vitest"
import type { ErrorAnswer } from "@holdfast/providers/Codec"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as LanguageModel from "effect/ai/LanguageModel"
import { joinDeltas } from "../src/internal/answer/joinDeltas.ts"
import type { Decoded } from "./support/decoding.ts"
import { amountOf, decode, random, split, splitWithinCharacters } from "./support/decoding.ts"
import * as Fixtures from "./support/fixtures.ts"
import { ollama } from "./support/ollamaWire.ts"
import { over, scripted } from "./support/scripted.ts"
import type { Wire } from "./support/wire.ts"
import { wires } from "./support/wire.ts"

/** Streams that are no answer, and why. */
const broken: Readonly<Record<string, string>> = {
  "anthropic-messages/bedrock-gateway/inband-error-model-stream.sse": "ServerError",
  "openai-completions/groq/inband-tool-use-failed-stream.sse": "InvalidRequest",
  "openai-completions/huggingface/no-done-stream.sse": "StreamTruncated",
  "openai-responses/openai/inband-rate-limit-stream.sse": "RateLimited"
}

/** What each recorded error is, by which rule, and whether it proves that nothing ran. */
const errors: Readonly<Record<string, readonly [reason: string, rule: string, notRun: boolean]>> = {
  "anthropic-messages/anthropic/error-401-invalid-key.error.json": [
    "AuthenticationFailed",
    "anthropic/authentication_error",
    true
  ],
  "anthropic-messages/anthropic/error-404-model.error.json": ["ModelNotFound", "anthropic/not_found_error", true],
  "anthropic-messages/anthropic/error-529-overloaded.error.json": ["Overloaded", "anthropic/overloaded_error", false],
  "openai-completions/azure/error-404-deployment.error.json": ["ModelNotFound", "openai/DeploymentNotFound", true],
  "openai-completions/azure/error-429-rate.error.json": ["RateLimited", "openai/RateLimitReached", true],
  "openai-completions/deepseek/error-400-context.error.json": [
    "ContextOverflow",
    "openai/status-400/context-length",
    true
  ],
  "openai-completions/deepseek/error-400-image.error.json": ["InvalidRequest", "openai/status-400", true],
  "openai-completions/deepseek/error-401.error.json": ["AuthenticationFailed", "openai/authentication_error", true],
  "openai-completions/doubleword/error-403-forbidden.error.json": ["PermissionDenied", "openai/status-403", true],
  // The model ran: its failed output is in the answer.
  "openai-completions/groq/error-400-tool-use-failed.error.json": ["InvalidRequest", "openai/status-400", false],
  "openai-completions/ollama/error-400-context.error.json": [
    "ContextOverflow",
    "openai/status-400/context-length",
    true
  ],
  "openai-completions/openai/error-400-unsupported-param.error.json": ["InvalidRequest", "openai/status-400", true],
  "openai-completions/openai/error-500-server.error.json": ["ServerError", "openai/status-500", false],
  "openai-completions/openrouter/error-400-model.error.json": ["ModelNotFound", "openai/status-400/model", true],
  "openai-completions/openrouter/error-400-nested-raw.error.json": ["InvalidRequest", "openai/status-400", true],
  "openai-completions/openrouter/error-401-no-header.error.json": ["AuthenticationFailed", "openai/status-401", true],
  "openai-completions/openrouter/error-429-upstream.error.json": ["RateLimited", "openai/status-429", true],
  "openai-completions/perplexity/error-400-context.error.json": [
    "ContextOverflow",
    "openai/too_many_prompt_tokens",
    true
  ],
  "openai-responses/openai/error-400-model-not-found.error.json": ["ModelNotFound", "openai/model_not_found", true],
  "openai-responses/openai/error-400-reasoning-item-orphan.error.json": [
    "InvalidRequest",
    "openai/status-400/reasoning-item",
    true
  ],
  "openai-responses/openai/error-401.error.json": ["AuthenticationFailed", "openai/invalid_api_key", true],
  "openai-responses/openai/error-429-insufficient-quota.error.json": [
    "BillingExhausted",
    "openai/insufficient_quota",
    true
  ]
}

const answerOf = (fixture: Fixtures.Fixture): ErrorAnswer => {
  const { body, headers, status } = Fixtures.head(fixture)
  return { status, headers, body: typeof body === "string" ? body : JSON.stringify(body) }
}

/** What the index calls a format. */
const columnOf = ({ api }: Pick<Wire["codec"], "api">): string => (api === "ollama" ? "ollama-chat" : api)

/** Where the end marker of a stream begins. A response that was cut short ends with a word of its own. */
const markerIn = (body: Uint8Array, marker: string): number => {
  const markers = marker === "response.completed" ? [`"${marker}"`, '"response.incomplete"'] : [marker]
  return Math.max(...markers.map((each) => Buffer.from(body).lastIndexOf(each)))
}

/** How many deltas a text comes in is the chunks' affair. */
const joined = ({ parts, reason }: Decoded): Decoded => ({
  parts: Arr.isReadonlyArrayNonEmpty(parts) ? joinDeltas(parts) : parts,
  reason
})

const ofWire = ({ codec, model, text }: Wire): void => {
  for (const fixture of Fixtures.of(columnOf(codec), "stream")) {
    const isWhole = broken[fixture.path] === undefined

    it.effect(`${fixture.path} is ${isWhole ? "an answer" : broken[fixture.path]}, wherever it is split`, () =>
      Effect.gen(function* () {
        for (const body of Fixtures.streams(fixture)) {
          const whole = yield* decode(codec, [body])
          assert.strictEqual(whole.reason?._tag, broken[fixture.path])
          if (isWhole) assert.strictEqual(whole.parts.at(-1)?.type, "finish")
          const next = random(body.length)
          const ways = [
            split(body, () => 0, 1),
            split(body, next, 7),
            split(body, next, 400),
            split(body, next, 5000),
            splitWithinCharacters(body)
          ]
          for (const chunks of ways) assert.deepStrictEqual(joined(yield* decode(codec, chunks)), joined(whole))
          for (const chunks of [[body], split(body, next, 400), split(body, next, 5000)]) {
            assert.deepStrictEqual(joined(yield* decode(codec, chunks, true)), joined(whole), "what one read brought")
          }
        }
      })
    )

    if (!isWhole) continue
    it.effect(`${fixture.path} cut anywhere before its end marker is truncated`, () =>
      Effect.gen(function* () {
        for (const body of Fixtures.streams(fixture)) {
          const marker = markerIn(body, codec.endMarker)
          assert.isAbove(marker, 0)
          const next = random(body.length)
          const cuts = [0, marker - 1, ...Array.from({ length: 30 }, () => Math.floor(next() * marker))]
          for (const cut of cuts) {
            const { reason } = yield* decode(codec, [body.subarray(0, cut)])
            assert.strictEqual(reason?._tag, "StreamTruncated", `cut at ${cut}`)
          }
        }
      })
    )
  }

  for (const fixture of Fixtures.of(columnOf(codec), "json")) {
    it(`${fixture.path} is an answer`, () => {
      const parts = Result.getOrThrow(codec.decode(JSON.parse(Fixtures.read(fixture))))
      assert.strictEqual(parts[0]?.type, "response-metadata")
      assert.strictEqual(parts.at(-1)?.type, "finish")
      assert.isAbove(amountOf(parts).outputTokens ?? 0, 0)
    })
  }

  for (const fixture of Fixtures.of(columnOf(codec), "error")) {
    it(`${fixture.path} is ${errors[fixture.path]?.[0]}`, () => {
      const { notRun, reason } = codec.classify(answerOf(fixture))
      assert.property(reason, "rule")
      assert.deepStrictEqual([reason._tag, (reason as { rule: string }).rule, notRun], errors[fixture.path])
    })
  }

  for (const fixture of Fixtures.of(columnOf(codec), "headers")) {
    it.effect(`${fixture.path}: limits and waits that a success names hold nothing up`, () => {
      const { headers, status } = Fixtures.head(fixture)
      const script = scripted(TestTransport.answer({ status, headers, body: JSON.stringify(text("Hello.")) }))
      return Effect.gen(function* () {
        const response = yield* LanguageModel.generateText({ prompt: "hi" })
        assert.strictEqual(response.text, "Hello.")
        assert.strictEqual(script.requests.length, 1)
      }).pipe(Effect.provide(over(script, model)))
    })
  }
}

Fixtures.suite("recorded responses", () => {
  wires.forEach(ofWire)
  ofWire(ollama)

  it("are all read", () => {
    const spoken = new Set([...wires, ollama].map(({ codec }) => columnOf(codec)))
    const rest = new Set(Fixtures.all.map(({ api }) => api).filter((api) => !spoken.has(api)))
    assert.deepStrictEqual([...rest], [])
    for (const { codec } of wires) {
      assert.isAbove(Fixtures.of(columnOf(codec), "stream").length, 10)
      assert.isAbove(Fixtures.of(columnOf(codec), "error").length, 2)
    }
  })
})
