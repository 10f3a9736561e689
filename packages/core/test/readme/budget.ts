import { RetryBudget } from "@holdfast/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const program = Effect.gen(function* () {
  const budget = yield* RetryBudget.RetryBudget
  for (let call = 0; call < 10; call++) budget.called("anthropic")
  yield* Console.log(budget.left("anthropic")) // => 12
})

const services = RetryBudget.RetryBudget.layer({ ratio: 0.2, floorPerSecond: 1 })

await Effect.runPromise(Effect.provide(program, services))
