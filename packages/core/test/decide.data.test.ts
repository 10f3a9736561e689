/** States, failures and decisions are data: written down and read back, they are what they were. */
import { assert, describe, it } from "@effect/vitest"
import * as CallState from "@holdfast/core/CallState"
import * as Decision from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import * as Schema from "effect/Schema"
import type { Factors } from "./decideGrid.ts"
import { cases, fates, maxAttempts, names, policyWith, proven, repeatable, ruleNames, size } from "./decideGrid.ts"
import { failedOf, stateOf, usual, word } from "./decideOracle.ts"

const throughJson = <A, I>(schema: Schema.Codec<A, I>) => {
  const encode = Schema.encodeSync(schema)
  const decode = Schema.decodeUnknownSync(schema)
  return (value: A): A => decode(JSON.parse(JSON.stringify(encode(value))))
}

const readState = throughJson(CallState.CallState)
const readDecision = throughJson(Decision.Decision)
const readFailure = throughJson(Failure.Failure)

/** What JSON leaves out is not there, be it absent or undefined. */
const present = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))

const factors = {
  name: names,
  of: [
    [],
    ["cools 500", "left", "denied", "unsuited", "open"],
    ["cools 500", "cools 5000", "left", "left", "cools 70000"]
  ],
  rule: ruleNames,
  where: [
    { moment: "start", from: "opus" },
    { moment: "mid", from: "gpt" }
  ],
  retryDelayMs: [undefined, 250],
  leftMs: [undefined, 500],
  turn: [
    { replays: undefined, turn: undefined },
    { replays: "turn", turn: "allowed" }
  ],
  more: [
    { refreshable: false, spent: [], attempts: 1 },
    { refreshable: true, spent: ["openai"], attempts: maxAttempts - 1 }
  ],
  fate: [proven, repeatable]
} as const satisfies Factors

describe("JSON", () => {
  it("keeps a state, and decides on it what was decided", { timeout: 60_000 }, () => {
    const decisions = new Map<string, Decision.Decision>()
    let run = 0
    for (const { more, turn, where, ...rest } of cases(factors)) {
      run++
      const given = { ...usual, ...rest, ...where, ...turn, ...more }
      const policy = policyWith(given.rule, given.moment)
      const state = stateOf(given)
      const decision = FailoverPolicy.decide(policy, state, failedOf(given))
      decisions.set(JSON.stringify(decision), decision)
      // The way is long, and states differ less than decisions do.
      if (run % 5 !== 0) continue
      const read = readState(state)
      assert.deepStrictEqual(present(read), present(state))
      assert.deepStrictEqual(FailoverPolicy.decide(policy, read, failedOf(given)), decision)
    }
    assert.strictEqual(run, size(factors))
    for (const decision of decisions.values()) assert.deepStrictEqual(readDecision(decision), decision)
    const tags = new Set([...decisions.values()].map(({ _tag }) => _tag))
    assert.strictEqual(tags.size, Decision.Decision.members.length)
    assert.isAbove(decisions.size, 150)
  })

  it("keeps a failure as far as a decision goes", () => {
    const policy = FailoverPolicy.make()
    let run = 0
    for (const { fate, name } of cases({ name: names, fate: fates })) {
      run++
      const given = { ...usual, name, fate, retryDelayMs: 250, refreshable: true }
      const failure = failedOf(given)
      const read = readFailure(failure)
      assert.deepStrictEqual(
        [read._tag, read.assumed, read.reason._tag],
        [failure._tag, failure.assumed, failure.reason._tag]
      )
      const [before, after] = [failure, read].map((each) => FailoverPolicy.decide(policy, stateOf(given), each))
      assert.deepStrictEqual(after, before)
    }
    assert.strictEqual(run, 29 * 68)
  })
})

describe("a decision", () => {
  it("is the same for the same, and changes nothing of what it is made from", () => {
    const policy = policyWith("any", "start")
    for (const name of names) {
      const given = { ...usual, name, of: ["cools 500", "left", "denied"], retryDelayMs: 250 } as const
      const [state, failure] = [stateOf(given), failedOf(given)]
      const before = JSON.stringify([state, failure])
      const decision = FailoverPolicy.decide(policy, state, failure)
      assert.deepStrictEqual(FailoverPolicy.decide(policy, state, failure), decision, word(decision))
      assert.strictEqual(JSON.stringify([state, failure]), before)
    }
  })
})
