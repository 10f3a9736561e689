/** Every combination of what a decision depends on, 939,600 of them: what each may not do, and what it must. */
import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Factors } from "./decideGrid.ts"
import {
  cases,
  earliers,
  fates,
  maxAttempts,
  names,
  policyWith,
  proven,
  repeatable,
  ruleNames,
  size,
  standings
} from "./decideGrid.ts"
import type { RuleName, Standing } from "./decideGrid.ts"
import type { Situation } from "./decideOracle.ts"
import { broken, failedOf, follows, stateOf, usual, word } from "./decideOracle.ts"

const policies = new Map<string, FailoverPolicy.Policy>()

const policyOf = ({ moment, rule }: Situation): FailoverPolicy.Policy => {
  const known = policies.get(`${moment} ${rule}`)
  if (known !== undefined) return known
  const policy = policyWith(rule, moment)
  policies.set(`${moment} ${rule}`, policy)
  return policy
}

/** Tries every case, and gives how many there were and the first that went wrong. */
const tryAll = <F extends Factors>(factors: F, situation: (values: { [K in keyof F]: F[K][number] }) => Situation) => {
  let run = 0
  const words = new Set<string>()
  for (const values of cases(factors)) {
    const given = situation(values)
    const state = stateOf(given)
    const decision: Decision = FailoverPolicy.decide(policyOf(given), state, failedOf(given))
    run++
    const wrong = broken(given, state, decision)
    if (wrong !== undefined) assert.fail(`${wrong}: ${JSON.stringify({ given, decision })}`)
    const decided = word(decision)
    const expected = follows(given)
    if (decided !== expected) assert.fail(`${decided}, not ${expected}: ${JSON.stringify({ given, decision })}`)
    words.add(decided)
  }
  assert.strictEqual(run, size(factors))
  return { run, words }
}

const turns: ReadonlyArray<Pick<Situation, "replays" | "turn">> = ([undefined, "call", "turn"] as const).flatMap(
  (replays) => ([undefined, "allowed", "invalid", "abandoned", "unknown"] as const).map((turn) => ({ replays, turn }))
)

const five = (standing: Standing): ReadonlyArray<Standing> => Array.from({ length: 5 }, () => standing)
const lone = (place: number, standing: Standing): ReadonlyArray<Standing> => five("left").with(place - 1, standing)

/** Chains of one mind, and chains with one candidate that is not left yet. */
const patterns: ReadonlyArray<ReadonlyArray<Standing>> = [
  five("open"),
  five("left"),
  five("denied"),
  five("unsuited"),
  five("cools 70000"),
  ["cools 5000", "cools 5000", "cools 500", "cools 500", "cools 70000"],
  ...[1, 2, 3, 4, 5].map((place) => lone(place, "open")),
  lone(5, "cools 500")
]

describe("every reason", () => {
  it("on every ground, in every turn, with every amount of time and attempts left", { timeout: 60_000 }, () => {
    const factors = {
      name: names,
      fate: fates,
      turn: turns,
      attempts: [maxAttempts - 1, maxAttempts],
      leftMs: [undefined, 250, 0],
      retryDelayMs: [undefined, 250]
    }
    const { run, words } = tryAll(factors, ({ turn, ...more }) => ({ ...usual, ...turn, ...more }))
    assert.strictEqual(run, 29 * 68 * 15 * 2 * 3 * 2)
    assert.sameMembers(
      [...words].filter((each) => /^[a-z-]+$/.test(each)),
      ["unsafe", "ambiguous", "turn-invalid", "attempts-spent", "deadline", "reason-surfaces"]
    )
  })

  it("with every standing of every candidate", { timeout: 60_000 }, () => {
    const factors = { name: names, 1: standings, 2: standings, 3: standings, 4: standings, 5: standings }
    const { run, words } = tryAll(factors, ({ name, ...of }) => ({
      ...usual,
      name,
      of: [of[1], of[2], of[3], of[4], of[5]]
    }))
    assert.strictEqual(run, 29 * 6 ** 5)
    assert.includeMembers(
      [...words],
      ["rotate to 1, proven", "wait 5000, 1, proven", "wait 500, 5, proven", "swap-denied", "chain-exhausted"]
    )
  })

  it("under every swap rule, with every budget, schedule and deadline", { timeout: 60_000 }, () => {
    const factors = {
      name: names,
      of: patterns,
      rule: ruleNames,
      where: [
        { moment: "start", from: "opus" },
        { moment: "mid", from: "opus" },
        { moment: "mid", from: "gpt" }
      ],
      spent: [[], ["anthropic"], ["bedrock", "openai"]],
      retryDelayMs: [undefined, 250, 5000],
      leftMs: [undefined, 60_000, 500],
      refreshable: [false, true]
    } as const satisfies Factors
    const { run, words } = tryAll(factors, ({ where, ...more }) => ({ ...usual, ...where, ...more }))
    assert.strictEqual(run, 29 * 12 * 6 * 3 * 3 * 3 * 3 * 2)
    assert.includeMembers(
      [...words],
      [
        "refresh, proven",
        "2, proven, asks",
        "6, proven, asks",
        "wait 500, 5, proven, asks",
        "budget-spent",
        "cooling-down"
      ]
    )
  })

  it("after whatever has failed earlier in the call", { timeout: 60_000 }, () => {
    const factors = {
      name: names,
      earlier: earliers,
      rule: ruleNames,
      of: patterns,
      spent: [[], ["openai"]],
      fate: [proven, repeatable]
    } as const satisfies Factors
    const { run } = tryAll(factors, (more) => ({ ...usual, ...more }))
    assert.strictEqual(run, 29 * 9 * 6 * 12 * 2 * 2)
  })
})

describe("no rule", () => {
  it("is read for another moment than the call's", () => {
    const differ = ruleNames.filter((rule: RuleName) => {
      const decisions = (["start", "mid"] as const).map((moment) => {
        const given: Situation = { ...usual, name: "ConnectFailure", moment, rule, of: lone(5, "open") }
        return word(FailoverPolicy.decide(policyOf(given), stateOf(given), failedOf(given)))
      })
      return new Set(decisions).size > 1
    })
    assert.deepStrictEqual(differ, [])
  })
})
