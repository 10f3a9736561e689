/** An object as an answer: the model is held to a schema, whichever of the chain it is, and what it writes is checked. */
import { Console, Effect, Schema } from "effect"
import { LanguageModel } from "effect/ai"
import { Holdfast } from "holdfast"

const Trip = Schema.Struct({
  city: Schema.String,
  days: Schema.Int,
  sights: Schema.Array(Schema.String)
})

const program = Effect.gen(function* () {
  const { value } = yield* LanguageModel.generateObject({
    prompt: "Plan a short trip to Rome.",
    schema: Trip,
    objectName: "trip"
  })
  yield* Console.log(`${value.days} days in ${value.city}: ${value.sights.join(", ")}`)
}).pipe(
  // What the model wrote does not fit the schema: asking again is up to the app, as it costs a call.
  Effect.catchReason("AiError", "StructuredOutputError", () => Console.log("That was no trip."))
)

await program.pipe(
  Effect.provide(Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })),
  Effect.provide(Holdfast.layer()),
  Effect.runPromise
)
