import * as ExplanationTable from "@holdfast/cli/ExplanationTable"
import { FailoverPolicy } from "@holdfast/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const opus = { provider: "anthropic", model: "claude-opus-4-7" }
const gpt = { provider: "openai", model: "gpt-5.5" }

const policy = FailoverPolicy.make({ swap: { start: "never" } })

const program = Effect.gen(function* () {
  const explanation = yield* FailoverPolicy.explain(policy, {
    chain: [opus, gpt],
    failures: ["StaleConnection", "Overloaded", "BillingExhausted"]
  })
  yield* Console.log(ExplanationTable.render(explanation))
})

await Effect.runPromise(program)
