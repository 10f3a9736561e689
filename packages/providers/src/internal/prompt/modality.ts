/** What a model cannot be shown, found before it is sent. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import type * as Prompt from "effect/ai/Prompt"
import type { ModelFacts } from "../../ProviderDefinition.ts"
import { modalityOf, nameOf, unseenBy } from "./file.ts"

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
      if (part.type !== "file") continue
      const modality = modalityOf(part.mediaType)
      const expected = modality === undefined ? undefined : unseenBy(model, input, modality)
      if (expected === undefined) continue
      problems.push({
        kind: "UnsupportedContent",
        place: `prompt.content[${index}].content[${at}]`,
        expected,
        found: nameOf(part)
      })
    }
  }
  return Arr.isArrayNonEmpty(problems) ? new InvalidInput({ problems }) : undefined
}
