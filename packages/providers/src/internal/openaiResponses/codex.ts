/**
 * A model call as ChatGPT's backend wants it: the Responses API of Codex, for subscribers.
 *
 * It keeps nothing, always streams, wants `instructions`, and refuses fields that the API for developers has
 * (github.com/openai/codex, codex-rs/codex-api).
 */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import * as Params from "../prompt/params.ts"
import { inputOf } from "./input.ts"
import { fieldsOf } from "./request.ts"

/** Limits and hints that the backend refuses and that an answer can do without. */
const refused = new Set([
  "max_output_tokens",
  "temperature",
  "top_p",
  "prompt_cache_retention",
  "metadata",
  "user",
  "safety_identifier",
  "truncation"
])

/** What would have the backend keep something. */
const keeping = ["background", "conversation", "previous_response_id"]

/** The request's body, and the headers by which the backend knows a session. */
export const encode = (call: ModelCall, target: Target): Result.Result<Encoded, InvalidInput> => {
  const problems: Array<Problem> = []
  // Every model there reasons.
  const reasoning: Target = { ...target, facts: { ...target.facts, reasons: true } }
  for (const field of keeping) {
    if (field in call.params) problems.push(keepsNothing(field))
  }
  if (call.params["store"] === true) problems.push(keepsNothing("store"))
  const fields = Object.entries(fieldsOf(call, reasoning, problems)).filter(([name]) => !refused.has(name))
  const { from, text } = instructionsOf(call.prompt)
  const body = {
    instructions: text,
    parallel_tool_calls: true,
    ...Object.fromEntries(fields),
    input: inputOf(call.prompt, reasoning, problems, from),
    store: false,
    stream: true
  }
  if (Arr.isArrayNonEmpty(problems)) return Result.fail(new InvalidInput({ problems }))
  const session = call.params["prompt_cache_key"]
  return Result.succeed(typeof session === "string" ? { body, headers: { session_id: session } } : { body })
}

const keepsNothing = (field: string): Problem => Params.taken(field, "ChatGPT's backend keeps nothing between requests")

/** The system messages that a prompt begins with, and where the rest begins. */
const instructionsOf = ({ content }: Prompt.Prompt): { readonly text: string; readonly from: number } => {
  const texts: Array<string> = []
  for (const message of content) {
    if (message.role !== "system") break
    texts.push(message.content)
  }
  // An empty text is refused.
  return { text: texts.join("\n\n") || "You are a helpful assistant.", from: texts.length }
}
