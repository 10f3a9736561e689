/** A model call as Anthropic's request (docs.anthropic.com, "Messages"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../params.ts"
import * as StructuredOutput from "../structuredOutput.ts"
import { resultText, schemaOf } from "../toolText.ts"

// Anthropic demands a limit; every current model allows this one.
const defaultMaxTokens = 8192

interface Message {
  readonly role: "user" | "assistant"
  readonly content: Array<Json.Json>
}

/** The request's body. */
export const encode = (call: ModelCall, { model }: Target, streaming: boolean): Result.Result<Encoded, InvalidInput> =>
  Result.gen(function* () {
    yield* Params.check(call)
    const object = yield* StructuredOutput.wanted(call, StructuredOutput.anthropic)
    const { messages, system } = yield* conversationOf(call.prompt)
    const { output_config: outputConfig, tools: providersTools, ...params } = call.params
    const tools = [...call.tools.map(toolOf), ...Json.array(providersTools)]
    const body = {
      model,
      max_tokens: defaultMaxTokens,
      ...(system.length === 0 ? undefined : { system }),
      messages,
      ...(tools.length === 0 ? undefined : { tools }),
      ...(call.tools.length === 0 ? undefined : { tool_choice: choiceOf(call.toolChoice) }),
      ...outputOf(outputConfig, object),
      ...params,
      ...(streaming ? { stream: true } : undefined)
    }
    return { body }
  })

interface Conversation {
  readonly system: ReadonlyArray<Json.Json>
  readonly messages: ReadonlyArray<Message>
}

/** System messages stand apart from the others, which alternate. */
const conversationOf = (prompt: Prompt.Prompt): Result.Result<Conversation, InvalidInput> => {
  const system: Array<Json.Json> = []
  const messages: Array<Message> = []
  const problems: Array<Problem> = []
  for (const [index, message] of prompt.content.entries()) {
    if (message.role === "system") {
      system.push({ type: "text", text: message.content })
      continue
    }
    const content: Array<Json.Json> = []
    for (const part of message.content) {
      const blocks = blocksOf(part)
      if (blocks === undefined) {
        const place = `prompt.content[${index}]`
        problems.push(Params.unsupported(place, "text, tool calls and tool results", `a ${part.type} part`))
      } else {
        content.push(...blocks)
      }
    }
    append(messages, message.role === "assistant" ? "assistant" : "user", content)
  }
  return Arr.isArrayNonEmpty(problems)
    ? Result.fail(new InvalidInput({ problems }))
    : Result.succeed({ system, messages })
}

const outputOf = (own: unknown, wanted: StructuredOutput.Wanted | undefined) => {
  if (own === undefined && wanted === undefined) return undefined
  const format = wanted === undefined ? undefined : { format: { type: "json_schema", schema: wanted.schema } }
  return { output_config: { ...Json.object(own), ...format } }
}

/** Anthropic wants the roles to alternate, so that neighbours of one role are one message. */
const append = (messages: Array<Message>, role: Message["role"], content: Array<Json.Json>): void => {
  if (content.length === 0) return
  const last = messages.at(-1)
  if (last?.role === role) {
    last.content.push(...content)
  } else {
    messages.push({ role, content })
  }
}

/** The blocks of a part: none where Anthropic has no use for it, nothing where it cannot be said. */
const blocksOf = (part: Prompt.Part): ReadonlyArray<Json.Json> | undefined => {
  switch (part.type) {
    case "text":
      // Anthropic refuses empty text blocks.
      return part.text === "" ? [] : [{ type: "text", text: part.text }]
    case "reasoning":
      return thinkingOf(part)
    case "tool-call":
      // What a provider ran by itself is the affair of that provider.
      if (part.providerExecuted) return []
      return [{ type: "tool_use", id: part.id, name: part.name, input: part.params }]
    case "tool-result":
      if (part.providerExecuted) return []
      return [
        {
          type: "tool_result",
          tool_use_id: part.id,
          content: resultText(part),
          ...(part.isFailure ? { is_error: true } : undefined)
        }
      ]
    case "tool-approval-request":
    case "tool-approval-response":
      return []
    case "file":
      return undefined
  }
}

/** Reasoning goes back only with the signature that Anthropic gave it. */
const thinkingOf = (part: Prompt.ReasoningPart): ReadonlyArray<Json.Json> => {
  const own = part.options["anthropic"]
  if (Predicate.hasProperty(own, "signature") && Predicate.isString(own.signature) && own.signature !== "") {
    return [{ type: "thinking", thinking: part.text, signature: own.signature }]
  }
  if (Predicate.hasProperty(own, "redactedData") && Predicate.isString(own.redactedData)) {
    return [{ type: "redacted_thinking", data: own.redactedData }]
  }
  return []
}

const toolOf = (tool: Tool.Any): Json.Json => {
  const description = Tool.getDescription(tool)
  const { schema, ...strict } = schemaOf(tool)
  return {
    name: tool.name,
    ...(description === undefined ? undefined : { description }),
    input_schema: schema,
    ...strict
  }
}

const choiceOf = (choice: ModelCall["toolChoice"]): Json.Json => {
  if (choice === "auto") return { type: "auto" }
  if (choice === "none") return { type: "none" }
  if (choice === "required") return { type: "any" }
  // Tools outside `oneOf` are not in the request.
  return "tool" in choice ? { type: "tool", name: choice.tool } : { type: choice.mode === "required" ? "any" : "auto" }
}
