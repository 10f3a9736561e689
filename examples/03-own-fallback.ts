/**
 * A fallback of one's own, from the parts: the same model again while that is safe, then another, then a cached answer.
 *
 * The types say what is left to handle. `ReplayUnsafe` is still there at the end: nothing above may answer it by asking again.
 */
import { Console, Effect, Schedule } from "effect"
import { LanguageModel } from "effect/ai"
import { AiErrors, Failure, Holdfast, ReplaySafety } from "holdfast"

const ask = (model: string) =>
  LanguageModel.generateText({ prompt: "Say hello in five words." }).pipe(
    Effect.map((answer) => answer.text),
    AiErrors.unwrap,
    Effect.provide(Holdfast.model(model))
  )

const program = ask("anthropic/claude-opus-4-7").pipe(
  ReplaySafety.retryWhenSafe(Schedule.exponential("50 millis").pipe(Schedule.upTo({ times: 2 }))),
  ReplaySafety.orElseWhenSafe((failure) =>
    Effect.andThen(Console.log(`going on elsewhere: ${failure.reason._tag}`), ask("openai/gpt-5.5"))
  ),
  Failure.catchReason(["RateLimited", "Overloaded"], (reason) =>
    Effect.succeed(`Hello from the cache. (${reason.advice})`)
  ),
  Effect.tap(Console.log)
)

// One attempt a call, and nobody is waited for who cools down: the program above is the policy.
const holdfast = Holdfast.layer({ policy: { maxAttempts: 1 }, health: false })

await program.pipe(Effect.provide(holdfast), Effect.runPromise)
