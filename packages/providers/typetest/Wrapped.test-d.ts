/** What a wrapped model provides, fails with and needs. */
import type { Failover } from "@holdfast/core/Failover"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as Model from "@holdfast/providers/Model"
import * as Wrapped from "@holdfast/providers/Wrapped"
import type * as Layer from "effect/Layer"
import type { LanguageModel } from "effect/ai/LanguageModel"
import type * as AiModel from "effect/ai/Model"
import { describe, expectTypeOf, it } from "vitest"

interface Client {
  readonly _: unique symbol
}
interface Settings {
  readonly _: unique symbol
}
class NoKey {
  readonly _tag = "NoKey"
}
class NoFile {
  readonly _tag = "NoFile"
}

type Made = LanguageModel | AiModel.ProviderName | AiModel.ModelName

declare const theirs: Layer.Layer<LanguageModel, NoKey, Client>
declare const named: Layer.Layer<Made, NoFile, Settings>

describe("layer", () => {
  it("needs failover and what the model needs, and nothing of ours besides", () => {
    expectTypeOf(Wrapped.layer(theirs, { model: "anthropic/claude-opus-4-7" })).toEqualTypeOf<
      Layer.Layer<Made, NoKey | InvalidInput, Client | Failover>
    >()
    expectTypeOf(Wrapped.layer(named)).toEqualTypeOf<Layer.Layer<Made, NoFile | InvalidInput, Settings | Failover>>()
  })

  it("needs what its fallbacks need, and fails as they do", () => {
    const both = Wrapped.layer(theirs, {
      model: "anthropic/claude-opus-4-7",
      fallbacks: [named, { layer: theirs, model: "openai/gpt-5.5" }]
    })
    expectTypeOf(both).toEqualTypeOf<Layer.Layer<Made, NoKey | NoFile | InvalidInput, Client | Settings | Failover>>()
  })

  it("needs our services where one of ours stands in", () => {
    const ours = Wrapped.layer(theirs, { model: "anthropic/claude-opus-4-7", fallbacks: ["openai/gpt-5.5"] })
    expectTypeOf(ours).toEqualTypeOf<Layer.Layer<Made, NoKey | InvalidInput, Client | Failover | Model.Services>>()
  })

  it("takes no fallback that is no model", () => {
    // @ts-expect-error a number is no model
    Wrapped.layer(theirs, { model: "a/b", fallbacks: [1] })
  })
})
