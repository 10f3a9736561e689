/** A model call as a chat completion request (platform.openai.com/docs, "Create chat completion"). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../params.ts"
import * as StructuredOutput from "../structuredOutput.ts"
import { resultText, schemaOf } from "../toolText.ts"

/** The request's body. */
export const encode = (call: ModelCall, { model }: Target, streaming: boolean): Result.Result<Encoded, InvalidInput> =>
  Result.gen(function* () {
    yield* Params.check(call)
    const object = yield* StructuredOutput.wanted(call, StructuredOutput.openai)
    const messages = yield* conversationOf(call.prompt)
    const { stream_options: streamOptions, tools: providersTools, ...params } = call.params
    const tools = [...call.tools.map(toolOf), ...Json.array(providersTools)]
    const body = {
      model,
      messages,
      ...(tools.length === 0 ? undefined : { tools }),
      ...(call.tools.length === 0 ? undefined : { tool_choice: choiceOf(call.toolChoice) }),
      ...(object === undefined ? undefined : { response_format: formatOf(object) }),
      ...params,
      ...(streaming
        ? { stream: true, stream_options: { ...Json.object(streamOptions), include_usage: true } }
        : undefined)
    }
    return { body }
  })

const conversationOf = (prompt: Prompt.Prompt): Result.Result<ReadonlyArray<Json.Json>, InvalidInput> => {
  const messages: Array<Json.Json> = []
  const problems: Array<Problem> = []
  for (const [index, message] of prompt.content.entries()) {
    if (message.role !== "system" && message.content.some((part: Prompt.Part) => part.type === "file")) {
      const place = `prompt.content[${index}]`
      problems.push(Params.unsupported(place, "text, tool calls and tool results", "a file part"))
    }
    messages.push(...messagesOf(message))
  }
  return Arr.isArrayNonEmpty(problems) ? Result.fail(new InvalidInput({ problems })) : Result.succeed(messages)
}

// OpenAI allows these characters in a name, 64 of them at most.
const formatOf = ({ name, schema }: StructuredOutput.Wanted): Json.Json => ({
  type: "json_schema",
  json_schema: { name: name.replace(/[^\w-]/g, "_").slice(0, 64), schema, strict: true }
})

const messagesOf = (message: Prompt.Message): ReadonlyArray<Json.Json> => {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.content }]
    case "user":
      return [{ role: "user", content: textOf(message.content) }]
    case "assistant":
      return assistantOf(message)
    case "tool":
      return message.content.flatMap((part) =>
        part.type === "tool-result" && !part.providerExecuted
          ? [{ role: "tool", tool_call_id: part.id, content: resultText(part) }]
          : []
      )
  }
}

const assistantOf = (message: Prompt.AssistantMessage): ReadonlyArray<Json.Json> => {
  const text = textOf(message.content)
  const calls = message.content.flatMap((part) =>
    // What a provider ran by itself is the affair of that provider.
    part.type === "tool-call" && !part.providerExecuted
      ? [{ id: part.id, type: "function", function: { name: part.name, arguments: JSON.stringify(part.params) } }]
      : []
  )
  // A message of nothing, of reasoning alone for one, is refused.
  if (text === "" && calls.length === 0) return []
  return [
    {
      role: "assistant",
      content: text === "" ? null : text,
      ...(calls.length === 0 ? undefined : { tool_calls: calls })
    }
  ]
}

const textOf = (parts: ReadonlyArray<Prompt.Part>): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("")

const toolOf = (tool: Tool.Any): Json.Json => {
  const description = Tool.getDescription(tool)
  const { schema, ...strict } = schemaOf(tool)
  return {
    type: "function",
    function: {
      name: tool.name,
      ...(description === undefined ? undefined : { description }),
      parameters: schema,
      ...strict
    }
  }
}

const choiceOf = (choice: ModelCall["toolChoice"]): unknown => {
  if (typeof choice === "string") return choice
  // Tools outside `oneOf` are not in the request.
  return "tool" in choice ? { type: "function", function: { name: choice.tool } } : (choice.mode ?? "auto")
}
