import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as SwapRule from "@holdfast/core/SwapRule"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { gpt, opus, opusAtHome, opusOlder, opusOnBedrock } from "./fixtures.ts"

describe("label", () => {
  it("is the address, with the credential's name where there is one", () => {
    assert.strictEqual(Candidate.label(opus), "anthropic/claude-opus-4-7")
    assert.strictEqual(Candidate.label(opusAtHome), "anthropic/claude-opus-4-7@home")
  })
})

describe("ref", () => {
  it("is the candidate's model as an address", () => {
    assert.strictEqual(String(Candidate.ref(opusAtHome)), "anthropic/claude-opus-4-7")
  })

  it("exists for the model ids of local servers, unless the schema refuses the candidate", () => {
    for (const model of ["/models/llama-3.gguf", "my finetune", "llama-3 (local)"]) {
      const decoded = Schema.decodeUnknownResult(Candidate.Candidate)({ provider: "local", model })
      if (Result.isSuccess(decoded)) assert.doesNotThrow(() => Candidate.ref(decoded.success))
    }
  })
})

describe("closeness", () => {
  it("is the same model with another credential, and at another host that the registry knows", () => {
    assert.strictEqual(Candidate.closeness(opus, opusAtHome), "same-model")
    assert.strictEqual(Candidate.closeness(opus, opusOnBedrock), "same-model")
  })

  it("is the same family by maker and line, wherever it is hosted", () => {
    assert.strictEqual(Candidate.closeness(opus, opusOlder), "same-family")
    assert.strictEqual(Candidate.closeness(opusOnBedrock, opusOlder), "same-family")
  })

  it("is other for another maker, and for another line of the same maker", () => {
    const sonnet = {
      ...opusOlder,
      model: "claude-sonnet-4-6",
      identity: "s",
      family: { maker: "anthropic", line: "s" }
    }
    assert.strictEqual(Candidate.closeness(opus, gpt), "other")
    assert.strictEqual(Candidate.closeness(opus, sonnet), "other")
  })

  it("takes nothing for granted of models that the registry does not know", () => {
    const a = { provider: "lab", model: "a" }
    const b = { provider: "lab", model: "b" }
    assert.strictEqual(Candidate.closeness(a, b), "other")
    assert.strictEqual(Candidate.closeness(a, { provider: "lab", model: "a" }), "same-model")
  })

  it("is not the same model for two names at one provider, whatever they have in common", () => {
    const dated = { ...gpt, model: "gpt-5.5-2026-05-13" }
    assert.strictEqual(Candidate.closeness(gpt, dated), gpt.family === undefined ? "other" : "same-family")
    assert.isFalse(SwapRule.allows("same-model", gpt, dated))
  })

  it("is the same seen from either side", () => {
    const all = [opus, opusAtHome, opusOnBedrock, opusOlder, gpt, { provider: "lab", model: "a" }]
    for (const a of all) for (const b of all) assert.strictEqual(Candidate.closeness(a, b), Candidate.closeness(b, a))
  })
})

describe("a swap rule, from claude-opus-4-7 at Anthropic", () => {
  const chain = [opus, opusAtHome, opusOnBedrock, opusOlder, gpt]
  const allowed = (rule: SwapRule.SwapRule) => chain.filter((to) => SwapRule.allows(rule, opus, to))

  it("of never allows the same provider, model and credential only", () => {
    assert.deepStrictEqual(allowed("never"), [opus])
  })

  it("of same-model allows any host or credential of the model", () => {
    assert.deepStrictEqual(allowed("same-model"), [opus, opusAtHome, opusOnBedrock])
  })

  it("of same-family allows the maker's line too", () => {
    assert.deepStrictEqual(allowed("same-family"), [opus, opusAtHome, opusOnBedrock, opusOlder])
  })

  it("of any allows whatever the chain names", () => {
    assert.deepStrictEqual(allowed("any"), chain)
  })
})
