/** Where in a turn a call stands, and what a prompt tells of it. */
import type * as Prompt from "effect/ai/Prompt"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as ModelRef from "../ModelRef.ts"

/** Whom a call asks. */
export interface Model {
  readonly provider: string
  readonly model: string
}

/** Where in a turn a call stands, as far as swaps are concerned. */
export interface Moment {
  /** `start`: no model has answered in this turn. `mid`: one has, or tools have run. */
  readonly at: "start" | "mid"
  /** The model that has answered for the requested one so far, where it is known. */
  readonly answered: ModelRef.ModelRef | undefined
  /** The name of the credential that it answered with, where that is known; a prompt does not tell. */
  readonly credential?: string
}

/** The start of a turn in which nothing has happened. */
export const atStart: Moment = { at: "start", answered: undefined }

/**
 * The moment that a prompt tells of itself: it is in the middle of a turn if it ends in tool results, and the assistant
 * parts before them say in `options.holdfast` which model that was, and which was asked for.
 */
export const fromPrompt = (prompt: Prompt.Prompt, requested: Model): Moment => {
  const last = prompt.content.at(-1)
  if (last?.role !== "tool") return atStart
  for (let i = prompt.content.length - 1; i >= 0; i--) {
    const message = prompt.content[i]
    if (message?.role === "user") break
    if (message?.role !== "assistant") continue
    const answered = message.content.map((part) => answeredBy(part, requested)).find(Predicate.isNotUndefined)
    if (answered !== undefined) return { at: "mid", answered }
  }
  return { at: "mid", answered: undefined }
}

const answeredBy = (part: Prompt.AssistantMessagePart, requested: Model): ModelRef.ModelRef | undefined => {
  const holdfast = part.options["holdfast"]
  if (!Predicate.hasProperty(holdfast, "answered") || !Predicate.isString(holdfast.answered)) return undefined
  if (Predicate.hasProperty(holdfast, "requested") && holdfast.requested !== ModelRef.format(requested))
    return undefined
  return Result.getOrUndefined(ModelRef.parse(holdfast.answered))
}
