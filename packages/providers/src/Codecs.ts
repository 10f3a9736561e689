/** How each candidate is spoken to: its wire format, and what is known of its provider and its model. */
import type { Candidate } from "@holdfast/core/Candidate"
import * as Context from "effect/Context"
import type { Codec } from "./Codec.ts"
import type { ModelFacts, ProviderDefinition } from "./ProviderDefinition.ts"

/** How a candidate is spoken to. */
export interface Spoken {
  readonly codec: Codec
  readonly definition: ProviderDefinition
  /** What table and configuration know of the model. */
  readonly facts: ModelFacts | undefined
}

/** How each candidate is spoken to. */
export class Codecs extends Context.Service<
  Codecs,
  {
    /** Nothing where the provider or its format is not known. */
    readonly of: (candidate: Candidate) => Spoken | undefined
  }
>()("@holdfast/providers/Codecs") {}
