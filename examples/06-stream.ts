/** An answer as it comes. Where another model answers, that is said before its first word. */
import { Console, Effect, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { Answers, Holdfast } from "holdfast"

const program = LanguageModel.streamText({ prompt: "Say hello in five words." }).pipe(
  Stream.runForEach((part) => {
    switch (part.type) {
      case "response-metadata": {
        const by = Answers.of(part)
        return by?.swap === undefined
          ? Effect.void
          : Console.log(`${by.answered} answers in place of ${by.requested}: ${by.swap}`)
      }
      case "text-delta":
        return Effect.sync(() => process.stdout.write(part.delta))
      case "finish":
        return Console.log(`\n${part.usage.outputTokens.total} tokens, ${part.reason}`)
      default:
        return Effect.void
    }
  })
)

await program.pipe(
  Effect.provide(Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })),
  Effect.provide(Holdfast.layer()),
  Effect.runPromise
)
