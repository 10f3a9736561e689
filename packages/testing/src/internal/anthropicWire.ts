/**
 * Anthropic Messages (`POST /v1/messages`): what is read of a request, and how an answer or an error is written.
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
    includeUsage: true,
    tools: objectsOf(request["tools"]).flatMap((tool) => asString(tool["name"]) ?? []),
    ...lastTurn(objectsOf(request["messages"]).flatMap(seenIn))
  }
}

const seenIn = (message: Json): ReadonlyArray<Seen> => {
  if (message["role"] !== "user") return []
  const content = message["content"]
  if (!Array.isArray(content)) return userTexts(content)
  return objectsOf(content).flatMap((block): ReadonlyArray<Seen> =>
    block["type"] === "tool_result" ? [{ _tag: "ToolResult" }] : userTexts([block])
  )
}

const stopReason = (thought: Thought): string => (thought._tag === "Text" ? "end_turn" : "tool_use")

const message = (conversation: Conversation, id: string) => ({
  id: `msg_${id}`,
  type: "message",
  role: "assistant",
  model: conversation.model
})

const usage = (outputTokens: number) => ({
  input_tokens: inputTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: outputTokens
})

const block = (thought: Thought, id: string) =>
  thought._tag === "Text"
    ? { type: "text", text: "" }
    : { type: "tool_use", id: `toolu_${id}`, name: thought.tool, input: {} }

const delta = (thought: Thought, piece: string) =>
  thought._tag === "Text" ? { type: "text_delta", text: piece } : { type: "input_json_delta", partial_json: piece }

const event = (data: { readonly type: string }): string => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const events = (conversation: Conversation, thought: Thought, id: string): ReadonlyArray<string> =>
  [
    {
      type: "message_start",
      message: {
        ...message(conversation, id),
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: usage(1)
      }
    },
    { type: "content_block_start", index: 0, content_block: block(thought, id) },
    { type: "ping" },
    ...thought.pieces.map((piece) => ({ type: "content_block_delta", index: 0, delta: delta(thought, piece) })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: stopReason(thought), stop_sequence: null },
      usage: usage(outputTokens(thought))
    },
    { type: "message_stop" }
  ].map(event)

const json = (conversation: Conversation, thought: Thought, id: string): string => {
  const whole = thought.pieces.join("")
  return JSON.stringify({
    ...message(conversation, id),
    content: [
      thought._tag === "Text"
        ? { ...block(thought, id), text: whole }
        : { ...block(thought, id), input: JSON.parse(whole) }
    ],
    stop_reason: stopReason(thought),
    stop_sequence: null,
    usage: usage(outputTokens(thought))
  })
}

const types: { readonly [status: number]: readonly [type: string, message: string] } = {
  400: ["invalid_request_error", "The request is not valid."],
  401: ["authentication_error", "invalid x-api-key"],
  402: ["billing_error", "There is a problem with the billing of this account."],
  403: ["permission_error", "This key may not use the model."],
  404: ["not_found_error", "Not found"],
  413: ["request_too_large", "The request is too large."],
  429: ["rate_limit_error", "This request would exceed the rate limit."],
  504: ["timeout_error", "The request timed out."],
  529: ["overloaded_error", "Overloaded"]
}

const errorObject = (status: number, fields: FaultScript.ErrorFields) => {
  const [type, message] = types[status] ??
    (status < 500 ? types[400] : undefined) ?? ["api_error", "Internal server error"]
  return {
    type: fields.type ?? type,
    message: fields.message ?? message,
    ...(fields.code !== undefined && { code: fields.code })
  }
}

const error = (status: number, fields: FaultScript.ErrorFields, id: string): string =>
  JSON.stringify({ type: "error", error: errorObject(status, fields), request_id: `req_${id}` })

/** The wire format of Anthropic Messages. */
export const anthropicWire: Wire = {
  api: "anthropic",
  requestIdHeader: "request-id",
  parse,
  events,
  json,
  error,
  errorEvent: (fields, id) =>
    event({ type: "error", error: errorObject(529, fields), request_id: `req_${id}` } as { type: string })
}
