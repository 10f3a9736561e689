/**
 * OpenAI Chat Completions (`POST /v1/chat/completions`): what is read of a request, and how an answer or an error is written.
 */
import type * as FaultScript from "../FaultScript.ts"
import type { Conversation, Thought } from "./brain.ts"
import { inputTokens, outputTokens } from "./brain.ts"
import type { Json, Seen, Wire } from "./wire.ts"
import { asObject, asString, lastTurn, objectsOf, userTexts } from "./wire.ts"

const parse = (body: unknown): Conversation | undefined => {
  const request = asObject(body)
  const model = asString(request?.["model"])
  if (request === undefined || model === undefined || !Array.isArray(request["messages"])) return undefined
  return {
    model,
    stream: request["stream"] === true,
    includeUsage: asObject(request["stream_options"])?.["include_usage"] === true,
    tools: objectsOf(request["tools"]).flatMap((tool) => asString(asObject(tool["function"])?.["name"]) ?? []),
    ...lastTurn(objectsOf(request["messages"]).flatMap(seenIn))
  }
}

const seenIn = (message: Json): ReadonlyArray<Seen> => {
  switch (message["role"]) {
    case "user":
      return userTexts(message["content"])
    case "tool":
      return [{ _tag: "ToolResult" }]
    default:
      return []
  }
}

/** Midnight of 1 January 2026: the model is deterministic, its clock too. */
export const createdAt = 1_767_225_600

const finishReason = (thought: Thought): string => (thought._tag === "Text" ? "stop" : "tool_calls")

const usage = (thought: Thought) => {
  const output = outputTokens(thought)
  return { prompt_tokens: inputTokens, completion_tokens: output, total_tokens: inputTokens + output }
}

const toolCall = (thought: Extract<Thought, { _tag: "ToolCall" }>, id: string, args: string) => ({
  id: `call_${id}`,
  type: "function",
  function: { name: thought.tool, arguments: args }
})

const firstDelta = (thought: Thought, id: string) =>
  thought._tag === "Text"
    ? { role: "assistant", content: "", refusal: null }
    : { role: "assistant", content: null, tool_calls: [{ index: 0, ...toolCall(thought, id, "") }] }

const delta = (thought: Thought, piece: string) =>
  thought._tag === "Text" ? { content: piece } : { tool_calls: [{ index: 0, function: { arguments: piece } }] }

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

const events = (conversation: Conversation, thought: Thought, id: string): ReadonlyArray<string> => {
  const chunk = (choices: ReadonlyArray<unknown>, more: object) =>
    event({
      id: `chatcmpl-${id}`,
      object: "chat.completion.chunk",
      created: createdAt,
      model: conversation.model,
      choices,
      ...more
    })
  const noUsageYet = conversation.includeUsage ? { usage: null } : {}
  const choice = (delta: object, finish_reason: string | null = null) =>
    chunk([{ index: 0, delta, logprobs: null, finish_reason }], noUsageYet)
  return [
    choice(firstDelta(thought, id)),
    ...thought.pieces.map((piece) => choice(delta(thought, piece))),
    choice({}, finishReason(thought)),
    ...(conversation.includeUsage ? [chunk([], { usage: usage(thought) })] : []),
    "data: [DONE]\n\n"
  ]
}

const json = (conversation: Conversation, thought: Thought, id: string): string => {
  const whole = thought.pieces.join("")
  const message =
    thought._tag === "Text"
      ? { role: "assistant", content: whole, refusal: null }
      : { role: "assistant", content: null, refusal: null, tool_calls: [toolCall(thought, id, whole)] }
  return JSON.stringify({
    id: `chatcmpl-${id}`,
    object: "chat.completion",
    created: createdAt,
    model: conversation.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(thought) }],
    usage: usage(thought)
  })
}

const types: { readonly [status: number]: readonly [type: string, code: string | null, message: string] } = {
  400: ["invalid_request_error", null, "The request is not valid."],
  401: ["invalid_request_error", "invalid_api_key", "Incorrect API key provided."],
  403: ["invalid_request_error", "unsupported_country_region_territory", "Country, region, or territory not supported"],
  404: ["invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."],
  429: ["requests", "rate_limit_exceeded", "Rate limit reached for requests."],
  503: ["server_error", null, "The engine is currently overloaded, please try again later."]
}

/** The error of a status, as OpenAI words it. */
export const errorObject = (status: number, fields: FaultScript.ErrorFields) => {
  const [type, code, message] = types[status] ??
    (status < 500 ? types[400] : undefined) ?? [
      "server_error",
      null,
      "The server had an error processing your request."
    ]
  return { message: fields.message ?? message, type: fields.type ?? type, param: null, code: fields.code ?? code }
}

/** The wire format of OpenAI Chat Completions. */
export const openaiWire: Wire = {
  api: "openai",
  requestIdHeader: "x-request-id",
  parse,
  events,
  json,
  error: (status, fields) => JSON.stringify({ error: errorObject(status, fields) }),
  errorEvent: (fields) => event({ error: errorObject(500, fields) })
}
