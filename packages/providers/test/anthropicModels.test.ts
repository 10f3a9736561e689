/** What is known of Claude models, and which of their features are asked for by header. */
import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "@holdfast/providers/Codec"
import { describe as describeModel } from "@holdfast/providers/definitions/anthropic"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as LanguageModel from "effect/ai/LanguageModel"
import { betasJoined } from "../src/internal/attempt/betas.ts"
import { costOf } from "../src/internal/answer/cost.ts"
import { codec, encoded } from "./support/anthropicRequest.ts"
import { json, over, scripted } from "./support/scripted.ts"
import { anthropic } from "./support/wire.ts"

const headers = (model: string, more: Partial<ModelCall> = {}) =>
  encoded({ settings: { context1m: true }, ...more }, model).headers

describe("trial features", () => {
  it.each([
    ["claude-sonnet-4-20250514", "context-1m-2025-08-07"],
    ["claude-sonnet-4-5-20250929", "context-1m-2025-08-07"],
    ["claude-sonnet-4-6", undefined],
    ["claude-opus-4-6", undefined],
    ["claude-opus-5-5", undefined],
    ["claude-haiku-4-5", undefined],
    ["claude-of-tomorrow", undefined]
  ])("the context of a million tokens is asked for where it has to be: %s", (model, beta) => {
    assert.deepStrictEqual(headers(model), beta === undefined ? undefined : { "anthropic-beta": beta })
    assert.isUndefined(headers(model, { settings: {} }))
  })

  it("of the app's join it, and leave the body", () => {
    const params = { betas: ["mcp-client-2025-11-20", "context-1m-2025-08-07"] }
    const { body, headers } = encoded({ params, settings: { context1m: true } }, "claude-sonnet-4-5")
    assert.deepStrictEqual(headers, { "anthropic-beta": "mcp-client-2025-11-20,context-1m-2025-08-07" })
    assert.notProperty(body, "betas")
  })

  it("of the configured provider are kept beside the call's, whatever the letters of the header", () => {
    const own = { "anthropic-beta": "b,c", "x-own": "1" }
    assert.deepStrictEqual(betasJoined({ "Anthropic-Beta": "a, b" }, own), { "Anthropic-Beta": "a,b,c", "x-own": "1" })
    assert.deepStrictEqual(betasJoined({ "x-own": "2" }, own), own)
    assert.deepStrictEqual(betasJoined({ "anthropic-beta": "a" }, undefined), {})
  })
})

describe("a configured provider", () => {
  it.effect("keeps its trial features beside those of a call", () => {
    const script = scripted(json(anthropic.text("A.")))
    const providers = { anthropic: { apiKey: Redacted.make("sk-ant-test"), headers: { "Anthropic-Beta": "a,b" } } }
    return Effect.gen(function* () {
      yield* LanguageModel.generateText({ prompt: "hi" })
      const headers = script.requests[0]?.headers ?? {}
      const betas = Object.entries(headers).filter(([name]) => name.toLowerCase() === "anthropic-beta")
      assert.deepStrictEqual(
        betas.map(([, value]) => value),
        ["a,b,c"]
      )
    }).pipe(
      Effect.provide(over(script, anthropic.model, { params: { betas: ["b", "c"] } }, { providers: { providers } }))
    )
  })
})

describe("what is known of a model", () => {
  it.each([
    ["claude-opus-4-7", "opus", 1_000_000, 128_000, 5, 25],
    ["claude-opus-4-20250514", "opus", 200_000, 32_000, 15, 75],
    ["claude-opus-4-0", "opus", 200_000, 32_000, 15, 75],
    ["claude-opus-5-5", "opus", 1_000_000, 128_000, 4, 20],
    ["claude-sonnet-4-5@20250929", "sonnet", 200_000, 64_000, 3, 15],
    ["claude-3-7-sonnet-latest", "sonnet", 200_000, 64_000, 3, 15],
    ["claude-haiku-4-5-20251001", "haiku", 200_000, 64_000, 1, 5],
    ["claude-fable-5-1", "fable", 1_000_000, 128_000, 10, 50],
    // Its price goes by the prompt's length.
    ["claude-haiku-5-5", "haiku", 1_000_000, 128_000, undefined, undefined],
    ["claude-opus-99", "opus", undefined, undefined, undefined, undefined]
  ])("%s", (model, line, contextTokens, outputTokens, input, output) => {
    const facts = describeModel(model)
    assert.strictEqual(facts?.identity, model)
    assert.deepStrictEqual(facts?.family, { maker: "anthropic", line })
    assert.deepStrictEqual(
      [facts?.contextTokens, facts?.outputTokens, facts?.price?.input, facts?.price?.output],
      [contextTokens, outputTokens, input, output]
    )
    if (facts?.price === undefined) return
    assert.match(facts.price.source, /^https:\/\/platform\.claude\.com\//)
    assert.match(facts.price.asOf, /^\d{4}-\d{2}-\d{2}$/)
    assert.strictEqual(facts.price.cacheWrite, facts.price.input * 1.25)
    assert.strictEqual(facts.price.cacheWriteHour, facts.price.input * 2)
    assert.isBelow(facts.price.cacheRead ?? 0, facts.price.input)
  })

  it("says what a cache of an hour costs", () => {
    const usage = {
      input_tokens: 1000,
      cache_read_input_tokens: 2000,
      cache_creation_input_tokens: 3000,
      cache_creation: { ephemeral_5m_input_tokens: 1000, ephemeral_1h_input_tokens: 2000 },
      output_tokens: 1000
    }
    const body = { type: "message", content: [], stop_reason: "end_turn", usage }
    const finish = Result.getOrThrow(codec.decode(body)).at(-1)
    if (finish?.type !== "finish") return assert.fail("no finish")
    // 5, 0.5, 6.25, 10 and 25 dollars for a million.
    const micros = 1000 * 5 + 2000 * 0.5 + 1000 * 6.25 + 2000 * 10 + 1000 * 25
    assert.strictEqual(costOf(finish, describeModel("claude-opus-4-7")?.price)?.usd, micros / 1_000_000)
  })

  it("is nothing for a model of somebody else's", () => {
    assert.isUndefined(describeModel("gpt-5.5"))
    assert.isUndefined(describeModel("claude"))
  })
})
