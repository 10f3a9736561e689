/** Calls as requests to Anthropic, for tests of what we send. */
import type Anthropic from "@anthropic-ai/sdk"
import * as AnthropicMessages from "@holdfast/providers/AnthropicMessages"
import type { Encoded, ModelCall } from "@holdfast/providers/Codec"
import { anthropic, describe as describeModel } from "@holdfast/providers/definitions/anthropic"
import type { ModelFacts } from "@holdfast/providers/ProviderDefinition"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"

export const { codec } = AnthropicMessages

export const Weather = Tool.make("weather", {
  description: "The weather in a city.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})

const hi = Prompt.make("hi")

export const call: ModelCall = {
  prompt: hi,
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  params: {},
  settings: {}
}

export const encode = (
  more: Partial<ModelCall> = {},
  model = "claude-opus-4-7",
  facts: ModelFacts | undefined = undefined
) => codec.encode({ ...call, ...more }, { model, definition: anthropic, facts: facts ?? describeModel(model) }, false)

export const encoded = (...args: Parameters<typeof encode>): Encoded => Result.getOrThrow(encode(...args))

/** A body as its type says; the types of what we build are only checked by comparing with something of that type. */
export const body = (...args: Parameters<typeof encode>): Anthropic.MessageCreateParams =>
  encoded(...args).body as unknown as Anthropic.MessageCreateParams

export const messages = (prompt: Prompt.RawInput, more: Partial<ModelCall> = {}) =>
  body({ ...more, prompt: Prompt.make(prompt) }).messages

export const problems = (...args: Parameters<typeof encode>) =>
  Result.getOrThrow(Result.flip(encode(...args))).problems.map(({ kind, place }) => `${kind} ${place}`)

export const toolCall = (id: string, name: string, params: unknown, options: Prompt.ProviderOptions = {}) => ({
  type: "tool-call" as const,
  id,
  name,
  params,
  providerExecuted: options["anthropic"] !== undefined && "block" in Object(options["anthropic"]),
  options
})

export const toolResult = (
  id: string,
  name: string,
  result: unknown,
  more: Partial<Prompt.ToolResultPartEncoded> = {}
): Prompt.ToolResultPartEncoded => ({
  type: "tool-result",
  id,
  name,
  result,
  isFailure: false,
  providerExecuted: false,
  ...more
})
