/** A decision of an app's own, held to what no policy may do. */
import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "@holdfast/core/Decision"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import { chain, decideWith, short } from "./decideSituation.ts"
import { gpt, overloaded, stale, truncated, unsafe } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const own = (
  decision: Decision,
  state: Partial<FailoverPolicy.State> = {},
  failure = overloaded(),
  overrides: FailoverPolicy.Overrides = {}
) => decideWith(state, failure, { ...overrides, decide: () => decision })

const again = (delayMs: number): Decision => ({ _tag: "RetryHere", delayMs, fresh: false, ground: "proven" })
const to = (index: number): Decision => ({
  _tag: "NextCandidate",
  index,
  candidate: chain[0],
  ground: "proven",
  skipped: [{ candidate: chain[1], why: "unsuited" }]
})

describe("a decision of an app's own", () => {
  it("is taken where it keeps within the bounds", () => {
    assert.deepStrictEqual(own(again(7)), again(7))
    assert.deepStrictEqual(own(to(2)), { ...to(2), candidate: chain[2], asks: false } as Decision)
    assert.strictEqual(short(own({ _tag: "Surface", why: "reason-surfaces", skipped: [] })), "reason-surfaces")
  })

  it("surfaces where the verdict allows no replay, as what it is", () => {
    assert.strictEqual(short(own(again(0), {}, unsafe())), "unsafe")
    assert.strictEqual(short(own(to(2), {}, truncated({ declaration: "unknown" }))), "ambiguous")
  })

  it("is on the ground that the failure gives, whatever it says", () => {
    assert.deepStrictEqual(own(again(0), {}, stale()), { ...again(0), ground: "assumed" } as Decision)
    const assumed = truncated({ declaration: "unknown" })
    if (!Failure.isReplayAmbiguous(assumed)) return assert.fail("it is ambiguous")
    assert.deepInclude(own(to(2), {}, Failure.assumeSafe(assumed)), { ground: "assumed" })
  })

  it("waits for less than the call has, and for no negative time", () => {
    assert.strictEqual(short(own(again(10), { leftMs: 11 })), "again after 10")
    assert.strictEqual(short(own(again(10), { leftMs: 10 })), "deadline")
    for (const delayMs of [-1, Number.NaN]) assert.strictEqual(short(own(again(delayMs))), "deadline")
    assert.strictEqual(short(own(to(2), { leftMs: 1 })), "2")
  })

  it("surfaces where the attempts are spent, and where the turn was abandoned", () => {
    assert.strictEqual(short(own(again(0), { attempts: 3 }, overloaded(), { maxAttempts: 3 })), "attempts-spent")
    assert.strictEqual(short(own(again(0), { turn: "abandoned" })), "turn-invalid")
  })

  it("asks nobody whose provider's retry budget is spent", () => {
    assert.strictEqual(short(own(again(0), { spent: ["anthropic"] })), "budget-spent")
    assert.strictEqual(short(own(to(2), { spent: ["openai"] })), "budget-spent")
    assert.strictEqual(short(own(to(2), { spent: ["anthropic"] })), "2")
  })

  it("stays in the chain, and says whom it had passed over", () => {
    for (const index of [-1, 4]) {
      const decision = own(to(index))
      assert.deepStrictEqual(decision, {
        _tag: "Surface",
        why: "chain-exhausted",
        skipped: [{ candidate: chain[1], why: "unsuited" }]
      })
    }
  })

  it("keeps to the swap rule, and to what the app has said no to", () => {
    assert.strictEqual(short(own(to(2), {}, overloaded(), { swap: { start: "same-model" } })), "swap-denied")
    assert.strictEqual(short(own(to(2), { denied: [2] })), "swap-denied")
    assert.strictEqual(short(own(to(2), { denied: [3] })), "2")
  })

  it("asks the app where the swap rule leaves it to the app", () => {
    const swap = { start: { ask: () => Effect.succeed(true) } }
    assert.deepInclude(own(to(2), {}, overloaded(), { swap }), { index: 2, asks: true })
    assert.deepInclude(own(to(1), {}, overloaded(), { swap }), { index: 1, asks: false })
  })

  it("goes on with nobody that failed, was left or does not suit the call", () => {
    assert.strictEqual(short(own(to(0))), "chain-exhausted")
    assert.strictEqual(short(own(to(2), { left: [2] })), "chain-exhausted")
    assert.strictEqual(short(own(to(2), { unsuited: [2] })), "chain-exhausted")
    assert.strictEqual(short(own(to(2), { left: [1], unsuited: [3] })), "2")
  })

  it("asks those who are named for a reason for that reason alone, and from among themselves", () => {
    const reserved = [
      { index: 2, reason: "ContextOverflow" },
      { index: 3, reason: "ContextOverflow" }
    ] as const
    assert.strictEqual(short(own(to(2), { reserved })), "chain-exhausted")
    assert.strictEqual(short(own(to(1), { reserved })), "1")
    assert.strictEqual(short(own(to(3), { reserved, index: 2 }, overloaded({ candidate: gpt }))), "3")
    const overflown = Failure.make({
      reason: reasons.ContextOverflow,
      evidence: Evidence.unsent,
      candidate: chain[0],
      declaration: "repeatable"
    })
    assert.strictEqual(short(own(to(2), { reserved }, overflown)), "2")
  })

  it("waits for who is cooling down, and asks nobody who is", () => {
    const cooling = [{ index: 2, forMs: 10 }]
    assert.strictEqual(short(own(to(2), { cooling })), "cooling-down")
    assert.strictEqual(short(own(to(3), { cooling })), "3")
    const wait: Decision = { _tag: "Wait", delayMs: 10, index: 2, candidate: gpt, ground: "proven", skipped: [] }
    assert.strictEqual(short(own(wait, { cooling })), "2 after 10")
  })

  it("renews a credential only where that can be done", () => {
    const refresh: Decision = { _tag: "RefreshCredential", ground: "proven" }
    assert.strictEqual(short(own(refresh, { refreshable: true })), "refresh")
    assert.strictEqual(short(own(refresh)), "chain-exhausted")
  })

  it("asks nobody who is cooling down, whoever else is", () => {
    const cooling = [
      { index: 2, forMs: 10 },
      { index: 3, forMs: 10 }
    ]
    assert.strictEqual(short(own(to(2), { cooling })), "cooling-down")
  })

  it("leaves those who are named for a reason for one who is not", () => {
    const reserved = [{ index: 2, reason: "ContextOverflow" }] as const
    assert.strictEqual(short(own(to(1), { reserved, index: 2 }, overloaded({ candidate: gpt }))), "1")
  })

  it("hears of the deadline from the default's", () => {
    const heard: Array<string> = []
    for (const leftMs of [0, -1, 1]) {
      decideWith({ leftMs }, overloaded(), {
        decide: (_policy, _state, _failure, otherwise) => {
          heard.push(short(otherwise()))
          return otherwise()
        }
      })
    }
    assert.deepStrictEqual(heard, ["deadline", "deadline", "2"])
  })
})
