/**
 * A provider that no table knows, from configuration: a gateway of the house, which speaks OpenAI's chat completions. The
 * same object can stand in `holdfast.json5`.
 */
import { Console, Effect } from "effect"
import { LanguageModel } from "effect/ai"
import { Holdfast } from "holdfast"

const config = {
  providers: {
    corp: {
      baseUrl: process.env["CORP_BASE_URL"] ?? "https://llm.corp.example/v1",
      api: "openai-completions",
      headers: { "x-team": "search" },
      keepAlive: "20 seconds"
    }
  },
  credentials: { profiles: { "corp:team": { key: { env: "CORP_API_KEY" } } } },
  models: { "corp/house-large": { alias: "house", params: { max_tokens: 500 } } },
  agents: { chief: { primary: "house", fallbacks: ["anthropic/claude-opus-4-7"] } }
}

const program = Effect.gen(function* () {
  const answer = yield* LanguageModel.generateText({ prompt: "Say hello in five words." })
  yield* Console.log(answer.text)
})

await program.pipe(
  Effect.provide(Holdfast.model("chief")),
  Effect.provide(Holdfast.layer({ config })),
  Effect.runPromise
)
