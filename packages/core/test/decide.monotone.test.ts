/**
 * What gets worse never allows more.
 *
 * Allowed is whoever a decision names when all whom it named before have been taken away, one after the other: the set of
 * places where the call could be made again. `here` is the candidate that failed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Failure } from "@holdfast/core/Failure"
import type { Factors, Fate, RuleName, Standing } from "./decideGrid.ts"
import { cases, names, policyWith, ruleNames, size } from "./decideGrid.ts"
import type { Situation } from "./decideOracle.ts"
import { failedOf, stateOf, usual } from "./decideOracle.ts"

type Allowed = ReadonlySet<number | "here">

const allowedBy = (policy: FailoverPolicy.Policy, state: FailoverPolicy.State, failure: Failure): Allowed => {
  const allowed = new Set<number | "here">()
  for (;;) {
    const decision = FailoverPolicy.decide(policy, without(state, allowed), failure)
    if (decision._tag === "Surface") return allowed
    const named = "index" in decision ? decision.index : "here"
    assert.isFalse(allowed.has(named))
    allowed.add(named)
  }
}

/** The state in which some are taken away. */
const without = (state: FailoverPolicy.State, named: Allowed): FailoverPolicy.State => ({
  ...state,
  ...(named.has("here") ? { retryDelayMs: undefined, refreshable: false } : undefined),
  unsuited: [...(state.unsuited ?? []), ...[...named].filter((each) => each !== "here")]
})

const policies = new Map<string, FailoverPolicy.Policy>()

const allowedIn = (given: Situation): Allowed => {
  const key = given.rule + given.moment
  const policy = policies.get(key) ?? policyWith(given.rule, given.moment)
  policies.set(key, policy)
  return allowedBy(policy, stateOf(given), failedOf(given))
}

const fate = (evidence: Fate["evidence"], more: Partial<Fate> = {}): Fate => ({
  evidence,
  exposure: "nothing",
  declaration: "unknown",
  assumed: false,
  ...more
})

const of = (...standing: ReadonlyArray<Standing>): Pick<Situation, "of"> => ({ of: standing })

/** Each from good to bad; what comes later never allows what an earlier one does not. */
const ladders: { readonly [what: string]: ReadonlyArray<Partial<Situation>> } = {
  "evidence of a call that may be repeated": [
    { fate: fate("unsent", { declaration: "repeatable" }) },
    { fate: fate("lost", { declaration: "repeatable" }) },
    { fate: fate("lost", { declaration: "repeatable", exposure: "output" }) }
  ],
  "evidence of a call that nobody has declared": [
    { fate: fate("refused") },
    { fate: fate("unknown", { assumed: true }) },
    { fate: fate("unknown") },
    { fate: fate("unknown", { exposure: "tool-call" }) }
  ],
  "evidence of a call that has effects": [
    { fate: fate("refused", { declaration: "provider-tools" }) },
    { fate: fate("lost", { declaration: "provider-tools" }) }
  ],
  declaration: [
    { fate: fate("lost", { declaration: "repeatable" }) },
    { fate: fate("lost", { declaration: "unknown" }) },
    { fate: fate("lost", { declaration: "changes-state" }) }
  ],
  "swap rule": [{ rule: "any" }, { rule: "same-family" }, { rule: "same-model" }, { rule: "never" }],
  "swap rule that asks": [{ rule: "any" }, { rule: "ask" }, { rule: "ask within the family" }, { rule: "same-model" }],
  "what failed earlier": [
    { earlier: "nothing" },
    { earlier: "a model at bedrock, and openai" },
    { earlier: "bedrock's endpoint", spent: ["openai"] }
  ],
  budget: [
    { spent: [] },
    { spent: ["openai"] },
    { spent: ["anthropic", "openai"] },
    { spent: ["anthropic", "bedrock", "google", "openai"] }
  ],
  deadline: [{ leftMs: 80_000 }, { leftMs: 501 }, { leftMs: 500 }, { leftMs: 1 }, { leftMs: 0 }],
  // Without a deadline the policy bounds what is waited for.
  "a deadline where there is none": [{ leftMs: undefined }, { leftMs: 60_000 }, { leftMs: 501 }, { leftMs: 0 }],
  attempts: [{ attempts: 1 }, { attempts: 4 }, { attempts: 5 }, { attempts: 6 }],
  turn: [{ turn: "allowed" }, { turn: "unknown" }, { turn: "invalid" }, { turn: "abandoned" }],
  "what a replay runs": [{ replays: "call" }, { replays: "turn" }],
  "cooling of the next": [of(), of("cools 500"), of("cools 5000"), of("cools 70000"), of("left")],
  "cooling of one behind": [
    of("open", "open", "open", "open", "open"),
    of("open", "open", "open", "open", "cools 500"),
    of("open", "open", "open", "open", "cools 70000"),
    of("open", "open", "open", "open", "denied")
  ],
  "cooling of all": [
    of(),
    of("cools 500", "cools 500", "cools 500", "cools 500", "cools 500"),
    of("cools 5000", "cools 500", "cools 70000", "cools 500", "cools 5000"),
    of("cools 70000", "cools 5000", "cools 70000", "cools 70000", "cools 5000"),
    of("unsuited", "denied", "left", "unsuited", "denied")
  ]
}

const standing: ReadonlyArray<ReadonlyArray<Standing>> = [
  [],
  ["left", "open", "cools 500"],
  ["denied", "open", "open", "unsuited", "cools 5000"],
  ["cools 500", "cools 500", "cools 5000", "cools 500", "cools 70000"]
]

const around = {
  name: names,
  of: standing,
  rule: ["any", "same-family"],
  where: [
    { moment: "start", from: "opus" },
    { moment: "mid", from: "gpt" }
  ],
  replays: [
    { replays: undefined, turn: undefined },
    { replays: "turn", turn: "allowed" }
  ],
  here: [
    { retryDelayMs: undefined, refreshable: false },
    { retryDelayMs: 250, refreshable: true }
  ],
  fate: [fate("refused"), fate("lost", { declaration: "repeatable" })]
} as const satisfies Factors

const isWithin = (some: Allowed, all: Allowed): boolean => [...some].every((each) => all.has(each))

describe("nothing more is allowed by worse", () => {
  for (const [what, rungs] of Object.entries(ladders)) {
    it(what, { timeout: 60_000 }, () => {
      let run = 0
      let less = 0
      for (const { here, replays, where, ...more } of cases(around)) {
        run++
        const given = { ...usual, ...more, ...where, ...replays, ...here }
        let better: Allowed | undefined
        for (const [i, rung] of rungs.entries()) {
          const worse = allowedIn({ ...given, ...rung })
          if (better !== undefined && !isWithin(worse, better)) {
            const allowed = { better: [...better], worse: [...worse] }
            assert.fail(`rung ${i} allows more: ${JSON.stringify({ allowed, rung, given })}`)
          }
          if (better !== undefined && worse.size < better.size) less++
          better = worse
        }
      }
      assert.strictEqual(run, size(around))
      assert.strictEqual(run, 29 * 4 * 2 * 2 * 2 * 2 * 2)
      // It does allow less, of some failures.
      assert.isAbove(less, 100)
    })
  }

  it("asking the app about a swap allows what the rule allows that it asks within", () => {
    const pairs: ReadonlyArray<readonly [RuleName, RuleName]> = [
      ["ask", "any"],
      ["ask within the family", "same-family"]
    ]
    assert.isTrue(pairs.flat().every((rule) => ruleNames.includes(rule)))
    for (const { here, replays, where, ...more } of cases(around)) {
      const given = { ...usual, ...more, ...where, ...replays, ...here }
      for (const [asks, allows] of pairs) {
        assert.deepStrictEqual([...allowedIn({ ...given, rule: asks })], [...allowedIn({ ...given, rule: allows })])
      }
    }
  })
})
