/**
 * A chain across providers whose swaps the app's user decides on: asked before anything is sent to the other model, told
 * what it is about, and left with a typed error where the answer is no.
 */
import { Console, Effect } from "effect"
import type { SwapRule } from "holdfast"
import { Answers, Candidate, Holdfast, ModelCalls } from "holdfast"

// Stands for a person at a terminal.
const says = (process.env["ANSWERS"] ?? "no, yes").split(", ")

const ask = ({ failure, from, to }: SwapRule.Proposed) =>
  Effect.gen(function* () {
    const why = failure === undefined ? "is cooling down" : `failed: ${failure.reason._tag}`
    const answer = says.shift() ?? "no"
    yield* Console.log(`${Candidate.label(from)} ${why}. Shall ${Candidate.label(to)} answer instead? ${answer}`)
    return answer === "yes"
  })

const greet = ModelCalls.generateText({ prompt: "Say hello in five words." }).pipe(
  Effect.flatMap((answer) => Console.log(`${Answers.of(answer)?.answered}: ${answer.text}`)),
  Effect.catchTag("SwapDenied", ({ denied, failure }) =>
    Console.log(`No answer. ${failure.reason.advice} (Not asked: ${denied.map(Candidate.label).join(", ")}.)`)
  )
)

const model = Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })

// `limitMs`: who is silent for so long has said no.
const holdfast = Holdfast.layer({
  policy: { swap: { start: { ask, limitMs: 30_000 }, midTurn: { ask, within: "same-family" } } }
})

await Effect.andThen(greet, greet).pipe(Effect.provide(model), Effect.provide(holdfast), Effect.runPromise)
