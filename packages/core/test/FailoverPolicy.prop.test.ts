/** What a decision keeps to, whatever the policy, the chain, the call's history and the failure. */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@holdfast/core/Decision"
import * as Failure from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as SwapRule from "@holdfast/core/SwapRule"
import * as Schema from "effect/Schema"
import { AnyChain, AnyFault, AnyPolicy, failureAt, mayBeReplayed, overridesOf } from "./policyWorld.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

const world = {
  policy: AnyPolicy,
  chain: AnyChain,
  fault: AnyFault,
  /** Taken modulo the chain's length, as are the places left. */
  index: upTo(5),
  from: upTo(5),
  left: Schema.Array(upTo(5)).check(Schema.isMaxLength(5)),
  attempts: upTo(14),
  retryDelayMs: Schema.optional(upTo(60_000)),
  moment: Schema.Literals(["start", "mid"])
}

type World = { readonly [K in keyof typeof world]: (typeof world)[K]["Type"] }

/** A decision and all it was made from. */
const decide = (given: World) => {
  const { chain, fault, attempts, moment, retryDelayMs } = given
  const place = (i: number) => i % chain.length
  const policy = FailoverPolicy.make(overridesOf(given.policy))
  const index = place(given.index)
  const left = given.left.map(place).filter((each) => each !== index)
  const from = chain[place(given.from)] ?? chain[0]
  const state: FailoverPolicy.State = { chain, index, left, attempts, retryDelayMs, moment, from }
  const failure = failureAt(chain[index] ?? chain[0], fault)
  return { policy, state, failure, decision: FailoverPolicy.decide(policy, state, failure) }
}

const runs = { arbitrary: { runs: 2000, seed: 20261121 } }

describe("decide", () => {
  it.prop(
    "has a decision for every state and failure, which its schema knows",
    world,
    (given) => {
      const { decision } = decide(given)
      assert.deepStrictEqual(Schema.decodeSync(Decision.Decision)(decision), decision)
    },
    runs
  )

  it.prop(
    "decides the same for the same, and changes nothing it is given",
    world,
    (given) => {
      const { policy, state, failure, decision } = decide(given)
      const before = structuredClone(state)
      assert.deepStrictEqual(FailoverPolicy.decide(policy, state, failure), decision)
      assert.deepStrictEqual(state, before)
    },
    runs
  )

  it.prop(
    "replays nothing that verdict and declaration do not allow, and says on what ground it replays",
    world,
    (given) => {
      const { failure, decision } = decide(given)
      if (decision._tag === "Surface") return
      assert.isTrue(mayBeReplayed(failure))
      const proven = failure._tag === "ReplaySafe" && !failure.assumed
      assert.strictEqual(decision.ground, proven ? "proven" : "assumed")
    },
    runs
  )

  it.prop(
    "surfaces every unsafe failure as unsafe",
    { ...world, fault: AnyFault },
    (given) => {
      const { failure, decision } = decide({ ...given, fault: { ...given.fault, exposure: "tool-call" } })
      assert.isTrue(Failure.isReplayUnsafe(failure))
      assert.deepStrictEqual(decision, { _tag: "Surface", why: "unsafe", skipped: [] })
    },
    runs
  )

  it.prop(
    "surfaces every ambiguous failure of a call that is not repeatable as ambiguous",
    world,
    (given) => {
      const { failure, decision } = decide({ ...given, fault: { ...given.fault, assumed: false } })
      if (failure._tag !== "ReplayAmbiguous" || failure.declaration === "repeatable") return
      assert.deepStrictEqual(decision, { _tag: "Surface", why: "ambiguous", skipped: [] })
    },
    runs
  )

  it.prop(
    "never leaves the chain: whom it names stands at the place it names",
    world,
    (given) => {
      const { state, decision } = decide(given)
      if ("index" in decision) assert.strictEqual(decision.candidate, state.chain[decision.index])
      if ("skipped" in decision) {
        for (const { candidate } of decision.skipped) assert.isTrue(state.chain.includes(candidate))
      }
    },
    runs
  )

  it.prop(
    "never goes on to the candidate that failed, nor to one that was left",
    world,
    (given) => {
      const { state, decision } = decide(given)
      if (!("index" in decision)) return
      assert.notStrictEqual(decision.index, state.index)
      assert.notInclude(state.left, decision.index)
    },
    runs
  )

  it.prop(
    "never breaks the swap rule of the moment",
    world,
    (given) => {
      const { policy, state, decision } = decide(given)
      if (!("index" in decision)) return
      const rule = state.moment === "start" ? policy.swap.start : policy.swap.midTurn
      assert.isTrue(SwapRule.meets(rule, state.from, decision.candidate) === "yes")
    },
    runs
  )

  it.prop(
    "never exceeds the most attempts",
    world,
    (given) => {
      const { policy, state, decision } = decide(given)
      if (decision._tag !== "Surface") assert.isBelow(state.attempts, policy.maxAttempts)
    },
    runs
  )

  it.prop(
    "asks the same candidate again only when its schedule allows, and then after the schedule's delay",
    world,
    (given) => {
      const { policy, state, failure, decision } = decide(given)
      if (decision._tag !== "RetryHere") return
      const { same } = policy.table[failure.reason._tag]
      assert.notStrictEqual(same, "never")
      assert.strictEqual(decision.delayMs, state.retryDelayMs)
      assert.strictEqual(decision.fresh, same === "connection")
    },
    runs
  )

  it.prop(
    "overlooks nobody: where it gives up for want of candidates, each was left, failed or was passed over for a reason",
    world,
    (given) => {
      const { state, decision } = decide(given)
      if (decision._tag !== "Surface" || !["chain-exhausted", "swap-denied"].includes(decision.why)) return
      for (const [index, candidate] of state.chain.entries()) {
        const accounted =
          index === state.index ||
          state.left.includes(index) ||
          decision.skipped.some((each) => each.candidate === candidate)
        assert.isTrue(accounted, `${index} of ${state.chain.length}`)
      }
    },
    runs
  )
})
