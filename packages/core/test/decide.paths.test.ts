/** Every path of decisions ends, however the attempts go on failing. */
import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Factors, Fate, Name, RuleName } from "./decideGrid.ts"
import { cases, failureOf, names, policyWith, proven, repeatable, ruleNames, size } from "./decideGrid.ts"
import type { Situation } from "./decideOracle.ts"
import { stateOf, usual } from "./decideOracle.ts"

interface Path {
  readonly attempts: number
  readonly waits: number
  readonly steps: number
  /** Who was asked, opus first. */
  readonly asked: ReadonlyArray<number>
}

interface Walk {
  readonly policy: FailoverPolicy.Policy
  /** What each attempt fails with, over and over again. */
  readonly reasons: ReadonlyArray<Name>
  readonly fate: Fate
  readonly stepsAtMost: number
}

/** Follows the decisions. What they do is done, in no time, and every attempt fails. */
const walk = (from: FailoverPolicy.State, { fate, policy, reasons, stepsAtMost }: Walk): Path => {
  let state = from
  let waits = 0
  const asked = [state.index]
  for (let steps = 1; steps <= stepsAtMost; steps++) {
    const name = reasons[(state.attempts - 1) % reasons.length] ?? "Overloaded"
    const decision = FailoverPolicy.decide(policy, state, failureOf(name, fate, state.chain[state.index]))
    if (decision._tag === "Surface") return { attempts: state.attempts, waits, steps, asked }
    if (decision._tag === "Wait") waits++
    else if ("index" in decision) asked.push(decision.index)
    state = after(state, decision, from.refreshable === true)
  }
  return assert.fail(`no end after ${stepsAtMost} steps: ${JSON.stringify(from)}`)
}

/** Where the call stands when it has been done and has failed, and every candidate's credential can be renewed or none's. */
const after = (
  state: FailoverPolicy.State,
  decision: Exclude<Decision, { _tag: "Surface" }>,
  refreshable: boolean
): FailoverPolicy.State => {
  const attempts = state.attempts + 1
  switch (decision._tag) {
    case "RefreshCredential":
      return { ...state, attempts, refreshable: false }
    case "RetryHere":
      return { ...state, attempts }
    case "Wait":
      return { ...state, cooling: (state.cooling ?? []).filter(({ index }) => index !== decision.index) }
    case "RotateCredential":
    case "NextCandidate":
      return { ...state, attempts, index: decision.index, left: [...state.left, state.index], refreshable }
  }
}

const three = ["open", "cools 500", "denied"] as const

const factors = {
  name: names,
  fate: [proven, repeatable],
  rule: ruleNames,
  moment: ["start", "mid"],
  1: three,
  3: three,
  5: three
} as const satisfies Factors

const tryAll = (overrides: FailoverPolicy.Overrides, more: Partial<Situation>, check: (path: Path) => void): number => {
  let run = 0
  const policies = new Map<string, FailoverPolicy.Policy>()
  const policyOf = (rule: RuleName, moment: "start" | "mid") => {
    const policy = policies.get(rule + moment) ?? policyWith(rule, moment, overrides)
    policies.set(rule + moment, policy)
    return policy
  }
  for (const { fate, moment, name, rule, ...of } of cases(factors)) {
    run++
    const state = stateOf({ ...usual, name, fate, rule, moment, of: [of[1], "open", of[3], "open", of[5]], ...more })
    // What fails at first, and then whatever else.
    const reasons = [name, "StaleConnection", name, "AuthenticationFailed", "Unclassified"] as const
    const policy = policyOf(rule, moment)
    check(walk(state, { policy, reasons: [name], fate, stepsAtMost: 100 }))
    check(walk(state, { policy, reasons, fate, stepsAtMost: 100 }))
  }
  return run
}

describe("a call whose every attempt fails", () => {
  it("ends with its attempts where its schedules never end", () => {
    const longest = { attempts: 0, waits: 0 }
    const run = tryAll({ maxAttempts: 9 }, { retryDelayMs: 0, refreshable: true }, ({ attempts, steps, waits }) => {
      assert.isAtMost(attempts, 9)
      assert.isAtMost(steps, attempts + waits)
      longest.attempts = Math.max(longest.attempts, attempts)
    })
    assert.strictEqual(run, size(factors))
    assert.strictEqual(run, 29 * 2 * 6 * 2 * 3 ** 3)
    assert.strictEqual(longest.attempts, 9)
  })

  it("ends with its chain where its attempts are without number, each candidate asked once", () => {
    const longest = { asked: 0, waits: 0 }
    const run = tryAll({ maxAttempts: 1_000_000 }, { refreshable: true }, ({ asked, attempts, waits }) => {
      assert.strictEqual(new Set(asked).size, asked.length)
      // Once as it is and once with its credential renewed.
      assert.isAtMost(attempts, 2 * asked.length)
      assert.isAtMost(waits, 3)
      longest.asked = Math.max(longest.asked, asked.length)
      longest.waits = Math.max(longest.waits, waits)
    })
    assert.strictEqual(run, size(factors))
    // All but the one that is there for another reason; the three that may be cooling down are waited for.
    assert.deepStrictEqual(longest, { asked: 6, waits: 3 })
  })
})
