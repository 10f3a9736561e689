import { Console, Effect, Redacted } from "effect"
import { LanguageModel } from "effect/ai"
import { FaultScript, FaultServer } from "@holdfast/testing"
import { Holdfast } from "holdfast"

const lost = FaultScript.on({ nth: 1 }, FaultScript.cut("reset", FaultScript.afterRequest))
await Effect.gen(function* () {
  const server = yield* FaultServer.make({ endpoints: { anthropic: { script: [lost] } } })
  const { origin } = yield* server.endpoint("anthropic")
  const anthropic = { apiKey: Redacted.make("any-key"), baseUrl: origin }
  const { text } = yield* LanguageModel.generateText({ prompt: "Say hello." }).pipe(
    Effect.provide(Holdfast.model("anthropic/claude-opus-4-7")),
    Effect.provide(Holdfast.layer({ providers: { anthropic } }))
  )
  const { runs } = yield* server.truth
  if (runs.total !== 2) return yield* Effect.die(`expected a lost answer to be asked for again, not ${runs.total} runs`)
  yield* Console.log(text)
}).pipe(Effect.scoped, Effect.runPromise)
