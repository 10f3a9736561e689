/** The laws of policies, tried on policies that keep them; and what is told of one that does not. */
import { assert, describe, it } from "@effect/vitest"
import { label } from "@holdfast/core/Candidate"
import type { Candidate } from "@holdfast/core/Candidate"
import { Decision } from "@holdfast/core/Decision"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schedule from "effect/Schedule"
import { candidates, situationIn, size, World } from "../src/internal/laws/policyWorld.ts"
import * as PolicyLaws from "../src/PolicyLaws.ts"

const surface: Decision = { _tag: "Surface", why: "reason-surfaces", skipped: [] }

const good: { readonly [policy: string]: FailoverPolicy.Overrides } = {
  "is the default": {},
  "swaps never": { swap: { start: "never", midTurn: "never" } },
  "asks before it swaps": {
    swap: {
      start: { ask: () => Effect.succeed(true), within: "same-family" },
      midTurn: { ask: () => Effect.succeed(false) }
    }
  },
  "tries once": { maxAttempts: 1 },
  "waits for nobody": { longestRetryAfterMs: 0 },
  "waits for a moment": { longestRetryAfterMs: 1000 },
  "retries for ever, within its attempts": { maxAttempts: 4, retry: { capacity: Schedule.forever } },
  "has a table of its own": {
    table: {
      StaleConnection: { same: "capacity", onward: "outside-scope" },
      Overloaded: { same: "never", onward: "next" },
      ContextOverflow: { same: "never", onward: "next" },
      ServerError: { same: "refresh", onward: "next-if-proven" },
      TlsFailure: { same: "never", onward: "surface" }
    }
  },
  "holds nothing against others": {
    table: Record.map(FailoverPolicy.defaults.table, (row) =>
      row.onward === "outside-scope" ? { ...row, onward: "next" } : row
    )
  },
  "has repaired what failed": {
    decide: (policy, state, failure) =>
      FailoverPolicy.decide({ ...policy, decide: FailoverPolicy.defaults.decide }, { ...state, failed: [] }, failure)
  },
  "gives up on some failures by itself": {
    decide: (_policy, _state, { reason }, otherwise) => (reason._tag === "Overloaded" ? surface : otherwise())
  },
  "takes longer than its schedule": {
    decide: (_policy, { leftMs = 60_000 }, _failure, otherwise) => {
      const decision = otherwise()
      return decision._tag === "RetryHere"
        ? { ...decision, delayMs: Math.min(2 * decision.delayMs, leftMs / 2) }
        : decision
    }
  },
  "goes elsewhere rather than to ask again": {
    decide: (policy, state, failure, otherwise) => {
      const decision = otherwise()
      if (decision._tag !== "RetryHere") return decision
      const onward = FailoverPolicy.decide(
        { ...policy, decide: FailoverPolicy.defaults.decide },
        { ...state, retryDelayMs: undefined },
        failure
      )
      return onward._tag === "NextCandidate" ? onward : decision
    }
  }
}

describe("a policy that", () => {
  for (const [name, overrides] of Object.entries(good)) {
    it.effect(`${name} keeps all laws`, () =>
      Effect.gen(function* () {
        const violations = yield* PolicyLaws.check(FailoverPolicy.make(overrides))
        assert.deepStrictEqual(violations.map(PolicyLaws.format), [])
      })
    )
  }

  it.effect("may be replaced while it is in force keeps all laws", () =>
    Effect.gen(function* () {
      const policy = FailoverPolicy.live(() => FailoverPolicy.defaults)
      assert.deepStrictEqual((yield* PolicyLaws.check(policy, { runs: 200 })).map(PolicyLaws.format), [])
    })
  )
})

/** Goes back to whom it has left. */
const forgetful = FailoverPolicy.make({
  decide: (policy, state, failure) =>
    FailoverPolicy.decide({ ...policy, decide: FailoverPolicy.defaults.decide }, { ...state, left: [] }, failure)
})

const unaided = "keeps the bounds by itself"
const laws = PolicyLaws.laws.filter(({ name }) => name === unaided)

describe("what is told of a violation", () => {
  it.effect("is the smallest call that was found, with what was decided", () =>
    Effect.gen(function* () {
      const [violation, ...others] = yield* PolicyLaws.check(forgetful, { laws })
      assert.deepStrictEqual(others, [])
      if (violation === undefined) return assert.fail("nothing was found")
      const { decision, law, state, what } = violation
      assert.strictEqual(law, unaided)
      assert.strictEqual(what, "by itself, goes on with a candidate that was left; that became chain-exhausted")
      assert.strictEqual(state.chain.length, 2)
      assert.strictEqual(state.left.length, 1)
      assert.deepStrictEqual(
        [state.denied, state.unsuited, state.cooling, state.reserved, state.spent],
        [[], [], [], [], []]
      )
      assert.strictEqual(decision !== undefined && "index" in decision ? decision.index : "nobody", state.left[0])
      assert.isAtLeast(violation.runs, 1)
    })
  )

  it.effect("is written in a few lines for a person", () =>
    Effect.gen(function* () {
      const [violation] = yield* PolicyLaws.check(forgetful, { laws })
      if (violation === undefined) return assert.fail("nothing was found")
      const lines = PolicyLaws.format(violation).split("\n")
      assert.strictEqual(lines[0], `The policy ${violation.what}.`)
      assert.strictEqual(lines[1], `Law: ${unaided}`)
      assert.match(lines[2] ?? "", /^Failure: .+, declared \w+/)
      assert.match(lines[3] ?? "", /^Chain: .*\([\w.-]+\/[\w.-]+.*\)/)
      assert.match(lines[4] ?? "", /^State: \{"index":\d/)
      assert.match(lines[5] ?? "", /^Decision: \{"_tag":/)
    })
  )

  it.effect("is the same for the same seed, and may be another for another", () =>
    Effect.gen(function* () {
      const [once, twice] = [
        yield* PolicyLaws.check(forgetful, { laws, seed: 7 }),
        yield* PolicyLaws.check(forgetful, { laws, seed: 7 })
      ]
      assert.strictEqual(JSON.stringify(once), JSON.stringify(twice))
      const runs = new Set<number | undefined>()
      for (const seed of [7, 8, 9, 10]) runs.add((yield* PolicyLaws.check(forgetful, { laws, seed }))[0]?.runs)
      assert.isAbove(runs.size, 1)
    })
  )
})

describe("laws are tried", () => {
  it.effect("as often as is asked", () =>
    Effect.gen(function* () {
      let asked = 0
      const once = PolicyLaws.laws.filter(({ name }) => name === "decides on every failure")
      const decide: FailoverPolicy.Decide = (_policy, _state, _failure, otherwise) => {
        asked++
        return otherwise()
      }
      for (const [runs, times] of [
        [25, 25],
        [undefined, 2000]
      ] as const) {
        asked = 0
        yield* PolicyLaws.check(FailoverPolicy.make({ decide }), {
          laws: once,
          ...(runs === undefined ? {} : { runs })
        })
        assert.strictEqual(asked, 2 * times, "guarded, and by itself")
      }
    })
  )

  it.effect("one by one, and those alone that are chosen", () =>
    Effect.gen(function* () {
      const broken = (yield* PolicyLaws.check(forgetful)).map(({ law }) => law)
      assert.strictEqual(broken[0], unaided)
      const others = PolicyLaws.laws.filter(({ name }) => !broken.includes(name))
      assert.isAtLeast(others.length, 10)
      assert.deepStrictEqual(yield* PolicyLaws.check(forgetful, { laws: others }), [])
    })
  )

  it.effect("among the candidates that are given", () =>
    Effect.gen(function* () {
      const mine: readonly [Candidate, Candidate] = [
        { provider: "here", model: "small" },
        { provider: "there", model: "large" }
      ]
      const seen = new Set<string>()
      const decide: FailoverPolicy.Decide = (_policy, { chain }, _failure, otherwise) => {
        for (const candidate of chain) seen.add(label(candidate))
        return otherwise()
      }
      yield* PolicyLaws.check(FailoverPolicy.make({ decide }), { candidates: mine, runs: 50 })
      assert.sameMembers([...seen], mine.map(label))
    })
  )

  it.effect("of an app's own, too", () =>
    Effect.gen(function* () {
      const thrifty = PolicyLaws.law("is thrifty", "Nobody goes on to gpt.", (_policy, { state }, decision) =>
        "index" in decision && state.chain[decision.index]?.provider === "openai" ? "goes on to gpt" : undefined
      )
      const [violation, ...others] = yield* PolicyLaws.check(FailoverPolicy.make(), {
        laws: [thrifty, ...PolicyLaws.laws]
      })
      assert.deepStrictEqual(others, [])
      assert.deepInclude(violation, { law: "is thrifty", what: "goes on to gpt" })
      const policy = FailoverPolicy.make({
        decide: (_policy, _state, _failure, otherwise) => {
          const decision = otherwise()
          return "candidate" in decision && decision.candidate.provider === "openai" ? surface : decision
        }
      })
      assert.isUndefined(yield* thrifty.check(policy))
    })
  )

  it("have names that differ, and say what they demand", () => {
    assert.strictEqual(new Set(PolicyLaws.laws.map(({ name }) => name)).size, PolicyLaws.laws.length)
    assert.isTrue(PolicyLaws.laws.every(({ says }) => says.endsWith(".")))
  })

  it.effect("on calls of every kind: each decision there is comes, and each reason to give up", () =>
    Effect.gen(function* () {
      const seen = new Map<string, number>()
      const policy = FailoverPolicy.make()
      const note = (word: string) => seen.set(word, (seen.get(word) ?? 0) + 1)
      const look = (world: World) => {
        const { failure, state } = situationIn(world, policy, candidates)
        const decision = FailoverPolicy.decide(policy, state, failure)
        note(decision._tag)
        if (decision._tag === "Surface") note(decision.why)
        return true
      }
      yield* Arbitrary.checkEffect(Arbitrary.schema(World), look, { runs: 2000, seed: "holdfast", size })
      const tags = Decision.members.map(({ fields }) => fields._tag.schema.literal)
      const whys = Decision.members.flatMap((member) => ("why" in member.fields ? member.fields.why.literals : []))
      assert.strictEqual(whys.length, 10)
      assert.sameMembers([...seen.keys()], [...tags, ...whys])
      for (const [word, times] of seen) assert.isAtLeast(times, 5, word)
    })
  )
})
