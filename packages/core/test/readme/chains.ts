import { FailoverPolicy } from "@holdfast/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const haiku = { provider: "anthropic", model: "claude-haiku-4-5" }
const gemini = { provider: "google", model: "gemini-3-pro" }

// By name in a policy, which the registry resolves; as candidates in a call.
const policy = FailoverPolicy.make({ chains: { ContextOverflow: ["google/gemini-3-pro"] } })

const program = Effect.gen(function* () {
  const { end } = yield* FailoverPolicy.explain(policy, {
    chain: [haiku],
    chains: { ContextOverflow: [gemini] },
    failures: ["ContextOverflow"]
  })
  yield* Console.log(end._tag === "Asks" && end.candidate.model) // => "gemini-3-pro"
})

await Effect.runPromise(program)
