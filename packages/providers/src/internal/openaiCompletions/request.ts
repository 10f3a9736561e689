/** A model call as a chat completion request (platform.openai.com/docs, "Create chat completion"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import type { CompletionsDialect } from "../../CompletionsDialect.ts"
import * as Json from "../json.ts"
import { nameOf } from "../prompt/openaiNames.ts"
import * as Params from "../prompt/params.ts"
import * as StructuredOutput from "../prompt/structuredOutput.ts"
import type { Message } from "./messages.ts"
import { alternating, messagesOf } from "./messages.ts"
import { marked } from "./promptCache.ts"
import { toolsOf, withoutTools } from "./tools.ts"

/** The request's body, or everything that the target cannot be told. */
export const encode = (call: ModelCall, target: Target, streaming: boolean): Result.Result<Encoded, InvalidInput> => {
  const dialect = target.definition.dialect?.(target.model) ?? {}
  const problems: Array<Problem> = []
  take(Params.check(call), problems)
  const object = take(wantedOf(call, dialect), problems)
  const written = messagesOf(call, target, dialect, problems)
  const tools = toolsOf(call, dialect, problems)
  if (Arr.isArrayNonEmpty(problems)) return Result.fail(new InvalidInput({ problems }))
  if (object !== undefined && dialect.structuredOutput === "json_object") instruct(written, object, dialect)
  const messages = dialect.alternates === true ? alternating(written) : written
  return Result.succeed({
    body: {
      model: target.model,
      messages: dialect.cache === "cache_control" ? marked(messages, call.settings.cacheRetention ?? "none") : messages,
      ...tools,
      ...(object === undefined ? undefined : { response_format: formatOf(object, dialect) }),
      ...(dialect.cache === "prompt_cache_retention" && call.settings.cacheRetention === "long"
        ? { prompt_cache_retention: "24h" }
        : undefined),
      ...paramsOf(call, dialect, "tools" in tools),
      ...(streaming ? streamOf(call.params["stream_options"], dialect) : undefined)
    }
  })
}

/** The value, or its problems with the others. */
const take = <A>(result: Result.Result<A, InvalidInput>, problems: Array<Problem>): A | undefined => {
  if (Result.isSuccess(result)) return result.success
  problems.push(...result.failure.problems)
  return undefined
}

const wantedOf = (
  call: ModelCall,
  { structuredOutput = "json_schema" }: CompletionsDialect
): Result.Result<StructuredOutput.Wanted | undefined, InvalidInput> => {
  if (structuredOutput === "json_schema") return StructuredOutput.wanted(call, StructuredOutput.openai)
  // A schema that is told in words is held to no provider's subset.
  if (structuredOutput === "json_object") return StructuredOutput.wanted(call, StructuredOutput.codecTransformer)
  if (call.responseFormat.type === "text") return Result.succeed(undefined)
  return Result.fail(
    InvalidInput.of(Params.unsupported("schema", "text, because the provider has no structured output", "an object"))
  )
}

const formatOf = ({ name, schema }: StructuredOutput.Wanted, { structuredOutput }: CompletionsDialect): Json.Json =>
  structuredOutput === "json_object"
    ? { type: "json_object" }
    : {
        type: "json_schema",
        json_schema: { name: nameOf(name), schema, strict: true }
      }

/** Tells the schema in words, behind the app's own instructions. */
const instruct = (
  messages: Array<Message>,
  { schema }: StructuredOutput.Wanted,
  { instructions = "system" }: CompletionsDialect
): void => {
  const text = `Answer with one JSON object and nothing else. It must fit this JSON Schema:\n${JSON.stringify(schema)}`
  const first = messages.findIndex(({ role }) => role !== instructions)
  messages.splice(first === -1 ? messages.length : first, 0, { role: instructions, content: text })
}

const limits = ["max_tokens", "max_completion_tokens"] as const

/** The app's own fields, in the provider's words. */
const paramsOf = ({ params }: ModelCall, { maxTokens }: CompletionsDialect, hasTools: boolean): Json.Json => {
  const { stream_options: _, tools: __, ...rest } = params
  const fields: Record<string, unknown> = rest
  if (!hasTools) for (const name of withoutTools) delete fields[name]
  const other = maxTokens === undefined ? undefined : limits.find((name) => name !== maxTokens)
  if (maxTokens !== undefined && other !== undefined && other in fields) {
    const { [other]: limit, ...others } = fields
    return { [maxTokens]: limit, ...others }
  }
  return fields
}

const streamOf = (own: unknown, { streamOptions = true }: CompletionsDialect): Json.Json => ({
  stream: true,
  ...(streamOptions ? { stream_options: { ...Json.object(own), include_usage: true } } : undefined)
})
