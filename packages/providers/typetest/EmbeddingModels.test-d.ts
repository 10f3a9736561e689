import type { Failure } from "@holdfast/core/Failure"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as EmbeddingModels from "@holdfast/providers/EmbeddingModels"
import * as ModelList from "@holdfast/providers/ModelList"
import { ollama } from "@holdfast/providers/definitions/ollama"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as EmbeddingModel from "effect/ai/EmbeddingModel"
import { expectTypeOf, test } from "vitest"

test("a layer of embeddings has Dimensions where they are set, and fails with InvalidInput alone", () => {
  expectTypeOf(EmbeddingModels.layer("openai/text-embedding-3-small")).toEqualTypeOf<
    Layer.Layer<EmbeddingModel.EmbeddingModel, InvalidInput, EmbeddingModels.Services>
  >()
  expectTypeOf(EmbeddingModels.layer("openai/text-embedding-3-small", { dimensions: 256 })).toEqualTypeOf<
    Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions, InvalidInput, EmbeddingModels.Services>
  >()
})

test("a layer of embeddings takes no other models", () => {
  // @ts-expect-error vectors of different models do not compare
  EmbeddingModels.layer("openai/text-embedding-3-small", { fallbacks: ["openai/text-embedding-3-large"] })
})

test("a list of models fails as an attempt does", () => {
  expectTypeOf(ModelList.of(ollama)).toEqualTypeOf<
    Effect.Effect<ReadonlyArray<string>, Failure | InvalidInput, HttpTransport | ProviderRegistry>
  >()
})
