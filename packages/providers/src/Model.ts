/**
 * A chain of models as a `LanguageModel` of `effect/ai`: every call runs through `Failover`, and every answer says who
 * was asked and who answered.
 */
import * as Candidate from "@holdfast/core/Candidate"
import type { Answered } from "@holdfast/core/Failover"
import { Failover } from "@holdfast/core/Failover"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Resolution } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Turn from "@holdfast/core/Turn"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as AiError from "effect/ai/AiError"
import * as AiErrors from "./AiErrors.ts"
import type { ModelCall } from "./Codec.ts"
import { Codecs } from "./Codecs.ts"
import { guarded } from "./internal/guarded.ts"
import * as Marks from "./internal/marks.ts"
import * as ModelAttempt from "./internal/modelAttempt.ts"
import { codecTransformer } from "./internal/structuredOutput.ts"

/** What an app sets for a model. */
export interface Options {
  /** Models that may stand in, in order. */
  readonly fallbacks?: ReadonlyArray<string>
  /** Fields of the provider's own request, `max_tokens` for one. */
  readonly params?: Readonly<Record<string, unknown>>
  readonly limits?: TimeLimits.TimeLimits
  /** Told of every swap, before the first content of the answer reaches the app. */
  readonly onSwap?: (answered: Answered) => Effect.Effect<void>
}

/** What the layer stands on. */
export type Services = Failover | HttpTransport | ProviderRegistry | Codecs

/** Makes a `LanguageModel` that asks `model` and, where verdict and swap rule allow, its fallbacks. */
export const make = Effect.fnUntraced(function* (
  model: string,
  options: Options = {}
): Effect.fn.Return<LanguageModel.LanguageModel, InvalidInput, Services> {
  const failover = yield* Failover
  const registry = yield* ProviderRegistry
  const means: ModelAttempt.Means = {
    transport: yield* HttpTransport,
    registry,
    codecs: yield* Codecs,
    limits: TimeLimits.resolve(options.limits)
  }
  const { chain } = yield* resolutionOf(registry, model, options)

  const callOf = (asked: LanguageModel.ProviderOptions): ModelCall => ({
    prompt: asked.prompt,
    tools: asked.tools,
    toolChoice: asked.toolChoice,
    responseFormat: asked.responseFormat,
    params: options.params ?? {},
    settings: {}
  })

  const onSwap = options.onSwap === undefined ? undefined : { onSwap: options.onSwap }

  const generateText = (asked: LanguageModel.ProviderOptions) =>
    Effect.flatMap(momentOf(asked.prompt, chain[0]), (moment) =>
      failover.run({
        chain,
        moment,
        ...onSwap,
        totalMs: means.limits.totalMs,
        attempt: (attempt) => ModelAttempt.generate(means, callOf(asked), attempt)
      })
    ).pipe(
      Effect.map((answer) => Marks.mark(answer.value, answer)),
      Effect.mapError((error) =>
        AiErrors.toAiError(error, asked.responseFormat.type === "json" ? "generateObject" : "generateText")
      )
    )

  const streamText = (
    asked: LanguageModel.ProviderOptions
  ): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> =>
    Stream.unwrap(
      Effect.map(momentOf(asked.prompt, chain[0]), (moment) =>
        failover.stream({
          chain,
          moment,
          ...onSwap,
          totalMs: means.limits.totalMs,
          attempt: (attempt) =>
            Stream.map(ModelAttempt.stream(means, callOf(asked), attempt), Marks.marker(chain[0], attempt.candidate)),
          exposure: Marks.exposure,
          announce: Marks.announce
        })
      )
    ).pipe(Stream.mapError((error) => AiErrors.toAiError(error, "streamText")))

  return guarded(yield* LanguageModel.make({ generateText, streamText, codecTransformer }))
})

/** What was asked, or all that is wrong with what was asked and with the limits. */
const resolutionOf = (
  registry: ProviderRegistry["Service"],
  model: string,
  { fallbacks = [], limits }: Options
): Effect.Effect<Resolution, InvalidInput> => {
  const problems = TimeLimits.problems(limits)
  const resolved = registry.resolve({ model, fallbacks })
  if (!Arr.isReadonlyArrayNonEmpty(problems)) return resolved
  return Effect.matchEffect(resolved, {
    onFailure: (wrong) => Effect.fail(new InvalidInput({ problems: [...wrong.problems, ...problems] })),
    onSuccess: () => Effect.fail(new InvalidInput({ problems }))
  })
}

/** Where the call stands, by the explicit turn's record or by the prompt's: whichever knows of more. */
const momentOf = (prompt: Prompt.Prompt, requested: Candidate.Candidate): Effect.Effect<Turn.Moment> =>
  Effect.map(Turn.Current, (turn) => {
    const told = Turn.fromPrompt(prompt, requested)
    const recorded = turn === undefined ? Turn.atStart : Turn.momentOf(turn, requested)
    return recorded.answered === undefined && told.at === "mid" ? told : recorded
  })

/** A chain of models as a `LanguageModel`, named after the first. */
export const layer = (
  model: string,
  options?: Options
): Layer.Layer<LanguageModel.LanguageModel | AiModel.ProviderName | AiModel.ModelName, InvalidInput, Services> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const languageModel = yield* make(model, options)
      const registry = yield* ProviderRegistry
      const {
        chain: [first]
      } = yield* registry.resolve({ model })
      return Context.make(LanguageModel.LanguageModel, languageModel).pipe(
        Context.add(AiModel.ProviderName, first.provider),
        Context.add(AiModel.ModelName, Candidate.ref(first).model)
      )
    })
  )
