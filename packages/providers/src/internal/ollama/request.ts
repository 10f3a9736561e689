/** A model call as a chat request of Ollama's (github.com/ollama/ollama, docs/api.md and docs/openapi.yaml). */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { Encoded, ModelCall, Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../prompt/params.ts"
import { base64Of, modalityOf, nameOf, sourceOf } from "../prompt/file.ts"
import * as StructuredOutput from "../prompt/structuredOutput.ts"
import { resultText, schemaOf, schemaProblem } from "../prompt/toolText.ts"

/** The request's body. */
export const encode = (call: ModelCall, target: Target, streaming: boolean): Result.Result<Encoded, InvalidInput> =>
  Result.gen(function* () {
    yield* Params.check(call)
    const object = yield* StructuredOutput.wanted(call, StructuredOutput.openai)
    const problems: Array<Problem> = choiceProblems(call)
    const messages = call.prompt.content.flatMap((message, index) =>
      messagesOf(message, { place: `prompt.content[${index}]`, problems })
    )
    const offered = call.tools.map((tool, index) => toolOf(tool, `tools[${index}]`, problems))
    if (Arr.isArrayNonEmpty(problems)) return yield* Result.fail(new InvalidInput({ problems }))
    const { tools: paramsTools, ...fields } = paramsOf(call.params)
    // A model that may call none is not told of them.
    const tools = call.toolChoice === "none" ? [] : [...offered, ...Json.array(paramsTools)]
    const body = {
      model: target.model,
      messages,
      ...(tools.length === 0 ? undefined : { tools }),
      ...(object === undefined ? undefined : { format: object.schema }),
      ...fields,
      stream: streaming
    }
    return { body }
  })

// What a request has besides the model's options.
const own: ReadonlySet<string> = new Set([
  "format",
  "keep_alive",
  "logprobs",
  "options",
  "shift",
  "think",
  "tools",
  "top_logprobs",
  "truncate"
])

// Where others have another name for an option.
const renamed: ReadonlyMap<string, string> = new Map([
  ["max_tokens", "num_predict"],
  ["max_completion_tokens", "num_predict"]
])

/** Ollama reads what belongs to the model, `temperature` for one, in `options`, and passes over it anywhere else. */
const paramsOf = (params: ModelCall["params"]): Record<string, unknown> => {
  const fields: Record<string, unknown> = {}
  const options: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(params)) {
    if (own.has(name)) fields[name] = value
    else options[renamed.get(name) ?? name] = value
  }
  if (Object.keys(options).length > 0) fields["options"] = { ...options, ...Json.object(params["options"]) }
  return fields
}

/** Ollama leaves the choice to the model. */
const choiceProblems = ({ toolChoice: choice }: ModelCall): Array<Problem> => {
  const free =
    choice === "auto" ||
    choice === "none" ||
    (typeof choice === "object" && "oneOf" in choice && choice.mode !== "required")
  return free
    ? []
    : [
        Params.unsupported(
          "toolChoice",
          '"auto" or "none", because Ollama leaves the choice to the model',
          "a tool that must be called"
        )
      ]
}

interface Context {
  readonly place: string
  readonly problems: Array<Problem>
}

const messagesOf = (message: Prompt.Message, context: Context): ReadonlyArray<Json.Json> => {
  switch (message.role) {
    case "system":
      return [{ role: "system", content: message.content }]
    case "user": {
      const images = imagesOf(message.content, context)
      return [{ role: "user", content: textOf(message.content), ...(images.length === 0 ? undefined : { images }) }]
    }
    case "assistant":
      return assistantOf(message, context)
    case "tool":
      return message.content.flatMap((part) =>
        part.type === "tool-result" && !part.providerExecuted
          ? [{ role: "tool", content: resultText(part), tool_name: part.name, tool_call_id: part.id }]
          : []
      )
  }
}

const assistantOf = (message: Prompt.AssistantMessage, context: Context): ReadonlyArray<Json.Json> => {
  const content = textOf(message.content)
  const thinking = message.content.map((part) => (part.type === "reasoning" ? part.text : "")).join("")
  const images = imagesOf(message.content, context)
  const calls = message.content.flatMap((part) =>
    // What a provider ran by itself is the affair of that provider.
    part.type === "tool-call" && !part.providerExecuted
      ? [{ id: part.id, function: { name: part.name, arguments: Json.object(part.params) } }]
      : []
  )
  if (content === "" && thinking === "" && images.length === 0 && calls.length === 0) return []
  return [
    {
      role: "assistant",
      content,
      ...(thinking === "" ? undefined : { thinking }),
      ...(images.length === 0 ? undefined : { images }),
      ...(calls.length === 0 ? undefined : { tool_calls: calls })
    }
  ]
}

const textOf = (parts: ReadonlyArray<Prompt.Part>): string =>
  parts.map((part) => (part.type === "text" ? part.text : "")).join("")

/** The images of a message, as base64. Whatever cannot be sent is a problem. */
const imagesOf = (parts: ReadonlyArray<Prompt.Part>, { place, problems }: Context): ReadonlyArray<string> =>
  parts.flatMap((part, index) => {
    if (part.type !== "file") return []
    const image = imageOf(part)
    if (image._tag === "Success") return [image.success]
    problems.push(Params.unsupported(`${place}.content[${index}]`, ...image.failure))
    return []
  })

const imageOf = (part: Prompt.FilePart): Result.Result<string, readonly [expected: string, found: string]> => {
  if (modalityOf(part.mediaType) !== "image") return Result.fail(["text or an image", nameOf(part)])
  const { data } = sourceOf(part)
  return data === undefined
    ? Result.fail(["an image's bytes, because Ollama fetches none", "an image's URL"])
    : Result.succeed(base64Of(data))
}

const toolOf = (tool: Tool.Any, place: string, problems: Array<Problem>): Json.Json => {
  const description = Tool.getDescription(tool)
  const { schema } = schemaOf(tool)
  const problem = schemaProblem(place, schema)
  if (problem !== undefined) problems.push(problem)
  return {
    type: "function",
    function: {
      name: tool.name,
      ...(description === undefined ? undefined : { description }),
      parameters: schema
    }
  }
}
