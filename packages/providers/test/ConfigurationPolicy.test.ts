import { assert, describe, it } from "@effect/vitest"
import * as Configuration from "@holdfast/providers/Configuration"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { momentsOf } from "./support/moments.ts"

const policyOf = (retry: unknown) =>
  Result.getOrThrow(Configuration.decode({ policy: { retry } }, "holdfast.json5")).policy

describe("a retry that is configured", () => {
  it.effect.each<readonly [unknown, ReadonlyArray<number>]>([
    [false, [0]],
    [{ times: 0 }, [0]],
    [{ times: 0, delay: "1 second" }, [0]],
    [{ times: 2 }, [0, 0, 0]],
    [{ times: 3, delay: "1 second", jitter: false }, [0, 1000, 3000, 7000]],
    [{ times: 3, delay: "1 second", factor: 1, jitter: false }, [0, 1000, 2000, 3000]],
    [
      { times: 4, delay: "1 second", factor: 10, longestDelay: "5 seconds", jitter: false },
      [0, 1000, 6000, 11_000, 16_000]
    ],
    [{ times: 9, delay: "10 seconds", factor: 1, within: "25 seconds", jitter: false }, [0, 10_000, 20_000, 30_000]]
  ])("as %j is made at its moments", ([retry, moments]) =>
    Effect.gen(function* () {
      for (const name of ["reach", "connection", "response", "capacity"] as const) {
        assert.deepStrictEqual(yield* momentsOf(policyOf({ [name]: retry }), name).pipe(fromNow), moments, name)
      }
    })
  )

  it.effect("varies its delays unless told otherwise", () =>
    Effect.gen(function* () {
      const [, first = 0] = yield* momentsOf(policyOf({ capacity: { times: 1, delay: "10 seconds" } }), "capacity")
      assert.closeTo(first, 10_000, 2000)
      assert.notStrictEqual(first, 10_000)
    })
  )
})

const read = (file: object) => Result.getOrThrow(Configuration.decode(file, "holdfast.json5"))

/** Place and what was expected, of each problem. */
const wrongIn = (file: object): Readonly<Record<string, string>> =>
  Result.match(Configuration.decode(file, "holdfast.json5"), {
    onFailure: ({ problems }) => Object.fromEntries(problems.map(({ expected, place }) => [place, expected])),
    onSuccess: () => assert.fail("it was taken")
  })

describe("a policy that is configured", () => {
  it("holds chains for reasons, a hold, a hedge, a rotation and rows of the table", () => {
    const policy = {
      chains: { ContextOverflow: ["long", "google/gemini-3-pro"], ModelNotFound: [] },
      hold: "tool-call",
      hedge: { after: "2 seconds" },
      rotation: "least-recently-used"
    }
    assert.deepStrictEqual<unknown>(read({ policy }).policy, policy)
    const reasons = {
      AuthenticationFailed: { same: "refresh", onward: "next" },
      DnsFailure: { same: "reach", onward: "next" }
    }
    assert.deepStrictEqual<unknown>(read({ policy: { reasons } }).policy, { table: reasons })
  })

  it.each(["first-content", "tool-call", "whole", { parts: 20 }, { bytes: 65_536 }])("holds back %j", (hold) => {
    assert.deepStrictEqual<unknown>(read({ policy: { hold } }).policy.hold, hold)
  })

  it.each(["p95", "250 millis", Duration.seconds(3)])("hedges after %s", (after) => {
    assert.deepStrictEqual<unknown>(read({ policy: { hedge: { after } } }).policy.hedge, { after })
  })

  it("is wrong all at once, each part at its place", () => {
    const wrong = wrongIn({
      policy: {
        retry: { reach: { times: -1 }, raech: false },
        chains: { ContextOverflow: "long", ContentRefused: ["a", 7], Overloaded: ["b"] },
        hold: "everything",
        hedge: { after: 500 },
        rotation: "random",
        reasons: { RateLimited: { same: "often", onward: "next" } }
      }
    })
    assert.sameMembers(Object.keys(wrong), [
      "policy.retry.reach.times",
      "policy.retry.raech",
      "policy.chains.ContextOverflow",
      "policy.chains.ContentRefused[1]",
      "policy.chains.Overloaded",
      "policy.hold",
      "policy.hedge.after",
      "policy.rotation",
      "policy.reasons.RateLimited.same"
    ])
    assert.include(wrong["policy.chains.Overloaded"], "ContextOverflow, ContentRefused, ModelNotFound")
    assert.include(wrong["policy.hold"], "{ parts: 20 }")
    assert.include(wrong["policy.hedge.after"], "with its unit")
    assert.include(wrong["policy.rotation"], '"least-recently-used"')
  })

  it.each([
    [{ parts: 0 }, "policy.hold.parts"],
    [{ bytes: 5_000_000 }, "policy.hold.bytes"],
    [{ bytes: 1.5 }, "policy.hold.bytes"],
    [{ parts: 1, bytes: 1 }, "policy.hold"],
    [{}, "policy.hold"],
    [{ tokens: 5 }, "policy.hold.tokens"],
    [7, "policy.hold"]
  ])("cannot hold back %j", (hold, place) => {
    assert.deepStrictEqual(Object.keys(wrongIn({ policy: { hold } })), [place])
  })

  it.each(["-1 seconds", "0 seconds", "Infinity", "soon", "p99", 5])("cannot hedge after %j", (after) => {
    assert.deepStrictEqual(Object.keys(wrongIn({ policy: { hedge: { after } } })), ["policy.hedge.after"])
  })
})

describe("cooldowns that are configured", () => {
  it("are the numbers of health, or none", () => {
    const health = {
      capacity: { after: 2, windows: ["10 seconds", "1 minute"] },
      billing: { windows: ["1 hour"] },
      longestRetryAfter: "1 hour",
      idleTimeToLive: "10 minutes"
    }
    assert.deepStrictEqual<unknown>(read({ health }).health, health)
    assert.isFalse(read({ health: false }).health)
    assert.isUndefined(read({}).health)
  })

  it("are wrong all at once, what only a look at several numbers shows included", () => {
    const wrong = wrongIn({
      health: {
        capacity: { after: 0 },
        fault: { windows: ["1 minute", "30 seconds"] },
        billing: { windows: [] },
        access: { windows: ["29 days"] }
      },
      budget: { ratio: -1, floorPerSecond: 1e9 },
      policy: { maxAttempts: 0 }
    })
    assert.sameMembers(Object.keys(wrong), [
      "health.capacity.after",
      "health.fault.windows[1]",
      "health.billing.windows",
      "health.access.windows[0]",
      "budget.ratio",
      "budget.floorPerSecond",
      "policy.maxAttempts"
    ])
    assert.include(wrong["health.fault.windows[1]"], "no shorter than the one before")
  })

  it("are told by their places where they are no numbers at all", () => {
    const health = { capacty: {}, refusal: { windows: [30], after: "often" }, longestRetryAfter: 5 }
    assert.sameMembers(Object.keys(wrongIn({ health })), [
      "health.capacty",
      "health.refusal.windows[0]",
      "health.refusal.after",
      "health.longestRetryAfter"
    ])
    assert.deepStrictEqual(Object.keys(wrongIn({ health: true })), ["health"])
  })
})

describe("a retry budget that is configured", () => {
  it("is the numbers of the budget, its window with a unit, or none", () => {
    assert.deepStrictEqual(read({ budget: { ratio: 0.5, floorPerSecond: 2, window: "30 seconds" } }).budget, {
      ratio: 0.5,
      floorPerSecond: 2,
      windowMs: 30_000
    })
    assert.deepStrictEqual(read({ budget: {} }).budget, {})
    assert.isFalse(read({ budget: false }).budget)
  })

  it.each([
    [{ window: 10 }, "budget.window"],
    [{ window: "50 millis" }, "budget.window"],
    [{ window: "2 hours" }, "budget.window"],
    [{ windowMs: 10_000 }, "budget.windowMs"],
    [{ ratio: 0, floorPerSecond: 0.01 }, "budget.floorPerSecond"],
    ["none", "budget"]
  ])("cannot be %j", (budget, place) => {
    assert.deepStrictEqual(Object.keys(wrongIn({ budget })), [place])
  })

  it("alone makes a file one of ours, misspelt or not", () => {
    assert.deepStrictEqual(Object.keys(wrongIn({ budget: {}, timeout: { connect: 1 } })), ["timeout"])
    assert.deepStrictEqual(Object.keys(wrongIn({ health: {}, timeout: { connect: 1 } })), ["timeout"])
  })
})

/** Moments counted from the first. */
const fromNow = Effect.map((moments: ReadonlyArray<number>) => moments.map((moment) => moment - (moments[0] ?? 0)))
