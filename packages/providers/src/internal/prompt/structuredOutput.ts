/**
 * Objects as answers: the JSON Schema that a provider accepts, and the codec that reads what the model wrote.
 *
 * Anthropic and OpenAI accept different subsets of JSON Schema, but the codecs are one and the same, so that any
 * candidate of a chain may answer.
 */
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Result from "effect/Result"
import * as AnthropicStructuredOutput from "effect/ai/AnthropicStructuredOutput"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import type { ModelCall } from "../../Codec.ts"
import type { Json } from "../json.ts"

/** What a call wants for an answer, as its provider can say it. */
export interface Wanted {
  readonly name: string
  readonly schema: Json
}

/** What a call wants for an answer, where it wants an object; an error if the provider cannot say it. */
export const wanted = (
  { responseFormat }: ModelCall,
  transformer: LanguageModel.CodecTransformer
): Result.Result<Wanted | undefined, InvalidInput> => {
  if (responseFormat.type === "text") return Result.succeed(undefined)
  const { objectName, schema } = responseFormat
  return Result.try({
    try: () => ({ name: objectName, schema: transformer(schema).jsonSchema }),
    catch: (error) =>
      InvalidInput.of({
        kind: "UnsupportedContent",
        place: "schema",
        expected: "a schema that the provider's structured output can express",
        found: error instanceof Error ? error.message : "another one"
      })
  })
}

/** Anthropic's subset. */
export const anthropic: LanguageModel.CodecTransformer = AnthropicStructuredOutput.toCodecAnthropic

/** OpenAI's subset. */
export const openai: LanguageModel.CodecTransformer = OpenAiStructuredOutput.toCodecOpenAI

/** The codec that reads an answer, whoever gave it. It was asked for, so that one of the two can express it. */
export const codecTransformer: LanguageModel.CodecTransformer = (schema) => {
  try {
    return anthropic(schema)
  } catch {
    return openai(schema)
  }
}
