/** Asks one model, with another that may stand in. */
import { Console, Effect } from "effect"
import { LanguageModel } from "effect/ai"
import { Holdfast } from "holdfast"

const program = Effect.gen(function* () {
  const answer = yield* LanguageModel.generateText({ prompt: "Say hello in five words." })
  yield* Console.log(answer.text)
})

await program.pipe(
  Effect.provide(Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })),
  Effect.provide(Holdfast.layer()),
  Effect.runPromise
)
