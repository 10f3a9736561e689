/** What a model cannot be shown, found before it is sent. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import type * as Prompt from "effect/ai/Prompt"
import type { Modality, ModelFacts } from "../ProviderDefinition.ts"

/** Everything in a prompt that the model is known not to take. Of what is not known, provider or format judge. */
export const check = (
  prompt: Prompt.Prompt,
  model: string,
  facts: Pick<ModelFacts, "input"> | undefined
): InvalidInput | undefined => {
  const input = facts?.input
  if (input === undefined) return undefined
  const problems: Array<Problem> = []
  for (const [index, message] of prompt.content.entries()) {
    if (message.role !== "user") continue
    for (const [at, part] of message.content.entries()) {
      const modality = part.type === "file" ? modalityOf(part.mediaType) : undefined
      if (modality === undefined || input.includes(modality)) continue
      problems.push({
        kind: "UnsupportedContent",
        place: `prompt.content[${index}].content[${at}]`,
        expected: `${input.join(", ")}, which is what ${model} takes`,
        found: `a file of type ${shown(part)}`
      })
    }
  }
  return Arr.isArrayNonEmpty(problems) ? new InvalidInput({ problems }) : undefined
}

/** What a file is, by its media type (RFC 6838); nothing where that does not tell. */
const modalityOf = (mediaType: string): Modality | undefined => {
  const [type = "", rest = ""] = mediaType.toLowerCase().split("/")
  if (type === "image" || type === "audio" || type === "video" || type === "text") return type
  return type === "application" && rest.startsWith("pdf") ? "pdf" : undefined
}

const shown = (part: Prompt.UserMessagePart): string => (part.type === "file" ? part.mediaType.slice(0, 60) : part.type)
