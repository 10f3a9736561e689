/** Where in a turn a model's call stands. */
import type { Candidate } from "@holdfast/core/Candidate"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import type * as Prompt from "effect/ai/Prompt"

/** Where the call stands, by the explicit turn's record or by the prompt's: whichever knows of more. */
export const momentOf = (prompt: Prompt.Prompt, requested: Candidate): Effect.Effect<Turn.Moment> =>
  Effect.map(Turn.Current, (turn) => {
    const told = Turn.fromPrompt(prompt, requested)
    const recorded = turn === undefined ? Turn.atStart : Turn.momentOf(turn, requested)
    return recorded.answered === undefined && told.at === "mid" ? told : recorded
  })
