/** What a call is told that nobody may be asked for. */
import { assert, describe, it } from "@effect/vitest"
import type * as Candidate from "@holdfast/core/Candidate"
import * as Failover from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type * as Reason from "@holdfast/core/Reason"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { givenUp } from "./failoverScript.ts"
import { gpt, opusAtHome } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const layer = Layer.orDie(Failover.layerMemory({ policy: { retry: { capacity: Schedule.recurs(0) } } })).pipe(
  Layer.provideMerge(Telemetry.layer)
)

/** A candidate fails for a reason, in a call of its own. */
const cools = (candidate: Candidate.Candidate, reason: Reason.Reason) =>
  Effect.flatMap(Failover.Failover, ({ run }) =>
    Effect.flip(
      run({
        chain: [candidate],
        attempt: () =>
          Effect.fail(
            Failure.make({
              reason,
              evidence: { _tag: "Unknown", status: 400, notRun: true },
              declaration: "repeatable",
              candidate
            })
          )
      })
    )
  )

/** What a call fails with that nothing is sent for. */
const unsent = (call: Failover.CallOptions) =>
  Effect.flatMap(Failover.Failover, ({ run }) =>
    givenUp(run({ ...call, totalMs: 10_000, attempt: () => Effect.die("nothing is sent") }))
  )

describe("a call of which all candidates are cooling down", () => {
  it.effect("fails with what a person has to mend, where waiting does not help anybody", () =>
    Effect.gen(function* () {
      yield* cools(opusAtHome, reasons.BillingExhausted)
      yield* cools(gpt, reasons.AuthenticationFailed)
      const failure = yield* unsent({ chain: [opusAtHome, gpt] })
      assert.deepInclude(failure.reason, { _tag: "BillingExhausted", rule: "cooling-down" })
      assert.deepStrictEqual([failure._tag, failure.candidate], ["ReplaySafe", opusAtHome])
      assert.strictEqual(
        failure.reason.advice,
        "Add credit or a payment method, or use another credential. All that may be asked are cooling down, " +
          "openai/gpt-5.5 for 30 s more after AuthenticationFailed: wait, or reset ProviderHealth."
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("fails with a shortage that says when, where somebody answers again by himself", () =>
    Effect.gen(function* () {
      yield* cools(opusAtHome, reasons.BillingExhausted)
      yield* cools(gpt, reasons.Overloaded)
      const { reason } = yield* unsent({ chain: [opusAtHome, gpt] })
      assert.deepInclude(reason, { _tag: "Overloaded", rule: "cooling-down", retryAfterMs: 30_000 })
      assert.include(reason.advice, "openai/gpt-5.5 for 30 s more after Overloaded")
    }).pipe(Effect.provide(layer))
  )

  it.effect("says nothing of those who are named for other failures", () =>
    Effect.gen(function* () {
      yield* cools(opusAtHome, reasons.BillingExhausted)
      yield* cools(gpt, reasons.Overloaded)
      const { reason } = yield* unsent({ chain: [opusAtHome], chains: { ContextOverflow: [gpt] } })
      assert.strictEqual(reason._tag, "BillingExhausted")
      assert.include(reason.advice, "anthropic/claude-opus-4-7@home for 5 h more after BillingExhausted")
    }).pipe(Effect.provide(layer))
  )
})
