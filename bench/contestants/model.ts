/** A Holdfast model as a `LanguageModel`: what an app calls. */
/* oxlint-disable no-await-in-loop -- one after the other, so that nothing is measured beside another */
import { Holdfast } from "holdfast"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Client, Open } from "../contestant.ts"
import { effects } from "../contestant.ts"
import { apiKey, model, prompt } from "../wire.ts"

const layerOf = (baseUrl: string) =>
  Holdfast.model(`openai/${model}`).pipe(
    Layer.provide(Holdfast.layer({ providers: { openai: { baseUrl, apiKey: Redacted.make(apiKey) } } }))
  )

const generate = Effect.map(LanguageModel.generateText({ prompt }), ({ text }) => text.length)

const stream = Stream.runFold(
  LanguageModel.streamText({ prompt }),
  () => 0,
  (characters, part) => (part.type === "text-delta" ? characters + part.delta.length : characters)
)

/** A registry has one base URL a provider, so there is one client for each. */
export const languageModel: Open = async () => {
  const clients = new Map<string, Promise<Client>>()
  const clientOf = (base: string) => {
    const known = clients.get(base)
    if (known !== undefined) return known
    const made = effects(layerOf(base), ({ streaming }) => (streaming ? stream : generate))
    clients.set(base, made)
    return made
  }
  return {
    counted: "openai",
    round: (asked) => async (calls, atOnce) => (await clientOf(asked.base)).round(asked)(calls, atOnce),
    close: async () => {
      for (const client of clients.values()) await (await client).close()
    }
  }
}
