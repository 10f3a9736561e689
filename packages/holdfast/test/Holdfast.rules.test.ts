/** Policy, health and budget: what an app and an operator say of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  Evidence,
  Failure,
  FailoverPolicy,
  Holdfast,
  InvalidInput,
  ProviderHealth,
  Reason,
  RetryBudget
} from "holdfast"
import * as Rules from "../src/internal/rules.ts"
import { InForce, merged } from "../src/internal/rules.ts"

const candidate = { provider: "anthropic", model: "claude-opus-4-7" }

const failed = (reason: Reason.Reason) =>
  Failure.make({
    reason,
    evidence: Evidence.asNotRun({ _tag: "Unknown", status: 529 }),
    declaration: "repeatable",
    candidate
  })

/** For how long the candidate cools down after a failure, in milliseconds; nothing: not at all. */
const coolsFor = (reason: Reason.Reason) =>
  Effect.gen(function* () {
    const health = yield* ProviderHealth.ProviderHealth
    const now = yield* Clock.currentTimeMillis
    const permit = yield* health.admit(candidate)
    if (permit._tag === "CoolingDown") return assert.fail("it was cooling down before")
    yield* permit.settle({ _tag: "Failed", failure: failed(reason) })
    const standing = yield* health.standing(candidate)
    yield* health.reset()
    return standing === undefined ? undefined : standing.untilMs - now
  })

const overloaded = new Reason.Overloaded({ rule: "status-529" })
const unpaid = new Reason.BillingExhausted({ rule: "status-402" })

const config = {
  policy: {
    hold: "whole",
    maxAttempts: 5,
    chains: { ContextOverflow: ["anthropic/a"], ModelNotFound: ["anthropic/b"] }
  },
  health: { capacity: { windows: ["10 seconds"] }, billing: { windows: ["1 hour"] } },
  budget: { ratio: 0, floorPerSecond: 1, window: "2 seconds" }
}

const problemsOf = (options: Holdfast.Options) =>
  Effect.scoped(Layer.build(Holdfast.layer(options))).pipe(
    Effect.flip,
    Effect.flatMap((error) => (InvalidInput.isInvalidInput(error) ? Effect.succeed(error.problems) : Effect.die(error)))
  )

const cools = (options: Holdfast.Options) => Effect.provide(coolsFor(overloaded), Holdfast.layer(options))

describe("cooldowns", () => {
  it.effect("last as long as the operator says", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* coolsFor(overloaded), 10_000)
      assert.strictEqual(yield* coolsFor(unpaid), 3_600_000)
    }).pipe(Effect.provide(Holdfast.layer({ config })))
  )

  it.effect("last as long as the app says, where it says so", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* coolsFor(overloaded), 20_000)
      assert.strictEqual(yield* coolsFor(unpaid), 3_600_000)
    }).pipe(Effect.provide(Holdfast.layer({ config, health: { capacity: { windows: ["20 seconds"] } } })))
  )

  it.effect("are none where the operator says so, or the app, which may also want them", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* cools({ config: { health: false } }))
      assert.isUndefined(yield* cools({ config, health: false }))
      assert.strictEqual(yield* cools({ config: { health: false }, health: {} }), 30_000)
      assert.strictEqual(yield* cools({ config: {} }), 30_000)
    })
  )
})

const left = Effect.map(RetryBudget.RetryBudget, (budget) => budget.left("anthropic"))

const leftUnder = (options: Holdfast.Options) => Effect.provide(left, Holdfast.layer(options))

describe("retry budgets", () => {
  it.effect("hold what the operator says, then what the app says", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* leftUnder({ config }), 2)
      assert.strictEqual(yield* leftUnder({ config, budget: { floorPerSecond: 3 } }), 6)
      assert.strictEqual(yield* leftUnder({ config, budget: false }), Number.POSITIVE_INFINITY)
      assert.strictEqual(yield* leftUnder({ config: { budget: false } }), Number.POSITIVE_INFINITY)
      assert.strictEqual(yield* leftUnder({ config: {} }), 100)
    })
  )
})

describe("the policy", () => {
  it.effect("is the operator's, with the app's own parts before it", () =>
    Effect.gen(function* () {
      const policy = yield* FailoverPolicy.FailoverPolicy
      assert.strictEqual(policy.hold, "whole")
      assert.strictEqual(policy.maxAttempts, 3)
      assert.deepStrictEqual(policy.chains, { ContextOverflow: ["anthropic/c"], ModelNotFound: ["anthropic/b"] })
      assert.deepStrictEqual(policy.hedge, { after: "p95" })
    }).pipe(
      Effect.provide(
        Holdfast.layer({
          config,
          policy: { maxAttempts: 3, chains: { ContextOverflow: ["anthropic/c"] }, hedge: { after: "p95" } }
        })
      )
    )
  )
})

describe("numbers that cannot be", () => {
  it.effect("are refused, the app's own at once and before a configuration is read", () =>
    Effect.gen(function* () {
      const problems = yield* problemsOf({
        config: { policy: { maxAttempts: 0 } },
        policy: { maxAttempts: -1, hold: { parts: 0 } },
        health: { capacity: { after: 0 } },
        budget: { ratio: -1 }
      })
      assert.deepStrictEqual(
        problems.map(({ place }) => place),
        ["policy.maxAttempts", "policy.hold.parts", "health.capacity.after", "budget.ratio"]
      )
    })
  )

  it.effect("are refused where only the app's and the operator's together cannot be", () =>
    Effect.gen(function* () {
      const said = { config: { budget: { floorPerSecond: 0.01 } }, budget: { ratio: 0 } }
      assert.deepStrictEqual(
        (yield* problemsOf(said)).map(({ place }) => place),
        ["budget.floorPerSecond"]
      )
    })
  )
})

describe("what is in force", () => {
  const rules = merged(
    { policy: { maxAttempts: 4 }, health: { billing: { windows: ["1 hour"] } }, budget: { ratio: 1 } },
    {}
  )

  it("is taken at the start; later the policy is, and what health and budget have to wait for is said", () => {
    const force = new InForce(merged({}, {}))
    assert.deepStrictEqual(force.waiting(rules), [])
    force.take(rules)
    assert.deepStrictEqual(force.waiting(merged({ ...rules, policy: {} } as never, {})), [])
    const other = merged(
      { policy: { maxAttempts: 2 }, health: { billing: { windows: ["2 hours"] } }, budget: false },
      {}
    )
    const waiting = force.waiting(other)
    assert.deepStrictEqual(
      waiting.map(({ place }) => place),
      ["health", "budget"]
    )
    force.take(other)
    assert.strictEqual(force.policy.maxAttempts, 2)
    assert.deepStrictEqual([force.rules.health, force.rules.budget], [rules.health, rules.budget])
    assert.lengthOf(force.waiting(other), 2)
    assert.deepStrictEqual(force.waiting(rules), [])
  })

  it("does not wait for what the app has the word on", () => {
    const own = { budget: false as const }
    const force = new InForce(merged({}, own))
    force.take(merged({ budget: { ratio: 1 } }, own))
    assert.deepStrictEqual(force.waiting(merged({ budget: { ratio: 2 } }, own)), [])
  })
})

const said = (own: object) => merged({ policy: { swap: { start: "never" }, hold: "whole" } }, { policy: own })

it("an app's part that says nothing leaves the operator's as it is", () => {
  const operators = FailoverPolicy.make({ swap: { start: "never" }, hold: "whole" })
  for (const own of [{ swap: { start: undefined } }, { swap: undefined }, { hold: undefined }, {}]) {
    const { hold, swap } = FailoverPolicy.make(said(own).policy)
    assert.deepStrictEqual({ hold, swap }, { hold: operators.hold, swap: operators.swap })
  }
  for (const own of [{ swap: null }, { table: 5 }]) {
    assert.isNotEmpty(Rules.problemsOf(said(own)))
  }
})
