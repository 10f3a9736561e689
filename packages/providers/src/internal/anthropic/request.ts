/** A model call as Anthropic's request (docs, "Messages"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../prompt/params.ts"
import * as StructuredOutput from "../prompt/structuredOutput.ts"
import * as Caching from "./caching.ts"
import type { Conversation } from "./conversation.ts"
import { conversationOf } from "./conversation.ts"
import * as Tools from "./tools.ts"

/** The request. Everything that Anthropic cannot be told is a problem, all of them at once. */
export const encode = (call: ModelCall, target: Target, streaming: boolean): Result.Result<Encoded, InvalidInput> => {
  const wanted = StructuredOutput.wanted(call, StructuredOutput.anthropic)
  const conversation = conversationOf(call, target, Tools.namesOf(call.tools))
  const tools = [...call.tools.map(Tools.toolOf), ...Json.array(call.params["tools"]).map(Json.object)]
  const problems: ReadonlyArray<Problem> = [
    ...problemsOf(Params.check(call, "anthropic")),
    ...betaProblems(call.params["betas"]),
    ...systemProblems(call, conversation),
    ...Tools.problemsOf(tools),
    ...problemsOf(wanted),
    ...problemsOf(conversation),
    ...Caching.problemsOf(conversation, tools, call.params)
  ]
  if (Arr.isReadonlyArrayNonEmpty(problems)) return Result.fail(new InvalidInput({ problems }))
  return Result.gen(function* () {
    const body = bodyOf(call, target, yield* conversation, yield* wanted, tools)
    const headers = headersOf(call, target)
    return { body: streaming ? { ...body, stream: true } : body, ...(headers === undefined ? undefined : { headers }) }
  })
}

const problemsOf = (result: Result.Result<unknown, InvalidInput>): ReadonlyArray<Problem> =>
  Result.isFailure(result) ? result.failure.problems : []

const bodyOf = (
  call: ModelCall,
  target: Target,
  conversation: Conversation,
  wanted: StructuredOutput.Wanted | undefined,
  tools: ReadonlyArray<Json.Json>
): Json.Json => {
  const { betas: _, output_config: outputConfig, tool_choice: choice, tools: __, ...params } = call.params
  const { container, messages, system } = conversation
  const cachedTools = Caching.withBreakpoints(call, conversation, tools)
  return {
    model: target.model,
    max_tokens: mostTokens(params, target),
    ...(system.length === 0 ? undefined : { system }),
    messages,
    ...(tools.length === 0 ? undefined : { tools: cachedTools }),
    ...choiceOf(call, choice),
    ...outputOf(outputConfig, wanted),
    ...(container === undefined ? undefined : { container }),
    ...params
  }
}

const choiceOf = (call: ModelCall, own: unknown) => {
  if (call.tools.length === 0) return own === undefined ? undefined : { tool_choice: own }
  return { tool_choice: Tools.choiceOf(named(call), own) }
}

/** The choice of tools, in Anthropic's names. */
const named = ({ toolChoice, tools }: ModelCall): ModelCall["toolChoice"] =>
  typeof toolChoice === "object" && "tool" in toolChoice
    ? { tool: Tools.namesOf(tools).get(toolChoice.tool) ?? toolChoice.tool }
    : toolChoice

// Anthropic demands a limit; every current model allows this one, and older ones allow as much as they can.
const defaultMaxTokens = 8192

/** The limit on the answer. What a model may think counts towards it. */
const mostTokens = (params: ModelCall["params"], { facts }: Target): number => {
  const budget = Json.int(Json.object(params["thinking"])["budget_tokens"]) ?? 0
  return Math.min(defaultMaxTokens + budget, facts?.outputTokens ?? Number.POSITIVE_INFINITY)
}

const outputOf = (own: unknown, wanted: StructuredOutput.Wanted | undefined) => {
  if (own === undefined && wanted === undefined) return undefined
  const format = wanted === undefined ? undefined : { format: { type: "json_schema", schema: wanted.schema } }
  return { output_config: { ...Json.object(own), ...format } }
}

const betaProblems = (betas: unknown): ReadonlyArray<Problem> => {
  if (betas === undefined || (Array.isArray(betas) && betas.every(isBeta))) return []
  const expected = "an array of names of trial features"
  return [{ kind: "InvalidOption", place: "params.betas", expected, found: "something else" }]
}

/** A system prompt in the parameters would take the place of the prompt's own. */
const systemProblems = (
  { params }: ModelCall,
  conversation: Result.Result<Conversation, InvalidInput>
): ReadonlyArray<Problem> => {
  if (params["system"] === undefined || Result.isFailure(conversation)) return []
  if (conversation.success.system.length === 0) return []
  const expected = "no such field beside the system prompt that the call itself has"
  return [{ kind: "InvalidOption", place: "params.system", expected, found: "one" }]
}

const isBeta = (beta: unknown): beta is string => typeof beta === "string" && /^[\w.-]+$/.test(beta)

/** The trial features that the app names, and the long context where a model has it on trial alone. */
const headersOf = ({ params, settings }: ModelCall, { facts }: Target): Encoded["headers"] => {
  const betas = Json.array(params["betas"]).filter(isBeta)
  if (settings.context1m === true && facts?.contextBeta !== undefined) betas.push(facts.contextBeta)
  return betas.length === 0 ? undefined : { "anthropic-beta": [...new Set(betas)].join(",") }
}
