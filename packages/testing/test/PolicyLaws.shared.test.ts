/** The law that nobody is asked who shares what failed, on calls made by hand. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import type { CallState } from "@holdfast/core/CallState"
import type { Decision } from "@holdfast/core/Decision"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Reason from "@holdfast/core/Reason"
import * as Effect from "effect/Effect"
import * as PolicyLaws from "../src/PolicyLaws.ts"

const name = "passes over who shares what failed"
const laws = PolicyLaws.laws.filter((each) => each.name === name)

const opus: Candidate = { provider: "anthropic", model: "opus", credential: "work", endpoint: "a" }
const chain = [
  opus,
  { provider: "openai", model: "gpt", credential: "work" },
  { ...opus, model: "haiku" },
  { ...opus, credential: "home", endpoint: "b" },
  { provider: "local", model: "llama" }
] as const satisfies ReadonlyArray<Candidate>

const overloaded = new Reason.Overloaded({ rule: "a-rule", status: 529 })

/** The second candidate failed, after the first. */
const findIn = (
  next: number,
  failed: CallState["failed"],
  {
    also = {},
    policy = FailoverPolicy.make(),
    reason = overloaded,
    wait = false
  }: {
    readonly also?: Partial<CallState>
    readonly policy?: FailoverPolicy.Policy
    readonly reason?: Reason.Reason
    readonly wait?: boolean
  } = {}
): string | undefined => {
  const state: CallState = {
    chain,
    index: 1,
    left: [0],
    ...(failed === undefined ? undefined : { failed }),
    attempts: 2,
    retryDelayMs: undefined,
    moment: "start",
    from: opus,
    ...also
  }
  const failure = Failure.make({
    reason,
    evidence: Evidence.unsent,
    candidate: state.chain[state.index] ?? opus,
    declaration: "repeatable"
  })
  const candidate = chain[next] ?? opus
  const to = { index: next, candidate, ground: "proven", asks: false, skipped: [] } as const
  const decide = (): Decision =>
    wait ? { _tag: "Wait", delayMs: 5, ...to } : { _tag: next === 3 ? "RotateCredential" : "NextCandidate", ...to }
  const found = laws.map((law) => law.find({ policy, decide }, { state, failure })?.what)
  assert.lengthOf(found, 1)
  return found[0]
}

const others = [2, 3, 4] as const
const names = { 2: "anthropic/haiku@work", 3: "anthropic/opus@home", 4: "local/llama" } as const

const goesOn = (next: keyof typeof names, what: string, where = "one that was left") =>
  `goes on with ${names[next]}, who shares the ${what} that failed at ${where}`

describe("the law of what failed", () => {
  for (const [scope, reason, ...who] of [
    ["credential", "BillingExhausted", 2],
    ["endpoint", "ConnectFailure", 2],
    ["model", "Overloaded", 3],
    // It is counted for each account.
    ["model", "RateLimited"],
    ["model", undefined, 3],
    ["provider", "RegionBlocked", 2, 3]
  ] as const) {
    it(`holds against others that they share the ${scope} of ${reason ?? "who knows what"}`, () => {
      const mark = { index: 0, scope, ...(reason === undefined ? undefined : { reason }) }
      for (const next of others) {
        const expected = who.some((each) => each === next) ? goesOn(next, scope) : undefined
        assert.strictEqual(findIn(next, [mark]), expected)
        assert.strictEqual(findIn(next, [mark], { wait: true }), expected, "waiting for him is no better")
      }
    })
  }

  it("takes an endpoint that is not known for the provider's", () => {
    const mark = { index: 1, scope: "endpoint", reason: "ConnectFailure" } as const
    const somewhere: Candidate = { provider: "anthropic", model: "haiku" }
    const also: Partial<CallState> = { index: 0, left: [1], chain: [opus, somewhere, ...chain.slice(2)] }
    assert.strictEqual(findIn(3, [mark], { also }), goesOn(3, "endpoint"))
    assert.isUndefined(findIn(4, [mark], { also }))
  })

  it("does not take what has the same name at another provider for the same", () => {
    const also: Partial<CallState> = {
      index: 4,
      chain: [opus, { provider: "bedrock", model: "opus", credential: "work", endpoint: "c" }, ...chain.slice(2)]
    }
    for (const scope of ["credential", "model", "endpoint", "provider"] as const) {
      assert.isUndefined(findIn(1, [{ index: 0, scope }], { also }), scope)
    }
    assert.isDefined(findIn(1, [{ index: 0, scope: "request" }], { also }))
  })

  it("holds what has just failed against others like what failed before", () => {
    const reason = new Reason.CredentialRevoked({ rule: "a-rule", status: 401 })
    const also = { index: 0, left: [1] }
    assert.strictEqual(findIn(2, undefined, { also, reason }), goesOn(2, "credential", "the last one"))
    assert.isUndefined(findIn(3, undefined, { also, reason }))
  })

  it("holds nothing against others where the table does not send the call outside it", () => {
    const reason = new Reason.CredentialRevoked({ rule: "a-rule", status: 401 })
    const mark = { index: 0, scope: "credential", reason: "CredentialRevoked" } as const
    for (const onward of ["next", "next-if-proven", "surface"] as const) {
      const policy = FailoverPolicy.make({ table: { CredentialRevoked: { same: "never", onward } } })
      assert.isUndefined(findIn(2, [mark], { policy }), onward)
      assert.isUndefined(findIn(2, undefined, { policy, reason, also: { index: 0, left: [1] } }), onward)
      // Nobody knows any more what it was.
      assert.strictEqual(findIn(2, [{ index: 0, scope: "credential" }], { policy }), goesOn(2, "credential"), onward)
    }
  })

  it("lets those be asked who are named for what failed, and not for anything else", () => {
    const reason = new Reason.ModelNotFound({ rule: "a-rule", status: 404 })
    const gone = { index: 0, scope: "model", reason: "ModelNotFound" } as const
    const blocked = { index: 0, scope: "provider", reason: "RegionBlocked" } as const
    const named = [{ index: 3, reason: "ModelNotFound" }] as const
    const lane = [{ index: 1, reason: "ModelNotFound" }, ...named] as const
    // Of what has just failed: that is why he is named. Whatever else failed before is no better for it.
    assert.isUndefined(findIn(3, undefined, { reason, also: { index: 0, left: [1], reserved: named } }))
    assert.isUndefined(findIn(3, [gone], { reason, also: { reserved: named } }))
    assert.strictEqual(findIn(3, [gone, blocked], { reason, also: { reserved: named } }), goesOn(3, "provider"))
    // Of what failed before, when another who is named for it has been asked.
    assert.isUndefined(findIn(3, [gone], { also: { reserved: lane } }))
    assert.strictEqual(findIn(3, [gone, blocked], { also: { reserved: lane } }), goesOn(3, "provider"))
    // Of what one failed who is named for it himself.
    const first = [{ index: 0, reason: "ModelNotFound" }, ...named] as const
    assert.strictEqual(findIn(3, [gone], { also: { reserved: first } }), goesOn(3, "model"))
    const overflown = [{ index: 3, reason: "ContextOverflow" }] as const
    assert.strictEqual(findIn(3, [gone], { also: { reserved: overflown } }), goesOn(3, "model"))
  })

  it.effect("leaves a function of the policy's own alone, though not what the function leaves to the table", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      const policy = FailoverPolicy.make({
        decide: (policy, state, failure) => {
          told.push(state.index)
          const { decide } = FailoverPolicy.defaults
          return FailoverPolicy.decide({ ...policy, decide }, { ...state, failed: [] }, failure)
        }
      })
      assert.deepStrictEqual(yield* PolicyLaws.check(policy, { laws }), [])
      assert.isEmpty(told)
      const [violation] = yield* PolicyLaws.check(policy, {
        laws,
        decide: (each, state, failure) => FailoverPolicy.decide(each, { ...state, failed: [] }, failure)
      })
      assert.strictEqual(violation?.law, name)
    })
  )

  it.effect("is shown broken by a call that was made small: of those left there is one, and what failed at it", () =>
    Effect.gen(function* () {
      const [violation] = yield* PolicyLaws.check(FailoverPolicy.make(), {
        laws,
        decide: (policy, state, failure) => FailoverPolicy.decide(policy, { ...state, failed: [] }, failure)
      })
      if (violation === undefined) return assert.fail("nothing was found")
      const { cooling, denied, failed, left, reserved, spent, unsuited } = violation.state
      assert.deepStrictEqual([cooling, denied, reserved, spent, unsuited], [[], [], [], [], []])
      assert.lengthOf(left, 1)
      assert.deepStrictEqual(
        failed?.map(({ index }) => index),
        [...left]
      )
    })
  )
})
