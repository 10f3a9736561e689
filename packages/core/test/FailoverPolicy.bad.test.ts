/** Policies whose numbers make no sense: everything wrong at once, each at its place. */
import { assert, describe, it } from "@effect/vitest"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Hold from "@holdfast/core/Hold"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

const ask = () => Effect.succeed(true)

const placesOf = (overrides: FailoverPolicy.Overrides): ReadonlyArray<string> =>
  Result.match(FailoverPolicy.check(overrides), {
    onSuccess: () => [],
    onFailure: ({ problems }) => problems.map(({ place }) => place)
  })

const problemsOf = (overrides: FailoverPolicy.Overrides) =>
  Result.match(FailoverPolicy.check(overrides), { onSuccess: () => [], onFailure: ({ problems }) => problems })

const day = 86_400_000

describe("a policy", () => {
  it("is taken at the bounds of what it may be, and not beyond", () => {
    const swap = { start: { ask, limitMs: 1 }, midTurn: "never" } as const
    for (const longestRetryAfterMs of [0, day]) {
      assert.deepStrictEqual(problemsOf({ maxAttempts: 1, longestRetryAfterMs, swap }), [])
    }
    for (const longestRetryAfterMs of [-1, day + 1]) {
      assert.deepStrictEqual(problemsOf({ longestRetryAfterMs }), [
        {
          kind: "InvalidOption",
          place: "policy.longestRetryAfterMs",
          expected: "milliseconds from 0 to 86400000, a day",
          found: String(longestRetryAfterMs)
        }
      ])
    }
    assert.deepStrictEqual(
      problemsOf({ maxAttempts: 0, swap: { start: { ask, limitMs: 0 } } }).map(({ expected }) => expected),
      ["a whole number from 1", "milliseconds above 0"]
    )
  })

  it("has the chains that it is given, and its own name as a service", () => {
    const chains = { ContextOverflow: ["openai/gpt-5.5-long"] }
    assert.deepStrictEqual(FailoverPolicy.make({ chains }).chains, chains)
    assert.strictEqual(FailoverPolicy.FailoverPolicy.key, "@holdfast/core/FailoverPolicy")
  })

  it("tells all its mistakes at once", () => {
    assert.deepStrictEqual(
      placesOf({
        maxAttempts: 0.5,
        longestRetryAfterMs: Number.NaN,
        swap: { start: { ask, limitMs: 0 }, midTurn: { ask, limitMs: -1 } },
        hold: { parts: 0 },
        hedge: { after: -5 }
      }),
      [
        "policy.maxAttempts",
        "policy.longestRetryAfterMs",
        "policy.swap.start.limitMs",
        "policy.swap.midTurn.limitMs",
        "policy.hold.parts",
        "policy.hedge.after"
      ]
    )
  })

  it("holds back no more than its bound", () => {
    for (const hold of [
      { bytes: Hold.longestBytes + 1 },
      { parts: Hold.longestParts + 1 },
      { bytes: 1.5 },
      { parts: -1 }
    ]) {
      assert.lengthOf(placesOf({ hold }), 1, JSON.stringify(hold))
    }
    for (const hold of [{ bytes: Hold.longestBytes }, { parts: Hold.longestParts }, "whole", "tool-call"] as const) {
      assert.deepStrictEqual(placesOf({ hold }), [])
    }
  })

  it("hedges after a time, or by the pace that is known", () => {
    for (const after of ["0 seconds", "Infinity", Number.POSITIVE_INFINITY, "soon" as "1 second"] as const) {
      assert.deepStrictEqual(placesOf({ hedge: { after } }), ["policy.hedge.after"], String(after))
    }
    for (const after of ["p95", "2 seconds", 250] as const) assert.deepStrictEqual(placesOf({ hedge: { after } }), [])
  })
})
