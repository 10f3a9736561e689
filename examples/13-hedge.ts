/**
 * A second attempt beside a slow one. The first content wins, the other is ended on the wire. Both are paid for, so it is
 * off by default, made for repeatable calls alone, and counted against the provider's retry budget.
 */
import { Clock, Console, Effect } from "effect"
import { LanguageModel } from "effect/ai"
import { Holdfast, RetryBudget, Telemetry } from "holdfast"

const program = Effect.gen(function* () {
  const telemetry = yield* Telemetry.Telemetry
  const told: Array<string> = []
  yield* telemetry.listen((event) => {
    if (event._tag === "AttemptStarted") told.push(`attempt ${event.attempt} begins`)
    if (event._tag === "AttemptAborted") told.push(`attempt ${event.attempt} is ended`)
    if (event._tag === "AttemptSucceeded") told.push(`attempt ${event.attempt} answers`)
  })
  const began = yield* Clock.currentTimeMillis
  const answer = yield* LanguageModel.generateText({ prompt: "Say hello in five words." })
  const seconds = ((yield* Clock.currentTimeMillis) - began) / 1000
  yield* Console.log(`${told.join("\n")}\n${answer.text}`)
  yield* Console.log(seconds < 5 ? "in time" : `late, after ${seconds} s`)
  const budget = yield* RetryBudget.RetryBudget
  yield* Console.log(
    budget
      .snapshot()
      .map(({ provider, taken }) => `${provider}: ${taken} more attempt than calls`)
      .join("\n")
  )
}).pipe(Effect.scoped)

await program.pipe(
  Effect.provide(Holdfast.model("anthropic/claude-opus-4-7")),
  // `after: "p95"` waits as long as 95 of 100 of the model's latest answers took.
  Effect.provide(Holdfast.layer({ policy: { hedge: { after: "200 millis" } } })),
  Effect.runPromise
)
