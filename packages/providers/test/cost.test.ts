/** What an answer cost: counted from tokens and price, or by the provider's own word. */
import { assert, describe, it } from "@effect/vitest"
import * as Answers from "@holdfast/providers/Answers"
import type { Price } from "@holdfast/providers/ProviderDefinition"
import type * as Response from "effect/ai/Response"
import { costOf, promptUsdOf } from "../src/internal/answer/cost.ts"

const price: Price = {
  input: 5,
  output: 25,
  cacheRead: 0.5,
  cacheWrite: 6.25,
  source: "https://example.com/pricing",
  asOf: "2026-11-20"
}

type Usage = Response.FinishPartEncoded["usage"]

const finish = (
  input: Partial<Usage["inputTokens"]>,
  output: Partial<Usage["outputTokens"]>,
  metadata: Response.ProviderMetadata = {}
): Response.FinishPartEncoded => ({
  type: "finish",
  reason: "stop",
  usage: {
    inputTokens: { uncached: undefined, total: undefined, cacheRead: undefined, cacheWrite: undefined, ...input },
    outputTokens: { total: undefined, text: undefined, reasoning: undefined, ...output }
  },
  metadata
})

describe("the cost", () => {
  it("prices cached tokens as such", () => {
    const part = finish({ uncached: 1000, cacheRead: 10_000, cacheWrite: 2000, total: 13_000 }, { total: 400 })
    assert.deepStrictEqual(costOf(part, price), { usd: 0.0325, source: price.source })
  })

  it("prices them as input where the cache's prices are not known", () => {
    const { cacheRead: _read, cacheWrite: _write, ...plain } = price
    const part = finish({ uncached: 1000, cacheRead: 10_000, cacheWrite: 2000 }, { total: 400 })
    assert.strictEqual(costOf(part, plain)?.usd, 0.075)
  })

  it("takes what is not cached from the total where the provider counts that alone", () => {
    assert.strictEqual(costOf(finish({ total: 1000, cacheRead: 200 }, { total: 0 }), price)?.usd, 0.0041)
    assert.strictEqual(costOf(finish({ total: 100, cacheRead: 200 }, { total: 0 }), price)?.usd, 0.0001)
  })

  it("has no digits that nobody charges", () => {
    assert.strictEqual(costOf(finish({ uncached: 3 }, { total: 1 }), { ...price, input: 0.1, output: 0.2 })?.usd, 5e-7)
  })

  it("is not known where price, input or output is not", () => {
    assert.isUndefined(costOf(finish({ uncached: 1 }, { total: 1 }), undefined))
    assert.isUndefined(costOf(finish({}, { total: 1 }), price))
    assert.isUndefined(costOf(finish({ uncached: 1 }, {}), price))
    for (const input of [Number.NaN, Number.POSITIVE_INFINITY, -1e9]) {
      assert.isUndefined(costOf(finish({ uncached: 1 }, { total: 1 }), { ...price, input }))
    }
  })

  it("of the prompt alone is known where its price is, whatever the answer was charged", () => {
    const part = finish({ uncached: 1000, cacheRead: 10_000, cacheWrite: 2000 }, {}, { openai: { cost: 0.001 } })
    assert.strictEqual(promptUsdOf(part, price), 0.0225)
    assert.isUndefined(promptUsdOf(part, undefined))
    assert.isUndefined(promptUsdOf(finish({}, { total: 1 }), price))
    assert.isUndefined(promptUsdOf(part, { ...price, input: Number.NaN }))
  })

  it("is what the provider charged where it says so", () => {
    const part = finish({ uncached: 1000 }, { total: 400 }, { openai: { finishReason: "stop", cost: 0.001 } })
    assert.deepStrictEqual(costOf(part, price), { usd: 0.001, source: "answer" })
    assert.deepStrictEqual(costOf(part, undefined), { usd: 0.001, source: "answer" })
    const odd = finish({}, {}, { openai: { cost: "free" } })
    assert.isUndefined(costOf(odd, undefined))
  })
})

describe("Answers.cost", () => {
  const part = { type: "finish", metadata: { holdfast: { cost: { usd: 0.5, source: "answer" } } } }

  it("reads it from a response, and from a stream's last part", () => {
    assert.deepStrictEqual(Answers.cost({ content: [{ type: "text" }, part] }), { usd: 0.5, source: "answer" })
    assert.deepStrictEqual(Answers.cost(part), { usd: 0.5, source: "answer" })
  })

  it("says nothing where there is none", () => {
    assert.isUndefined(Answers.cost({ content: [] }))
    assert.isUndefined(Answers.cost({ type: "finish", metadata: { holdfast: { cost: { usd: "1", source: "x" } } } }))
    assert.isUndefined(Answers.cost({ type: "finish", metadata: { holdfast: { cost: { usd: 1 } } } }))
  })
})
