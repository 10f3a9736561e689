/** A prompt as a request's `input` items. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import type { Target } from "../../Codec.ts"
import type * as Json from "../json.ts"
import { resultText } from "../prompt/toolText.ts"
import { assistantItems } from "./assistant.ts"
import { fileInput, textInput } from "./content.ts"

/** The items of the messages from `from` on; what they cannot say is added to `problems`. */
export const inputOf = (
  prompt: Prompt.Prompt,
  target: Target,
  problems: Array<Problem>,
  from = 0
): ReadonlyArray<Json.Json> => {
  const items: Array<Json.Json> = []
  const reasons = target.facts?.reasons !== false
  for (const [index, message] of prompt.content.entries()) {
    if (index < from) continue
    const place = `prompt.content[${index}]`
    switch (message.role) {
      case "system":
        // What a model that reasons knows as the developer's word (platform.openai.com/docs, "Message roles").
        items.push({ role: target.facts?.reasons === true ? "developer" : "system", content: message.content })
        break
      case "user": {
        const content = contentsOf(message.content, target, problems, `${place}.content`)
        if (content.length > 0) items.push({ role: "user", content })
        break
      }
      case "assistant":
        items.push(...assistantItems(message, reasons))
        break
      case "tool":
        for (const [at, part] of message.content.entries()) {
          if (part.type !== "tool-result" || part.providerExecuted) continue
          const output = outputOf(part, target, problems, `${place}.content[${at}]`)
          items.push({ type: "function_call_output", call_id: part.id, output })
        }
        break
    }
  }
  return items
}

const contentsOf = (
  parts: ReadonlyArray<Prompt.TextPart | Prompt.FilePart>,
  target: Target,
  problems: Array<Problem>,
  place: string
): ReadonlyArray<Json.Json> => {
  const contents: Array<Json.Json> = []
  for (const [index, part] of parts.entries()) {
    if (part.type === "text") {
      if (part.text !== "") contents.push(textInput(part.text))
      continue
    }
    const file = fileInput(part, target, `${place}[${index}]`)
    if (Result.isSuccess(file)) contents.push(file.success)
    else problems.push(file.failure)
  }
  return contents
}

/** A text, or a list where the tool gave the model files to see. */
const outputOf = (part: Prompt.ToolResultPart, target: Target, problems: Array<Problem>, place: string): unknown =>
  part.modelOutput?.some(({ type }) => type === "file") === true
    ? contentsOf(part.modelOutput, target, problems, `${place}.modelOutput`)
    : resultText(part)
