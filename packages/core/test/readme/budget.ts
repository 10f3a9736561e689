import { RetryBudget } from "@holdfast/core"
import * as Effect from "effect/Effect"

const program = Effect.gen(function* () {
  const budget = yield* RetryBudget.RetryBudget
  for (let call = 0; call < 10; call++) budget.called("anthropic")
  return budget.left("anthropic")
})

const services = RetryBudget.RetryBudget.layer({ ratio: 0.2, floorPerSecond: 1 })

console.log(await Effect.runPromise(Effect.provide(program, services))) // => 12
