/** Attempts, deadline and budget together bound the worst case, whatever the policy and however attempts fail. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Failure from "@holdfast/core/Failure"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { patiently } from "./failoverScript.ts"
import { AnyChain, AnyFault, AnyPolicy, failureAt, overridesOf } from "./policyWorld.ts"

// Time for an attempt's own timer to be heard before it is interrupted.
const graceMs = 50

const numbers = {
  policy: AnyPolicy,
  chain: AnyChain,
  /** How each attempt fails, in turn over all calls, and how long it takes. */
  attempts: Schema.NonEmptyArray(
    Schema.Struct({ fault: AnyFault, ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })) })
  ).check(Schema.isMaxLength(6)),
  calls: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 })),
  totalMs: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30_000 })),
  ratio: Schema.Literals([0, 0.2, 1]),
  floorPerSecond: Schema.Literals([0, 0.2, 1]),
  healthy: Schema.Boolean
}

describe("a fleet of calls that all fail", () => {
  it.effect.prop(
    "ends in time, within the attempts of each call and the budget of each provider",
    numbers,
    ({ attempts, calls, chain, floorPerSecond, healthy, policy, ratio, totalMs }) => {
      const made: Array<{ readonly provider: string; readonly call: string }> = []
      const took: Array<number> = []
      const layer = Failover.layerMemory({
        policy: overridesOf(policy),
        budget: { ratio, floorPerSecond },
        ...(healthy ? { health: false } : undefined)
      })
      const attempt = (given: Failover.Attempt): Effect.Effect<never, Failure.Failure> => {
        made.push({ provider: given.candidate.provider, call: given.call })
        const each = attempts[made.length % attempts.length] ?? attempts[0]
        return Effect.andThen(Effect.sleep(each.ms), Effect.fail(failureAt(given.candidate, each.fault)))
      }
      const call = Effect.gen(function* () {
        const failover = yield* Failover.Failover
        const before = yield* Clock.currentTimeMillis
        yield* Effect.exit(failover.run({ chain, totalMs, attempt }))
        took.push((yield* Clock.currentTimeMillis) - before)
      })
      return Effect.gen(function* () {
        yield* patiently(
          Effect.all(
            Array.from({ length: calls }, () => call),
            { concurrency: "unbounded" }
          )
        )
        assert.lengthOf(took, calls)
        assert.isAtMost(Math.max(...took), totalMs + graceMs)

        const { maxAttempts } = FailoverPolicy.make(overridesOf(policy))
        const counts = new Map<string, number>()
        for (const each of made) counts.set(each.call, (counts.get(each.call) ?? 0) + 1)
        assert.isAtMost(Math.max(0, ...counts.values()), maxAttempts)

        const windows = Math.ceil((totalMs + graceMs) / 10_000) + 1
        for (const provider of new Set(made.map((each) => each.provider))) {
          const at = made.filter((each) => each.provider === provider)
          const addressed = new Set(at.map((each) => each.call)).size
          const further = windows * (ratio * addressed + floorPerSecond * 10)
          assert.isAtMost(at.length, addressed + further)
        }
      }).pipe(Effect.provide(Layer.fresh(layer).pipe(Layer.provide(Layer.fresh(Telemetry.layer)))))
    },
    { arbitrary: { runs: 200, seed: 20261121 }, timeout: 60_000 }
  )
})
