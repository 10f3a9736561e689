/** The default policy with parts of it replaced by the app. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { answers, fails, layer, script } from "./failoverScript.ts"
import { gpt, opus, stale, unreachable } from "./fixtures.ts"

const { defaults } = FailoverPolicy

describe("make", () => {
  it("is the default where nothing is replaced", () => {
    assert.deepStrictEqual(FailoverPolicy.make(), defaults)
    assert.deepStrictEqual(FailoverPolicy.make({ swap: {}, retry: {}, table: {} }), defaults)
  })

  it("replaces what is named and leaves the rest, one level down too", () => {
    const connection = Schedule.recurs(3)
    const row: FailoverPolicy.Row = { same: "never", onward: "surface" }
    const policy = FailoverPolicy.make({
      swap: { start: "never" },
      maxAttempts: 2,
      retry: { connection },
      longestRetryAfterMs: 5,
      table: { Overloaded: row }
    })
    assert.deepStrictEqual(policy.swap, { start: "never", midTurn: defaults.swap.midTurn })
    assert.strictEqual(policy.maxAttempts, 2)
    assert.deepStrictEqual(policy.retry, { ...defaults.retry, connection })
    assert.strictEqual(policy.longestRetryAfterMs, 5)
    assert.deepStrictEqual(policy.table, { ...defaults.table, Overloaded: row })
  })

  it("leaves the defaults as they are", () => {
    const before = structuredClone(defaults.table)
    FailoverPolicy.make({ table: { StaleConnection: { same: "never", onward: "surface" } } })
    assert.deepStrictEqual(defaults.table, before)
  })
})

describe("the layer", () => {
  it.effect("is the policy that Failover follows", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const policy = yield* FailoverPolicy.FailoverPolicy
      assert.strictEqual(policy.swap.start, "never")
      const { attempt, made } = script(fails(stale), fails(unreachable), answers("never"))
      yield* Effect.flip(failover.run({ chain: [opus, gpt], attempt }))
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any", "2 anthropic/claude-opus-4-7 fresh"])
    }).pipe(Effect.provide(layer({ swap: { start: "never" } })))
  )

  it.effect("may forbid what the default repairs", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(stale), answers("never"))
      yield* Effect.flip(failover.run({ chain: [opus, gpt], attempt }))
      assert.strictEqual(made.length, 1)
    }).pipe(Effect.provide(layer({ table: { StaleConnection: { same: "never", onward: "surface" } } })))
  )
})

describe("a policy whose numbers would never let a call end", () => {
  it.effect("is refused when its layer is built, every number named", () =>
    Effect.gen(function* () {
      for (const maxAttempts of [Number.NaN, Number.POSITIVE_INFINITY, 0, -1, 1.5]) {
        const layer = FailoverPolicy.FailoverPolicy.layer({
          maxAttempts,
          longestRetryAfterMs: Number.POSITIVE_INFINITY
        })
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.deepStrictEqual(
          error.problems.map(({ place }) => place),
          ["policy.maxAttempts", "policy.longestRetryAfterMs"]
        )
      }
    })
  )

  it("gives up at once where it is decided on all the same", () => {
    const decision = FailoverPolicy.decide(
      FailoverPolicy.make({ maxAttempts: Number.NaN }),
      { chain: [opus, gpt], index: 0, left: [], attempts: 1, retryDelayMs: 0, moment: "start", from: opus },
      stale()
    )
    assert.deepInclude(decision, { _tag: "Surface", why: "attempts-spent" })
  })
})
