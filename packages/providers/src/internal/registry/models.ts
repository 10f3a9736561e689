/** What is known of models: what the table knows, with what is configured in its place. */
import type { Candidate } from "@holdfast/core/Candidate"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { ModelSettings } from "@holdfast/core/ProviderRegistry"
import type { Spoken } from "../../Codecs.ts"
import type { Configuration } from "../../Configuration.ts"
import type { ModelFacts } from "../../ProviderDefinition.ts"
import { kinOf } from "../models/kin.ts"
import type { Entry } from "./entry.ts"
import { bounded } from "./memo.ts"
import type { Slot } from "./slot.ts"

/** What is known of models. */
export interface Models {
  /** A model with one of its provider's credentials. */
  readonly candidateOf: (entry: Entry, ref: ModelRef.ModelRef, slot: Slot) => Candidate
  readonly of: (candidate: Candidate) => Spoken | undefined
  readonly settings: (candidate: Candidate) => ModelSettings | undefined
}

interface Known {
  readonly spoken: Spoken | undefined
  readonly settings: ModelSettings | undefined
}

/** Reads what is configured of models. */
export const make = (models: Configuration["models"], entries: ReadonlyMap<string, Entry>): Models => {
  const configured = new Map(Object.entries(models))
  const settings = new Map([...configured].map(([ref, model]) => [ref, settingsOf(model)]))
  const candidates = bounded<Candidate>()
  // By the candidate itself, which is asked for several times in each call.
  const known = new WeakMap<Candidate, Known>()

  const factsOf = (entry: Entry, ref: Pick<ModelRef.ModelRef, "provider" | "model">): ModelFacts | undefined => {
    const facts = configured.get(ModelRef.format(ref))?.facts
    const known = entry.definition.describe(ref.model)
    return facts === undefined ? known : { ...known, ...facts }
  }

  const spokenOf = (candidate: Candidate): Spoken | undefined => {
    const entry = entries.get(candidate.provider)
    const codec = entry?.definition.codecs.find(({ api }) => api === candidate.api)
    if (entry === undefined || codec === undefined) return undefined
    return { codec, definition: entry.definition, facts: factsOf(entry, candidate) }
  }

  const knownOf = (candidate: Candidate): Known => {
    const before = known.get(candidate)
    if (before !== undefined) return before
    const found = { spoken: spokenOf(candidate), settings: settings.get(ModelRef.format(candidate)) }
    known.set(candidate, found)
    return found
  }

  return {
    candidateOf: (entry, ref, slot) => {
      const credential = entry.slots.length === 1 ? undefined : slot.name
      return candidates.get(`${ModelRef.format(ref)} ${credential ?? ""}`, () => {
        return {
          provider: ref.provider,
          model: ref.model,
          ...(credential === undefined ? undefined : { credential }),
          api: entry.codec.api,
          endpoint: entry.endpoint,
          ...kinOf(factsOf(entry, ref))
        }
      })
    },
    of: (candidate) => knownOf(candidate).spoken,
    settings: (candidate) => knownOf(candidate).settings
  }
}

const settingsOf = ({
  cacheRetention,
  context1m,
  params = {},
  transport
}: Configuration["models"][string]): ModelSettings => ({
  params,
  ...(cacheRetention === undefined ? undefined : { cacheRetention }),
  ...(context1m === undefined ? undefined : { context1m }),
  ...(transport === undefined ? undefined : { transport })
})
