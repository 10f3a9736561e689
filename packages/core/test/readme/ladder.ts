import { Failover, Failure } from "@holdfast/core"
import * as Effect from "effect/Effect"

/** As the policy says, but whoever is overloaded is not waited for. */
export const ladder = Effect.fnUntraced(function* <A, R>(
  call: Failover.CallOptions,
  ask: (attempt: Failover.Attempt) => Effect.Effect<A, Failure.Failure, R>
) {
  const failover = yield* Failover.Failover
  const ladder = yield* failover.open(call)
  const climb: Effect.Effect<Failover.Answer<A>, Failover.GivenUp, R> = Failover.attempt(ladder, ask).pipe(
    Effect.catchIf(Failure.isFailure, (failure) =>
      failure.reason._tag === "Overloaded"
        ? Effect.fail(failure)
        : Effect.andThen(Failover.next(ladder, failure), climb)
    )
  )
  return yield* climb
})
