/** Candidates that are named for one reason, in the middle of a chain and at its end; and where a call begins. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Name, Standing } from "./decideGrid.ts"
import { cases, failureOf, names, policyWith, proven, size, standingOf, standings, table } from "./decideGrid.ts"
import { word } from "./decideOracle.ts"
import { gemini, gpt, opus, opusOnBedrock } from "./fixtures.ts"

/** Named for want of the model, though it is the same: its account may have it. */
const spare: Candidate = { ...opus, credential: "spare" }

// Nobody else shares anything with another, but for those of gemini and the spare ones, which differ in credential alone.
const chain = [
  opus,
  opusOnBedrock,
  gemini,
  { ...gemini, credential: "home" },
  gpt,
  spare,
  { ...spare, credential: "last" }
] as const

const reserved = [
  { index: 2, reason: "ContextOverflow" },
  { index: 3, reason: "ContextOverflow" },
  { index: 4, reason: "ContextOverflow" },
  { index: 5, reason: "ModelNotFound" },
  { index: 6, reason: "ModelNotFound" }
] as const

const at = (index: number, more: Partial<FailoverPolicy.State> = {}): FailoverPolicy.State => ({
  chain,
  index,
  left: [],
  reserved,
  attempts: 1,
  retryDelayMs: undefined,
  moment: "start",
  from: opus,
  ...more
})

const policy = FailoverPolicy.make()

/** Who is asked one after the other, each of them left in his turn, and why nobody is any more. */
const inTurn = (index: number, name: Name, rule: FailoverPolicy.Policy = policy): string => {
  const left: Array<number> = []
  const failure = failureOf(name, proven, chain[index])
  for (;;) {
    const decision = FailoverPolicy.decide(rule, at(index, { left }), failure)
    if (!("index" in decision)) return [...left, word(decision)].join(" ")
    assert.notInclude(left, decision.index)
    left.push(decision.index)
  }
}

// ModelNotFound at opus goes to whom the app has named for it, whatever they share, and to nobody else.
const fromOpus = (name: Name): string => {
  if (name === "ContextOverflow") return "2 3 4 chain-exhausted"
  if (name === "ModelNotFound") return "5 6 chain-exhausted"
  return table[name][1] === "none" ? "reason-surfaces" : "1 chain-exhausted"
}

/** Whether the same model may be asked with another credential. */
const helps = (onward: (typeof table)[Name][1]): boolean =>
  ["any", "proven", "credential", "model with its credential"].includes(onward)

const fromGemini = (name: Name): string => {
  if (name === "ContextOverflow") return "3 4 chain-exhausted"
  const [here, onward] = table[name]
  if (onward === "none") return "reason-surfaces"
  if (here === "fresh") return "4 3 chain-exhausted"
  return helps(onward) ? "3 4 chain-exhausted" : "4 chain-exhausted"
}

const fromSpare = (name: Name): string => {
  const [, onward] = table[name]
  if (onward === "none") return "reason-surfaces"
  return helps(onward) ? "6 chain-exhausted" : "chain-exhausted"
}

describe("candidates that are named for one reason", () => {
  for (const name of names) {
    it(`${name}: whom it goes on to, from the chain and from whom is named`, () => {
      assert.strictEqual(inTurn(0, name), fromOpus(name))
      assert.strictEqual(inTurn(2, name), fromGemini(name))
      assert.strictEqual(inTurn(5, name), fromSpare(name))
    })
  }

  it("are asked one after the other, though what they are named for failed at who is not", () => {
    const gone = [{ index: 0, scope: "model", reason: "ModelNotFound" }] as const
    const revoked = failureOf("CredentialRevoked", proven, chain[5])
    assert.strictEqual(
      word(FailoverPolicy.decide(policy, at(5, { left: [0], failed: gone }), revoked)),
      "rotate to 6, proven"
    )
    const missing = failureOf("ModelNotFound", proven, chain[5])
    assert.strictEqual(word(FailoverPolicy.decide(policy, at(5, { left: [0] }), missing)), "chain-exhausted")
    const spared = [{ index: 5, scope: "model", reason: "ModelNotFound" }] as const
    assert.strictEqual(
      word(
        FailoverPolicy.decide(policy, at(0, { left: [5], failed: spared }), failureOf("ModelNotFound", proven, opus))
      ),
      "chain-exhausted"
    )
  })

  it("are not asked with what has failed before for another reason", () => {
    const blocked = [{ index: 3, scope: "provider", reason: "RegionBlocked" }] as const
    const long = failureOf("ContextOverflow", proven)
    assert.strictEqual(word(FailoverPolicy.decide(policy, at(0, { failed: blocked }), long)), "4, proven")
    const account = [{ index: 0, scope: "provider", reason: "RegionBlocked" }] as const
    const missing = failureOf("ModelNotFound", proven, opusOnBedrock)
    const asked = FailoverPolicy.decide(policy, at(1, { left: [0], failed: account }), missing)
    assert.strictEqual(word(asked), "chain-exhausted")
  })

  it("hold what failed at them against others, also where nobody knows any more what it was", () => {
    const state: FailoverPolicy.State = {
      ...at(0, { left: [2], failed: [{ index: 2, scope: "provider" }] }),
      chain: [gpt, opus, { ...opus, credential: "spare" }],
      reserved: [{ index: 2, reason: "ModelNotFound" }]
    }
    const failure = failureOf("RegionBlocked", proven, gpt)
    assert.strictEqual(word(FailoverPolicy.decide(policy, state, failure)), "chain-exhausted")
    assert.strictEqual(word(FailoverPolicy.decide(policy, { ...state, failed: [] }, failure)), "1, proven")
  })

  it("are within the swap rule like all others", () => {
    const never = FailoverPolicy.make({ swap: { start: "never" } })
    const sameModel = FailoverPolicy.make({ swap: { start: "same-model" } })
    for (const rule of [never, sameModel]) {
      assert.strictEqual(inTurn(0, "ContextOverflow", rule), "swap-denied")
      assert.strictEqual(inTurn(0, "InvalidRequest", rule), "reason-surfaces")
    }
    assert.strictEqual(inTurn(0, "ModelNotFound", never), "swap-denied")
    assert.strictEqual(inTurn(0, "ModelNotFound", sameModel), "5 6 chain-exhausted")
  })

  it("are asked in their order, whatever has become of each", () => {
    const factors = { 2: standings, 3: standings, 4: standings }
    let run = 0
    for (const of of cases(factors)) {
      run++
      const standing = [of[2], of[3], of[4]]
      const decision = FailoverPolicy.decide(
        policy,
        at(0, standingOf(standing, 2)),
        failureOf("ContextOverflow", proven)
      )
      assert.strictEqual(word(decision), firstOf(standing), standing.join(", "))
    }
    assert.strictEqual(run, size(factors))
    assert.strictEqual(run, 216)
  })
})

/** Who is asked of the three of the lane. */
const firstOf = (standing: ReadonlyArray<Standing>): string => {
  const open = standing.indexOf("open")
  if (open >= 0) return `${open + 2}, proven`
  for (const ms of [500, 5000] as const) {
    const cooling = standing.indexOf(`cools ${ms}`)
    if (cooling >= 0) return `wait ${ms}, ${cooling + 2}, proven`
  }
  return standing.includes("denied") ? "swap-denied" : "chain-exhausted"
}

const begin = (rule: FailoverPolicy.Policy, state: Partial<FailoverPolicy.State>) =>
  word(FailoverPolicy.begin(rule, at(0, { attempts: 0, ...state })))
const cools = (...forMs: ReadonlyArray<number | undefined>) => ({
  cooling: forMs.flatMap((ms, index) => (ms === undefined ? [] : [{ index, forMs: ms }]))
})

describe("a call begins", () => {
  it("where it stands, while that is not cooling down", () => {
    assert.strictEqual(begin(policy, {}), "0, proven")
    assert.strictEqual(begin(policy, { index: 1 }), "1, proven")
    assert.strictEqual(begin(policy, cools(undefined, 500)), "0, proven")
    assert.deepInclude(FailoverPolicy.begin(policy, at(0)), { _tag: "NextCandidate", candidate: opus, asks: false })
  })

  it("at the next that may be asked, and not at one that is there for a reason", () => {
    assert.strictEqual(begin(policy, cools(500)), "1, proven")
    assert.strictEqual(begin(policy, { index: 1, ...cools(undefined, 500) }), "0, proven")
    assert.strictEqual(begin(policy, { ...cools(500), spent: ["bedrock"] }), "wait 500, 0, proven")
    assert.strictEqual(begin(policy, { ...cools(500), unsuited: [1] }), "wait 500, 0, proven")
    assert.strictEqual(begin(policy, { ...cools(500), denied: [1] }), "wait 500, 0, proven")
  })

  it("at another candidate of the same model too, which is no rotation of what has not failed", () => {
    const twice = [opus, { ...opus, credential: "home" }] as const
    const decision = FailoverPolicy.begin(policy, at(0, { chain: twice, reserved: [], ...cools(500) }))
    assert.deepInclude(decision, { _tag: "NextCandidate", index: 1 })
  })

  it("when the one that is soonest may be asked, the first of equals", () => {
    assert.strictEqual(begin(policy, cools(500, 400)), "wait 400, 1, proven")
    assert.strictEqual(begin(policy, cools(400, 500)), "wait 400, 0, proven")
    assert.strictEqual(begin(policy, cools(500, 500)), "wait 500, 0, proven")
  })

  it("within the swap rule, which is asked where it asks", () => {
    for (const [rule, expected] of [
      ["never", "wait 500, 0, proven"],
      ["any", "1, proven"],
      ["ask", "1, proven"]
    ] as const) {
      assert.strictEqual(begin(policyWith(rule, "start"), cools(500)), expected)
      assert.strictEqual(begin(policyWith(rule, "mid"), { moment: "mid", ...cools(500) }), expected)
    }
    const toOthers = { chain: [opus, gpt] as const, reserved: [], ...cools(500) }
    assert.strictEqual(begin(policyWith("ask", "start"), toOthers), "1, proven, asks")
    assert.strictEqual(begin(policyWith("same-family", "start"), toOthers), "wait 500, 0, proven")
  })

  it("not at all where the soonest is too late for the call or for the policy", () => {
    assert.strictEqual(begin(policy, { ...cools(500, 900), leftMs: 501 }), "wait 500, 0, proven")
    assert.strictEqual(begin(policy, { ...cools(500, 900), leftMs: 500 }), "cooling-down")
    assert.strictEqual(begin(policy, cools(60_000, 60_001)), "wait 60000, 0, proven")
    assert.strictEqual(begin(policy, cools(60_001, 60_001)), "cooling-down")
  })
})

describe("another endpoint of the same provider", () => {
  it("is another candidate, and no rotation where the credential is the same", () => {
    for (const [credential, expected] of [
      ["work", "1, proven"],
      ["home", "rotate to 1, proven"]
    ] as const) {
      const here = { ...opus, credential: "work" }
      const state = at(0, { chain: [here, { ...opus, credential, endpoint: "eu.api.anthropic.com:443" }], from: here })
      const failure = failureOf("ConnectFailure", proven, here)
      assert.strictEqual(word(FailoverPolicy.decide(policy, { ...state, reserved: [] }, failure)), expected)
    }
  })
})
