/**
 * A model for embeddings as an `EmbeddingModel` of `effect/ai`: every call runs through `Failover`, at other credentials
 * and other hosts of the same model where the policy allows, and at no other model, whatever chain is configured.
 * Vectors of different models do not compare, and an index that holds both is broken without a sign.
 */
import * as Candidate from "@holdfast/core/Candidate"
import { Failover } from "@holdfast/core/Failover"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Turn from "@holdfast/core/Turn"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as AiErrors from "./AiErrors.ts"
import { Codecs } from "./Codecs.ts"
import type { Batch } from "./EmbeddingCodec.ts"
import * as Attempt from "./internal/embeddings/attempt.ts"
import * as Batches from "./internal/embeddings/batches.ts"
import type { Means } from "./internal/attempt/modelAttempt.ts"
import { renew } from "./internal/attempt/keyInUse.ts"
import { limitsAt } from "./internal/attempt/modelAttempt.ts"
import * as Params from "./internal/prompt/params.ts"
import { resolvedWith } from "./internal/languageModel/resolved.ts"

/** What an app sets for a model. */
export interface Options {
  /**
   * The length of every vector. Told to the model where it can be chosen; an answer of another length is refused. Default:
   * the model's own.
   */
  readonly dimensions?: number
  /** Fields of the provider's own request, `user` for one. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Time limits of each request. More texts than a request may hold are several. */
  readonly limits?: TimeLimits.TimeLimits
  /** How many requests of one call may be under way at once. Default 1. */
  readonly concurrency?: number
}

/** What the layer stands on. */
export type Services = Failover | HttpTransport | ProviderRegistry | Codecs

/**
 * Makes an `EmbeddingModel` that asks `model`, and no other.
 *
 * Which model that is, an alias's for one, is settled here; where it is hosted is looked up for every call.
 */
export const make = Effect.fnUntraced(function* (
  model: string,
  options: Options = {}
): Effect.fn.Return<EmbeddingModel.EmbeddingModel, InvalidInput, Services> {
  const failover = yield* Failover
  const registry = yield* ProviderRegistry
  const codecs = yield* Codecs
  const means: Means = {
    transport: yield* HttpTransport,
    registry,
    codecs,
    limits: options.limits
  }
  const {
    chain: [pinned]
  } = yield* resolvedWith(registry.resolve({ model }), problemsOf(options))
  if (!embeds(codecs, pinned)) return yield* Attempt.without(pinned.provider)

  const refresh = renew(registry)

  /** The candidates that are that model, wherever it is hosted. */
  const hosts = Effect.flatMap(
    Effect.suspend(() => registry.resolve({ model })),
    ({ chain }) => {
      const same = chain.filter((other) => Candidate.closeness(pinned, other) === "same-model" && embeds(codecs, other))
      return Arr.isArrayNonEmpty(same) ? Effect.succeed(same) : Effect.fail(anotherNow(pinned, chain))
    }
  )

  const embed = (chain: Chain, totalMs: number) => (texts: ReadonlyArray<string>) =>
    failover
      .run({
        chain,
        moment: Turn.atStart,
        totalMs,
        refresh,
        attempt: (attempt) =>
          Attempt.embed(means, { texts, dimensions: options.dimensions, params: options.params ?? {} }, attempt)
      })
      // A turn's model is the one that talks; who embeds on its behalf says nothing of that.
      .pipe(Effect.provideService(Turn.Current, undefined))

  const embedMany = Effect.fnUntraced(function* (inputs: ReadonlyArray<string>) {
    const chain = yield* hosts
    const [{ credential, provider }] = chain
    const { totalMs } = limitsAt(means, yield* registry.provider(provider, credential))
    const batches = Batches.split(inputs, Batches.smallest(chain.map((host) => batchOf(codecs, host))))
    const answers = yield* Effect.forEach(batches, embed(chain, totalMs), { concurrency: options.concurrency ?? 1 })
    return {
      results: answers.flatMap(({ value }) => value.vectors),
      usage: { inputTokens: totalOf(answers.map(({ value }) => value.inputTokens)) }
    }
  })

  return yield* EmbeddingModel.make({
    embedMany: ({ inputs }) => Effect.mapError(embedMany(inputs), (error) => AiErrors.toAiError(error, "embedMany"))
  })
})

const anotherNow = (pinned: Candidate.Candidate, [found]: Chain): InvalidInput =>
  InvalidInput.of({
    kind: "InvalidOption",
    place: "model",
    expected: `${Candidate.label(pinned)}, whose vectors were given out so far`,
    found: `${Candidate.label(found)}, whose vectors do not compare with them`,
    fix: "make the layer anew, and the index with it"
  })

const embeds = (codecs: Codecs["Service"], candidate: Candidate.Candidate): boolean =>
  codecs.of(candidate)?.definition.embeddings !== undefined

const batchOf = (codecs: Codecs["Service"], candidate: Candidate.Candidate): Batch =>
  codecs.of(candidate)?.definition.embeddings?.largestBatch(candidate.model) ?? { texts: 1 }

/** The tokens of all requests; not known where one did not say. */
const totalOf = (tokens: ReadonlyArray<number | undefined>): number | undefined =>
  tokens.reduce((total, each) => (total === undefined || each === undefined ? undefined : total + each), 0)

// What the call itself says, and the one form of vectors that is read.
const reserved = ["model", "input", "dimensions", "encoding_format"]

const problemsOf = ({ concurrency = 1, dimensions = 1, limits, params = {} }: Options): ReadonlyArray<Problem> => [
  ...TimeLimits.problems(limits),
  ...Object.entries({ concurrency, dimensions }).flatMap(([place, value]) =>
    Number.isSafeInteger(value) && value > 0
      ? []
      : [{ kind: "InvalidOption" as const, place, expected: "a whole number above 0", found: String(value) }]
  ),
  ...reserved.filter((name) => name in params).map((name) => Params.taken(name))
]

/** The layer of an `EmbeddingModel`, with its `Dimensions` where they are set. */
export interface MakeLayer {
  (
    model: string,
    options: Options & { readonly dimensions: number }
  ): Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions, InvalidInput, Services>
  (model: string, options?: Options): Layer.Layer<EmbeddingModel.EmbeddingModel, InvalidInput, Services>
}

/**
 * A model for embeddings as an `EmbeddingModel`.
 *
 * **Details**
 *
 * Texts beyond what one request of the provider may hold are sent in several. Every answer is checked: one vector for
 * each text, in the texts' order, of finite numbers, all of one length; anything else is a `MalformedResponse`. Errors are
 * `AiError`s as a model's are, with the failure that `AiErrors.failureOf` takes out again.
 *
 * **Example**
 *
 * ```ts
 * import { EmbeddingModels } from "@holdfast/providers"
 * import * as Effect from "effect/Effect"
 * import { EmbeddingModel } from "effect/ai"
 *
 * const program = Effect.gen(function* () {
 *   const model = yield* EmbeddingModel.EmbeddingModel
 *   const { embeddings } = yield* model.embedMany(["kelp", "rock"])
 *   return embeddings.map(({ vector }) => vector.length)
 * }).pipe(Effect.provide(EmbeddingModels.layer("openai/text-embedding-3-small", { dimensions: 256 })))
 * ```
 */
export const layer: MakeLayer = (model: string, options?: Options) =>
  Layer.effectContext(
    Effect.map(make(model, options), (embeddingModel) => {
      const context = Context.make(EmbeddingModel.EmbeddingModel, embeddingModel)
      return options?.dimensions === undefined
        ? // The signature with dimensions is taken where there are some, and no other promises the service.
          (context as Context.Context<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions>)
        : Context.add(context, EmbeddingModel.Dimensions, options.dimensions)
    })
  )
