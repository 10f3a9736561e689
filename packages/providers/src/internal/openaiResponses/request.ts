/** A model call as a request for a response (platform.openai.com/docs, "Create a model response"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import { nameOf } from "../prompt/openaiNames.ts"
import * as Params from "../prompt/params.ts"
import * as StructuredOutput from "../prompt/structuredOutput.ts"
import { inputOf } from "./input.ts"
import { choiceOf, toolsOf } from "./tools.ts"

/** The request's body. */
export const encode = (call: ModelCall, target: Target, streaming: boolean): Result.Result<Encoded, InvalidInput> => {
  const problems: Array<Problem> = []
  const { background, conversation, ...rest } = fieldsOf(call, target, problems)
  const body = {
    ...rest,
    input: inputOf(call.prompt, target, problems),
    // Work in the background and conversations are kept where they are; everything else is not.
    ...("store" in rest || background === true || conversation !== undefined ? undefined : { store: false }),
    ...(background === undefined ? undefined : { background }),
    ...(conversation === undefined ? undefined : { conversation }),
    ...(streaming ? { stream: true } : undefined)
  }
  return Arr.isArrayNonEmpty(problems) ? Result.fail(new InvalidInput({ problems })) : Result.succeed({ body })
}

/** All fields but the conversation; what cannot be said is added to `problems`. */
export const fieldsOf = (
  call: ModelCall,
  target: Target,
  problems: Array<Problem>
): Readonly<Record<string, unknown>> => {
  add(problems, Params.check(call, "openai"))
  if ("input" in call.params) problems.push(Params.taken("input"))
  const object = StructuredOutput.wanted(call, StructuredOutput.openai)
  add(problems, object)
  const { include, text, tools: providersTools, ...params } = renamed(call.params)
  const tools = [...toolsOf(call.tools, problems), ...Json.array(providersTools)]
  return {
    model: target.model,
    ...(tools.length === 0 ? undefined : { tools }),
    ...(call.tools.length === 0 ? undefined : { tool_choice: choiceOf(call) }),
    ...textOf(text, Result.isSuccess(object) ? object.success : undefined),
    ...retentionOf(call, target),
    ...includeOf(include, target),
    ...params
  }
}

const add = (problems: Array<Problem>, result: Result.Result<unknown, InvalidInput>): void => {
  if (Result.isFailure(result)) problems.push(...result.failure.problems)
}

/** Fields that Chat Completions and others have, under the names that they have here. */
const renamed = (params: ModelCall["params"]): Readonly<Record<string, unknown>> => {
  const { max_completion_tokens: most, max_tokens: limit, reasoning_effort: effort, verbosity, ...rest } = params
  const tokens = most ?? limit
  return {
    ...(tokens === undefined ? undefined : { max_output_tokens: tokens }),
    ...rest,
    ...(effort === undefined ? undefined : { reasoning: { effort, ...Json.object(rest["reasoning"]) } }),
    ...(verbosity === undefined ? undefined : { text: { verbosity, ...Json.object(rest["text"]) } })
  }
}

const textOf = (own: unknown, wanted: StructuredOutput.Wanted | undefined): Json.Json | undefined => {
  if (wanted === undefined) return own === undefined ? undefined : { text: own }
  const name = nameOf(wanted.name)
  return { text: { ...Json.object(own), format: { type: "json_schema", name, schema: wanted.schema, strict: true } } }
}

/** How long what was read is kept. `none` cannot be said: the API caches by itself. */
const retentionOf = ({ settings }: ModelCall, { definition }: Target): Json.Json | undefined =>
  // Other hosts of the format refuse a field that they do not know.
  settings.cacheRetention === "long" && definition.id === "openai" ? { prompt_cache_retention: "24h" } : undefined

const encrypted = "reasoning.encrypted_content"

/** Reasoning comes encrypted, to be given back. A model that does not reason refuses to be asked for it. */
const includeOf = (own: unknown, { facts }: Target): Json.Json | undefined => {
  const asked = Json.array(own)
  const include = facts?.reasons === true && !asked.includes(encrypted) ? [...asked, encrypted] : asked
  return include.length === 0 ? undefined : { include }
}
