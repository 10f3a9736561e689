/** What Holdfast does of a model's call by itself: all but effect's own decoding of the parts. */
import { Failover } from "@holdfast/core/Failover"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import type { ModelCall } from "@holdfast/providers/Codec"
import { Codecs } from "@holdfast/providers/Codecs"
import { Holdfast } from "holdfast"
import * as Effect from "effect/Effect"
import * as Prompt from "effect/ai/Prompt"
import * as Stream from "effect/Stream"
import * as Marks from "../../packages/providers/src/internal/answer/marks.ts"
import * as ModelAttempt from "../../packages/providers/src/internal/attempt/modelAttempt.ts"
import type { Open } from "../contestant.ts"
import { effects } from "../contestant.ts"
import type { Vendor } from "../wire.ts"
import { prompt } from "../wire.ts"
import { openEach, providersAt, refs } from "./vendors.ts"

const call: ModelCall = {
  prompt: Prompt.make(prompt),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  params: {},
  settings: {}
}

const partsOf = (vendor: Vendor): Open =>
  openEach(vendor, (base) =>
    effects(Holdfast.layer({ providers: providersAt(base) }), ({ streaming }) =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const registry = yield* ProviderRegistry
        const means: ModelAttempt.Means = {
          transport: yield* HttpTransport,
          registry,
          codecs: yield* Codecs,
          limits: {}
        }
        const { chain } = yield* registry.resolve({ model: refs[vendor] })
        if (!streaming) {
          const { value } = yield* failover.run({
            chain,
            attempt: (attempt) => ModelAttempt.generate(means, call, attempt)
          })
          return value.reduce(
            (characters, part) => (part.type === "text" ? characters + part.text.length : characters),
            0
          )
        }
        const parts = failover.stream({
          chain,
          attempt: (attempt) => ModelAttempt.stream(means, call, attempt, Marks.marker(chain[0], attempt.candidate)),
          exposure: Marks.exposure,
          size: Marks.size,
          announce: Marks.announce
        })
        return yield* Stream.runFold(
          parts,
          () => 0,
          (characters, part) => (part.type === "text-delta" ? characters + part.delta.length : characters)
        )
      })
    )
  )

export const openai = partsOf("openai")
export const anthropic = partsOf("anthropic")
