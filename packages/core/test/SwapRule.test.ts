import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as SwapRule from "@holdfast/core/SwapRule"
import * as Effect from "effect/Effect"
import { gpt, opus, opusAtHome, opusOlder, opusOnBedrock } from "./fixtures.ts"

const chain = [opus, opusAtHome, opusOnBedrock, opusOlder, gpt]

/** How each of the chain is met in place of the first. */
const met = (policy: SwapRule.SwapPolicy) => chain.map((to) => SwapRule.meets(policy, opus, to))

const ask = () => Effect.succeed(true)

describe("closeness", () => {
  it("is other for two unknown models of two providers: what neither is known to be does not make them one", () => {
    const here: Candidate.Candidate = { provider: "here", model: "a" }
    const there: Candidate.Candidate = { provider: "there", model: "b" }
    assert.strictEqual(Candidate.closeness(here, there), "other")
  })

  it("is other for lines of one name by two makers", () => {
    const one = { provider: "here", model: "a", family: { maker: "one", line: "large" } }
    const two = { provider: "there", model: "b", family: { maker: "two", line: "large" } }
    assert.strictEqual(Candidate.closeness(one, two), "other")
  })
})

describe("meets", () => {
  it("allows or denies by a rule, and asks about nothing", () => {
    assert.deepStrictEqual(met("never"), ["yes", "no", "no", "no", "no"])
    assert.deepStrictEqual(met("same-model"), ["yes", "yes", "yes", "no", "no"])
    assert.deepStrictEqual(met("same-family"), ["yes", "yes", "yes", "yes", "no"])
    assert.deepStrictEqual(met("any"), ["yes", "yes", "yes", "yes", "yes"])
  })

  it("asks the app about every other model, and about no other host or credential of the same", () => {
    assert.deepStrictEqual(met({ ask }), ["yes", "yes", "yes", "ask", "ask"])
  })

  it("asks the app about models that are close enough alone", () => {
    assert.deepStrictEqual(met({ ask, within: "same-family" }), ["yes", "yes", "yes", "ask", "no"])
    assert.deepStrictEqual(met({ ask, within: "same-model" }), ["yes", "yes", "yes", "no", "no"])
    assert.deepStrictEqual(met({ ask, within: "any" }), ["yes", "yes", "yes", "ask", "ask"])
  })
})
