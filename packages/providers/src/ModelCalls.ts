/**
 * The calls of `LanguageModel` with the error channel that says what may still be done: `ReplaySafe`, `ReplayAmbiguous`,
 * `ReplayUnsafe`, `SwapDenied` and `InvalidInput` beside `AiError`, so that the combinators of `ReplaySafety` and
 * `Failure.catchReason` apply.
 *
 * They are the same calls: what fails is taken out of the `AiError` that carries it. An `AiError` that carries nothing of
 * ours stays one: of a model that is not ours, of a tool that does not exist, of an object that does not decode.
 */
// The overloads are effect's own, which would infer less without it.
/* oxlint-disable typescript/no-explicit-any */
import type { GivenUp } from "@holdfast/core/Failover"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { NoExcessProperties } from "effect/Types"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import * as AiErrors from "./AiErrors.ts"

/** An error channel in which what an `AiError` carries stands for itself. */
export type Typed<E> = E | (AiError.AiError extends E ? GivenUp | InvalidInput : never)

/** What a call of its own fails with, without the errors of tools. */
export type Error = Typed<AiError.AiError>

/** The failure or the invalid input that an `AiError` carries, in its place. */
export const unwrapError = <E>(error: E): Typed<E> => {
  if (!AiError.isAiError(error)) return error
  // The condition of the result's type: what carries either is an AiError.
  return (AiErrors.swapDeniedOf(error) ??
    AiErrors.failureOf(error) ??
    AiErrors.invalidInputOf(error) ??
    error) as Typed<E>
}

type WithoutToolkit = Omit<LanguageModel.GenerateTextOptions<{}>, "toolkit"> & { readonly toolkit?: undefined }

/** `generateText`, typed. The overloads are effect's own. */
export interface GenerateText<M> {
  <Options extends NoExcessProperties<WithoutToolkit, Options>>(
    options: Options & WithoutToolkit
  ): Effect.Effect<
    LanguageModel.GenerateTextResponse<{}, LanguageModel.ExtractToolParametersModeWithoutToolkit<Options>>,
    Typed<LanguageModel.ExtractError<Options>>,
    M | LanguageModel.ExtractServices<Options>
  >
  <
    Tools extends Record<string, Tool.Any>,
    Options extends NoExcessProperties<
      LanguageModel.GenerateTextOptions<Tools> & { readonly toolkit: LanguageModel.ToolkitInput<Tools> },
      Options
    >
  >(
    options: Options &
      LanguageModel.GenerateTextOptions<Tools> & { readonly toolkit: LanguageModel.ToolkitInput<Tools> }
  ): Effect.Effect<
    LanguageModel.GenerateTextResponse<Tools, LanguageModel.ExtractToolParametersMode<Options>>,
    Typed<LanguageModel.ExtractError<Options>>,
    M | LanguageModel.ExtractServices<Options>
  >
  <
    Options extends {
      readonly toolkit: LanguageModel.ToolkitOption<any>
    } & NoExcessProperties<LanguageModel.GenerateTextOptions<any>, Options>
  >(
    options: Options &
      LanguageModel.GenerateTextOptions<LanguageModel.ExtractTools<Options>> & { readonly toolkit: Options["toolkit"] }
  ): Effect.Effect<
    LanguageModel.GenerateTextResponse<
      LanguageModel.ExtractTools<Options>,
      LanguageModel.ExtractToolParametersMode<Options>
    >,
    Typed<LanguageModel.ExtractError<Options>>,
    M | LanguageModel.ExtractServices<Options>
  >
}

/** `streamText`, typed. The overloads are effect's own. */
export interface StreamText<M> {
  <Options extends NoExcessProperties<WithoutToolkit, Options>>(
    options: Options & WithoutToolkit
  ): Stream.Stream<
    Response.StreamPart<{}, LanguageModel.ExtractToolParametersModeWithoutToolkit<Options>>,
    Typed<LanguageModel.ExtractError<Options>>,
    M | LanguageModel.ExtractServices<Options>
  >
  <
    Tools extends Record<string, Tool.Any>,
    Options extends NoExcessProperties<
      LanguageModel.GenerateTextOptions<Tools> & { readonly toolkit: LanguageModel.ToolkitInput<Tools> },
      Options
    >
  >(
    options: Options &
      LanguageModel.GenerateTextOptions<Tools> & { readonly toolkit: LanguageModel.ToolkitInput<Tools> }
  ): Stream.Stream<
    Response.StreamPart<Tools, LanguageModel.ExtractToolParametersMode<Options>>,
    Typed<LanguageModel.ExtractError<Options>>,
    M | LanguageModel.ExtractServices<Options>
  >
  <
    Options extends {
      readonly toolkit: LanguageModel.ToolkitOption<any>
    } & NoExcessProperties<LanguageModel.GenerateTextOptions<any>, Options>
  >(
    options: Options &
      LanguageModel.GenerateTextOptions<LanguageModel.ExtractTools<Options>> & { readonly toolkit: Options["toolkit"] }
  ): Stream.Stream<
    Response.StreamPart<LanguageModel.ExtractTools<Options>, LanguageModel.ExtractToolParametersMode<Options>>,
    Typed<LanguageModel.ExtractError<Options>>,
    M | LanguageModel.ExtractServices<Options>
  >
}

/** `generateObject`, typed. */
export type GenerateObject<M> = <
  ObjectEncoded extends Record<string, any>,
  StructuredOutputSchema extends Schema.Encoder<ObjectEncoded, unknown>,
  Options extends NoExcessProperties<LanguageModel.GenerateObjectOptions<any, StructuredOutputSchema>, Options>
>(
  options: Options & LanguageModel.GenerateObjectOptions<LanguageModel.ExtractTools<Options>, StructuredOutputSchema>
) => Effect.Effect<
  LanguageModel.GenerateObjectResponse<
    LanguageModel.ExtractTools<Options>,
    StructuredOutputSchema["Type"],
    LanguageModel.ExtractToolParametersMode<Options>
  >,
  Typed<LanguageModel.ExtractError<Options>>,
  LanguageModel.ExtractServices<Options> | StructuredOutputSchema["DecodingServices"] | M
>

/** The calls of one model. */
export interface Calls<M = never> {
  readonly generateText: GenerateText<M>
  readonly streamText: StreamText<M>
  readonly generateObject: GenerateObject<M>
}

/** The calls of a model that is at hand. */
export const of = (model: LanguageModel.LanguageModel): Calls => callsOf(Effect.succeed(model))

// The methods' overloads cannot be restated for a wrapper; each passes its argument and its result's types through.
const callsOf = <M>(model: Effect.Effect<LanguageModel.LanguageModel, never, M>): Calls<M> => ({
  generateText: ((options: never) =>
    Effect.flatMap(model, (model) => Effect.mapError(model.generateText(options), unwrapError))) as never,
  streamText: ((options: never) =>
    Stream.unwrap(Effect.map(model, (model) => Stream.mapError(model.streamText(options), unwrapError)))) as never,
  generateObject: ((options: never) =>
    Effect.flatMap(model, (model) => Effect.mapError(model.generateObject(options), unwrapError))) as never
})

const calls = callsOf(LanguageModel.LanguageModel)

/**
 * Generates text with the model of the context.
 *
 * **Example**
 *
 * ```ts
 * import { ReplaySafety } from "@holdfast/core"
 * import { Model, ModelCalls } from "@holdfast/providers"
 * import * as Effect from "effect/Effect"
 *
 * const ask = (model: string) =>
 *   ModelCalls.generateText({ prompt: "Say hello." }).pipe(Effect.provide(Model.layer(model)))
 *
 * const program = ask("anthropic/claude-opus-4-7").pipe(ReplaySafety.orElseWhenSafe(() => ask("openai/gpt-5.5")))
 * ```
 */
export const generateText: GenerateText<LanguageModel.LanguageModel> = calls.generateText

/** Streams text from the model of the context. */
export const streamText: StreamText<LanguageModel.LanguageModel> = calls.streamText

/** Generates an object with the model of the context. */
export const generateObject: GenerateObject<LanguageModel.LanguageModel> = calls.generateObject
