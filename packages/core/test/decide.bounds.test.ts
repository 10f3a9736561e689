/** What bounds a decision besides verdict and table: time, retry budgets, cooldowns, what the app does not want. */
import { assert, describe, it } from "@effect/vitest"
import * as Evidence from "@holdfast/core/Evidence"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { chain, decideWith, passedOver, short, stateWith } from "./decideSituation.ts"
import { overloaded, stale, truncated, unauthorized, unsafe } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const all = (forMs: number) => chain.map((_, index) => ({ index, forMs }))

const [opusHere] = chain

const begin = (more: Partial<FailoverPolicy.State>, overrides: FailoverPolicy.Overrides = {}) =>
  FailoverPolicy.begin(FailoverPolicy.make(overrides), stateWith({ attempts: 0, ...more }))

describe("the time that is left", () => {
  it("surfaces when there is none, whatever else could be done", () => {
    for (const leftMs of [0, -1, Number.NaN]) assert.strictEqual(short(decideWith({ leftMs })), "deadline")
    assert.strictEqual(short(decideWith({ leftMs: 1 })), "2")
  })

  it("is enough for a retry that begins before it ends, and not for one that begins when it does", () => {
    assert.strictEqual(short(decideWith({ leftMs: 1001, retryDelayMs: 1000 })), "again after 1000")
    assert.strictEqual(short(decideWith({ leftMs: 1000, retryDelayMs: 1000 })), "2")
  })

  it("is why nothing follows, where a retry would have but for it and nobody else is left", () => {
    const decision = decideWith({ leftMs: 1000, retryDelayMs: 1000, left: [1, 2, 3] })
    assert.strictEqual(short(decision), "deadline")
    assert.strictEqual(short(decideWith({ leftMs: 1000, left: [1, 2, 3] })), "chain-exhausted")
  })
})

describe("a spent retry budget", () => {
  it("keeps the candidate from being asked again, and others of the provider", () => {
    const decision = decideWith({ spent: ["anthropic"], retryDelayMs: 0 }, stale())
    assert.strictEqual(short(decision), "2")
    assert.deepStrictEqual(passedOver(decision), [[1, "budget-spent"]])
  })

  it("of another provider keeps nobody but its own", () => {
    assert.strictEqual(short(decideWith({ spent: ["openai"], retryDelayMs: 0 }, stale())), "again after 0")
    assert.strictEqual(short(decideWith({ spent: ["openai"] })), "3")
  })

  it("is why nothing follows, where that is so", () => {
    assert.strictEqual(
      short(decideWith({ spent: ["anthropic"], retryDelayMs: 0, left: [1, 2, 3] }, stale())),
      "budget-spent"
    )
    assert.strictEqual(short(decideWith({ spent: ["openai", "google"] })), "budget-spent")
  })

  it("comes behind a denied swap as the reason for which nothing follows", () => {
    assert.strictEqual(short(decideWith({ spent: ["openai"], denied: [3] })), "swap-denied")
  })
})

describe("a credential that was not accepted", () => {
  it("is renewed, where that can be done, before anything else", () => {
    assert.deepStrictEqual(decideWith({ refreshable: true }, unauthorized()), {
      _tag: "RefreshCredential",
      ground: "proven"
    })
  })

  it("is left for the next one, where it cannot be, or where its provider's budget is spent", () => {
    assert.strictEqual(short(decideWith({}, unauthorized())), "rotate to 1")
    assert.strictEqual(short(decideWith({ refreshable: false }, unauthorized())), "rotate to 1")
    assert.strictEqual(short(decideWith({ refreshable: true, spent: ["anthropic"] }, unauthorized())), "2")
  })

  it("is not what a failure of another class is about", () => {
    assert.strictEqual(short(decideWith({ refreshable: true })), "2")
  })
})

describe("candidates that cool down", () => {
  it("are passed over for one that does not", () => {
    const decision = decideWith({ cooling: [{ index: 2, forMs: 10 }] })
    assert.strictEqual(short(decision), "3")
    assert.deepStrictEqual("skipped" in decision ? decision.skipped.at(-1) : undefined, {
      candidate: chain[2],
      why: "cooling-down",
      forMs: 10
    })
  })

  it("are waited for, the soonest of them, where there is nobody else", () => {
    const cooling = [
      { index: 1, forMs: 30 },
      { index: 2, forMs: 10 },
      { index: 3, forMs: 20 }
    ]
    const decision = decideWith({ cooling }, truncated())
    assert.deepStrictEqual(decision, {
      _tag: "Wait",
      delayMs: 10,
      index: 2,
      candidate: chain[2],
      asks: false,
      ground: "assumed",
      skipped: [
        { candidate: chain[1], why: "cooling-down", forMs: 30 },
        { candidate: chain[2], why: "cooling-down", forMs: 10 },
        { candidate: chain[3], why: "cooling-down", forMs: 20 }
      ]
    })
  })

  it("are waited for as long as the policy has it, and no longer", () => {
    const policy = { longestRetryAfterMs: 50 }
    assert.strictEqual(short(decideWith({ cooling: all(50) }, truncated(), policy)), "1 after 50")
    assert.strictEqual(short(decideWith({ cooling: all(51) }, truncated(), policy)), "cooling-down")
  })

  it("are waited for as long as the call has, and not until its end, whatever a call without a deadline waits", () => {
    const policy = { longestRetryAfterMs: 1 }
    assert.strictEqual(short(decideWith({ cooling: all(50), leftMs: 51 }, truncated(), policy)), "1 after 50")
    assert.strictEqual(short(decideWith({ cooling: all(90_000), leftMs: 90_001 }, truncated())), "1 after 90000")
    assert.strictEqual(short(decideWith({ cooling: all(50), leftMs: 51 }, truncated())), "1 after 50")
    assert.strictEqual(short(decideWith({ cooling: all(50), leftMs: 50 }, truncated())), "cooling-down")
  })

  it("are not waited for where the policy waits for nobody", () => {
    const policy = { longestRetryAfterMs: 0 }
    assert.strictEqual(short(decideWith({ cooling: all(1) }, truncated(), policy)), "cooling-down")
    assert.strictEqual(short(decideWith({ cooling: all(1), leftMs: 100 }, truncated(), policy)), "cooling-down")
  })

  it("are not waited for where the swap rule does not allow them at all", () => {
    const decision = decideWith({ cooling: all(10), left: [1] }, truncated(), { swap: { start: "never" } })
    assert.strictEqual(short(decision), "swap-denied")
  })
})

describe("where a call begins", () => {
  it("is at its own candidate, where that is not cooling down", () => {
    const here = { _tag: "NextCandidate", candidate: opusHere, ground: "proven", asks: false, skipped: [] } as const
    assert.deepStrictEqual(begin({}), { ...here, index: 0 })
    assert.deepStrictEqual(begin({ cooling: [{ index: 1, forMs: 10 }] }), { ...here, index: 0 })
    assert.deepStrictEqual(begin({ index: 2, cooling: [{ index: 0, forMs: 10 }] }), {
      ...here,
      index: 2,
      candidate: chain[2]
    })
  })

  it("is at the next that is not, whatever it shares with the first", () => {
    const decision = begin({ cooling: [{ index: 0, forMs: 10 }] })
    assert.deepInclude(decision, { _tag: "NextCandidate", index: 1, ground: "proven" })
    assert.deepStrictEqual(passedOver(decision), [[0, "cooling-down"]])
    const more = [
      { index: 0, forMs: 10 },
      { index: 1, forMs: 10 }
    ]
    assert.strictEqual(short(begin({ cooling: more })), "2")
  })

  it("is where it will be asked soonest, where all are", () => {
    assert.strictEqual(short(begin({ cooling: all(10) })), "0 after 10")
    assert.strictEqual(short(begin({ cooling: all(70_000) })), "cooling-down")
  })

  it("is at no candidate that is named for a reason", () => {
    const reserved = [{ index: 1, reason: "ContextOverflow" }] as const
    const decision = begin({ cooling: [{ index: 0, forMs: 10 }], reserved })
    assert.strictEqual(short(decision), "2")
    assert.deepStrictEqual(passedOver(decision), [
      [0, "cooling-down"],
      [1, "other-reason"]
    ])
  })
})

describe("what the app does not want, and what does not suit the call", () => {
  it("is passed over", () => {
    const decision = decideWith({ denied: [2], unsuited: [1] }, truncated())
    assert.strictEqual(short(decision), "3")
    assert.deepStrictEqual(passedOver(decision), [
      [1, "unsuited"],
      [2, "swap-denied"]
    ])
  })

  it("is why nothing follows, where the app wanted none of them", () => {
    assert.strictEqual(short(decideWith({ denied: [1, 2, 3] }, overloaded())), "swap-denied")
    assert.strictEqual(short(decideWith({ unsuited: [1, 2, 3] }, truncated())), "chain-exhausted")
  })
})

describe("a decision says what it says and no more", () => {
  it("where it surfaces at once", () => {
    assert.deepStrictEqual(decideWith({}, unsafe()), { _tag: "Surface", why: "unsafe", skipped: [] })
  })

  it("where it goes on because a retry would come too late", () => {
    const decision = decideWith({ leftMs: 1000, retryDelayMs: 1000 }, stale())
    assert.deepStrictEqual(decision, {
      _tag: "NextCandidate",
      index: 2,
      candidate: chain[2],
      ground: "assumed",
      asks: false,
      skipped: []
    })
  })

  it("where a call begins with a model that the app is to be asked about", () => {
    const swap = { start: { ask: () => Effect.succeed(true) } }
    const cooling = [{ index: 0, forMs: 10 }]
    assert.deepInclude(begin({ cooling }, { swap }), { index: 1, asks: false })
    assert.deepInclude(begin({ cooling, left: [1] }, { swap }), { index: 2, asks: true })
  })
})

describe("what has failed", () => {
  it("is shared by every candidate, where it is the request", () => {
    const failure = Failure.make({
      reason: reasons.InvalidRequest,
      evidence: Evidence.unsent,
      candidate: opusHere,
      declaration: "repeatable"
    })
    const table = { InvalidRequest: { same: "never", onward: "outside-scope" } } as const
    const decision = decideWith({}, failure, { table })
    assert.strictEqual(short(decision), "chain-exhausted")
    assert.deepStrictEqual(passedOver(decision), [
      [1, "same-scope"],
      [2, "same-scope"],
      [3, "same-scope"]
    ])
  })

  it("is a credential that is rotated only where provider and model stay", () => {
    const first = { provider: "here", model: "a", credential: "one" }
    const tagOf = (second: typeof first) =>
      decideWith({ chain: [first, second], from: first }, truncated({ candidate: first }))._tag
    assert.strictEqual(tagOf({ ...first, credential: "two" }), "RotateCredential")
    assert.strictEqual(tagOf(first), "NextCandidate")
    assert.strictEqual(tagOf({ ...first, model: "b", credential: "two" }), "NextCandidate")
    assert.strictEqual(tagOf({ ...first, provider: "there", credential: "two" }), "NextCandidate")
  })
})

describe("a failure from a journal", () => {
  it("that says of itself that it was assumed safe is still what its class says", () => {
    for (const failure of [unsafe(), truncated({ declaration: "unknown" })]) {
      const written = Schema.encodeSync(Failure.Failure)(failure)
      const read = Schema.decodeUnknownSync(Failure.Failure)({ ...written, assumed: true })
      assert.strictEqual(short(decideWith({}, read)), failure.verdict.toLowerCase())
    }
  })
})
