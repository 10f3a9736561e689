import { FailoverPolicy } from "@holdfast/core"
import * as Effect from "effect/Effect"
import { render } from "../../cli/src/internal/explain/table.ts"
const opus = { provider: "anthropic", model: "claude-opus-4-7" }
const gpt = { provider: "openai", model: "gpt-5.5" }
const policy = FailoverPolicy.make({ swap: { start: "never" } })
const { end } = Effect.runSync(FailoverPolicy.explain(policy, { chain: [opus, gpt], failures: ["Overloaded"], repeats: true }))
console.log(end._tag === "Fails" && end.error)
console.log(render(Effect.runSync(FailoverPolicy.explain(FailoverPolicy.defaults, { chain: [opus, {...opus, credential: "home"}, gpt], failures: ["Overloaded"], repeats: true, totalMs: 120_000 }))))
