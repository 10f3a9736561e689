/** What the swap rule knows a model by. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { ModelFacts } from "../../ProviderDefinition.ts"

/** A model's family and identity, as far as they are known. */
export const kinOf = (facts: ModelFacts | undefined): Pick<Candidate, "family" | "identity"> => ({
  ...(facts?.family === undefined ? undefined : { family: facts.family }),
  ...(facts?.identity === undefined ? undefined : { identity: facts.identity })
})
