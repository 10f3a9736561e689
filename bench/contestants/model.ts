/** A Holdfast model as a `LanguageModel`: what an app calls. */
import { Holdfast } from "holdfast"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Stream from "effect/Stream"
import type { Open } from "../contestant.ts"
import { effects } from "../contestant.ts"
import type { Vendor } from "../wire.ts"
import { prompt } from "../wire.ts"
import { openEach, providersAt, refs } from "./vendors.ts"

const generate = Effect.map(LanguageModel.generateText({ prompt }), ({ text }) => text.length)

const stream = Stream.runFold(
  LanguageModel.streamText({ prompt }),
  () => 0,
  (characters, part) => (part.type === "text-delta" ? characters + part.delta.length : characters)
)

const modelOf = (vendor: Vendor): Open =>
  openEach(vendor, (base) =>
    effects(
      Layer.provide(Holdfast.model(refs[vendor]), Holdfast.layer({ providers: providersAt(base) })),
      ({ streaming }) => (streaming ? stream : generate)
    )
  )

export const openai = modelOf("openai")
export const anthropic = modelOf("anthropic")
