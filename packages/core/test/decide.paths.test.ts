/** Every path of decisions ends, however the attempts go on failing. */
import { assert, describe, it } from "@effect/vitest"
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
    switch (decision._tag) {
      case "Surface":
        return { attempts: state.attempts, waits, steps, asked }
      case "RefreshCredential":
        state = { ...state, refreshable: false, attempts: state.attempts + 1 }
        break
      case "RetryHere":
        state = { ...state, attempts: state.attempts + 1 }
        break
      case "Wait": {
        waits++
        const cooling = (state.cooling ?? []).filter(({ index }) => index !== decision.index)
        state = { ...state, cooling }
        break
      }
      case "RotateCredential":
      case "NextCandidate":
        asked.push(decision.index)
        state = {
          ...state,
          left: [...state.left, state.index],
          index: decision.index,
          refreshable: from.refreshable === true,
          attempts: state.attempts + 1
        }
    }
  }
  return assert.fail(`no end after ${stepsAtMost} steps: ${JSON.stringify(from)}`)
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
