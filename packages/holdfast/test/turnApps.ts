/** Two apps that take the same turns: one on Holdfast, and one that falls back naively. */
import * as Effect from "effect/Effect"
import type { Response } from "effect/ai"
import { LanguageModel, Prompt } from "effect/ai"
import { Turn } from "holdfast"
import { drawn, pick } from "./turnFaults.ts"
import type { Book } from "./turnWorld.ts"
import { begin, chains, nameOf, recorded } from "./turnWorld.ts"

/** How a turn goes, all of it drawn. */
export interface Plan {
  readonly turn: number
  /** The chain's place among {@link chains}, and its primary. */
  readonly chain: number
  readonly asked: string
  readonly calls: number
  readonly streams: (step: number) => boolean
}

/** Draws a turn. */
export const planOf = (seed: number, turn: number): Plan => ({
  turn,
  chain: Math.floor(drawn(seed, turn, 1) * chains.length),
  asked: pick(chains, drawn(seed, turn, 1))[0],
  calls: pick([1, 1, 1, 1, 2, 2, 2, 3, 3], drawn(seed, turn, 2)),
  streams: (step) => drawn(seed, turn, 3, step) < 0.5
})

/** One run of a turn: asks until the model calls no tool any more. */
export const runOf = <E, R>(
  plan: Plan,
  run: number,
  ask: (step: number, prompt: Prompt.Prompt) => Effect.Effect<ReadonlyArray<Response.AnyPart>, E, R>
) =>
  Effect.gen(function* () {
    let prompt = Prompt.make(nameOf({ turn: plan.turn, run }))
    for (let step = 1; step <= plan.calls; step++) {
      prompt = Prompt.concat(prompt, Prompt.fromResponseParts(yield* ask(step, prompt)))
    }
  })

/** What an app does: it runs a turn, and runs it again only where the turn allows it. */
export const takeTurn = (book: Book, plan: Plan, model: LanguageModel.LanguageModel) => {
  const once = (run: number) =>
    runOf(plan, run, (step, prompt) =>
      recorded(
        begin(book, { turn: plan.turn, run, step, asked: plan.asked }),
        prompt,
        step < plan.calls,
        plan.streams(step)
      )
    ).pipe(
      Effect.as("completed" as const),
      Effect.catch(() => Effect.map(Turn.mayRunAgain, (may) => (may ? ("may run again" as const) : "failed"))),
      Turn.run
    )
  return Effect.gen(function* () {
    let outcome = yield* once(1)
    if (outcome === "may run again") {
      book.ended.runAgain++
      outcome = yield* once(2)
    }
    if (outcome === "completed") book.ended.completed++
    else book.ended.failed++
  }).pipe(Effect.provideService(LanguageModel.LanguageModel, model))
}

/**
 * What a naive app does, as a control: it asks the next model whatever the failure and whatever it has seen, says nothing
 * of it, and runs a turn that failed again from the start.
 */
export const takeTurnNaively = (book: Book, plan: Plan, models: ReadonlyArray<LanguageModel.LanguageModel>) => {
  const once = (run: number) =>
    runOf(plan, run, (step, prompt) => {
      const call = begin(book, { turn: plan.turn, run, step, asked: plan.asked })
      const [first, ...others] = models.map((model) =>
        Effect.provideService(
          recorded(call, prompt, step < plan.calls, plan.streams(step)),
          LanguageModel.LanguageModel,
          model
        )
      )
      return others.reduce(
        (before, next) => before.pipe(Effect.catch(() => next)),
        first ?? Effect.die("an empty chain")
      )
    })
  return once(1).pipe(
    Effect.catch(() => once(2)),
    Effect.match({ onFailure: () => book.ended.failed++, onSuccess: () => book.ended.completed++ })
  )
}
