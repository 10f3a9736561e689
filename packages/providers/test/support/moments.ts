/** When a policy asks the same candidate again. */
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"

/** When an effect that always fails at once is run, in milliseconds from now. */
export const momentsOf = (policy: FailoverPolicy.Overrides, retryClass: FailoverPolicy.RetryClass) =>
  Effect.gen(function* () {
    const moments: Array<number> = []
    const schedule = FailoverPolicy.make(policy).retry[retryClass]
    const failing = Effect.clockWith((clock) => {
      moments.push(clock.currentTimeMillisUnsafe())
      // The schedules look at no failure.
      return Effect.fail(undefined as never)
    })
    const fiber = yield* Effect.forkChild(Effect.ignore(Effect.retry(failing, schedule)))
    yield* TestClock.adjust("1 hour")
    yield* Fiber.join(fiber)
    return moments
  })
