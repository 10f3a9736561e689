import { assert, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { opus, overloaded } from "./fixtures.ts"

it.effect("a policy that is replaced holds for calls that begin afterwards, and not for those on the way", () =>
  Effect.gen(function* () {
    const once = FailoverPolicy.make({ retry: { capacity: Schedule.recurs(0) } })
    const thrice = FailoverPolicy.make({ retry: { capacity: Schedule.recurs(2) } })
    let policy = once
    const layer = Failover.layer.pipe(
      Layer.provide(
        Layer.succeed(
          FailoverPolicy.FailoverPolicy,
          FailoverPolicy.live(() => policy)
        )
      ),
      Layer.provide(Layer.merge(ProviderHealth.layerOff, RetryBudget.layerOff)),
      Layer.provide(Telemetry.layer)
    )
    const attempts = Effect.gen(function* () {
      const { run } = yield* Failover.Failover
      let made = 0
      const attempt = Effect.suspend(() => {
        made++
        policy = thrice
        return Effect.fail(overloaded())
      })
      yield* Effect.flip(run({ chain: [opus], attempt: () => attempt }))
      return made
    })
    assert.deepStrictEqual(yield* Effect.provide(Effect.all([attempts, attempts]), layer), [1, 3])
  })
)

it("a policy that would never end is told before it is in force", () => {
  const checked = FailoverPolicy.check({ maxAttempts: 0, longestRetryAfterMs: -1 })
  assert.isTrue(Result.isFailure(checked))
  if (Result.isFailure(checked)) assert.lengthOf(checked.failure.problems, 2)
})
