/**
 * OpenAI Responses (`POST /v1/responses`): what is read of a request, and how an answer is written. Errors are those of
 * Chat Completions, but inside a stream.
 */
import type { Conversation, Thought } from "./brain.ts"
import { inputTokens, outputTokens } from "./brain.ts"
import { createdAt, errorObject, openaiWire } from "./openaiWire.ts"
import type { Json, Seen, Wire } from "./wire.ts"
import { asObject, asString, lastTurn, objectsOf } from "./wire.ts"

const parse = (body: unknown): Conversation | undefined => {
  const request = asObject(body)
  const model = asString(request?.["model"])
  if (request === undefined || model === undefined) return undefined
  return {
    model,
    stream: request["stream"] === true,
    includeUsage: true,
    tools: objectsOf(request["tools"]).flatMap((tool) => asString(tool["name"]) ?? []),
    ...lastTurn(inputOf(request["input"]).flatMap(seenIn))
  }
}

const inputOf = (input: unknown): ReadonlyArray<Json> =>
  typeof input === "string" ? [{ role: "user", content: input }] : objectsOf(input)

const seenIn = (item: Json): ReadonlyArray<Seen> => {
  if (item["type"] === "function_call_output") return [{ _tag: "ToolResult" }]
  if (item["role"] !== "user") return []
  const { content } = item
  if (typeof content === "string") return [{ _tag: "UserText", text: content }]
  return objectsOf(content).flatMap((part): ReadonlyArray<Seen> => {
    const text = part["type"] === "input_text" ? asString(part["text"]) : undefined
    return text === undefined ? [] : [{ _tag: "UserText", text }]
  })
}

/** The one item of an answer, as far as it has come. */
const itemOf = (thought: Thought, id: string, said: string, status: "in_progress" | "completed") =>
  thought._tag === "Text"
    ? {
        id: `msg_${id}`,
        type: "message",
        status,
        role: "assistant",
        content: status === "completed" ? [part(said)] : []
      }
    : {
        id: `fc_${id}`,
        type: "function_call",
        status,
        call_id: `call_${id}`,
        name: thought.tool,
        arguments: said
      }

const part = (text: string) => ({ type: "output_text", annotations: [], logprobs: [], text })

const responseOf = (conversation: Conversation, thought: Thought, id: string, whole?: string) => {
  const output = outputTokens(thought)
  const usage = {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: inputTokens + output
  }
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: createdAt,
    status: whole === undefined ? "in_progress" : "completed",
    error: null,
    incomplete_details: null,
    model: conversation.model,
    output: whole === undefined ? [] : [itemOf(thought, id, whole, "completed")],
    usage: whole === undefined ? null : usage
  }
}

const events = (conversation: Conversation, thought: Thought, id: string): ReadonlyArray<string> => {
  const whole = thought.pieces.join("")
  const begun = itemOf(thought, id, "", "in_progress")
  const done = itemOf(thought, id, whole, "completed")
  const place = { item_id: begun.id, output_index: 0 }
  const content = { ...place, content_index: 0 }
  const pieces =
    thought._tag === "Text"
      ? [
          { type: "response.content_part.added", ...content, part: part("") },
          ...thought.pieces.map((delta) => ({ type: "response.output_text.delta", ...content, delta, logprobs: [] })),
          { type: "response.output_text.done", ...content, text: whole, logprobs: [] },
          { type: "response.content_part.done", ...content, part: part(whole) }
        ]
      : [
          ...thought.pieces.map((delta) => ({ type: "response.function_call_arguments.delta", ...place, delta })),
          { type: "response.function_call_arguments.done", ...place, arguments: whole }
        ]
  return [
    { type: "response.created", response: responseOf(conversation, thought, id) },
    { type: "response.in_progress", response: responseOf(conversation, thought, id) },
    { type: "response.output_item.added", output_index: 0, item: begun },
    ...pieces,
    { type: "response.output_item.done", output_index: 0, item: done },
    { type: "response.completed", response: responseOf(conversation, thought, id, whole) }
  ].map((data, index) => event({ ...data, sequence_number: index }))
}

const event = (data: { readonly type: string; readonly [field: string]: unknown }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

/** The wire format of OpenAI Responses. */
export const responsesWire: Wire = {
  ...openaiWire,
  api: "openai-responses",
  parse,
  events,
  json: (conversation, thought, id) => JSON.stringify(responseOf(conversation, thought, id, thought.pieces.join(""))),
  errorEvent: (fields) => {
    const { code, message, param, type } = errorObject(500, fields)
    return event({ type: "error", code: code ?? type, message, param })
  }
}
