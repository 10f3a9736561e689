/** What speakers of the Responses format say, written down by hand. */
import { codec } from "@holdfast/providers/OpenAiResponses"
import type { Wire } from "./wire.ts"

type Json = Readonly<Record<string, unknown>>

/** An event as OpenAI frames it. */
export const event = (data: Json & { readonly type: string }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const usage = {
  input_tokens: 14,
  input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
  output_tokens: 6,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: 20
}

/** A response. */
export const response = (output: ReadonlyArray<unknown>, more: Json = {}): Json => ({
  id: "resp_1",
  object: "response",
  created_at: 1_767_225_600,
  status: "completed",
  error: null,
  incomplete_details: null,
  model: "gpt-5.5-2026-01-01",
  output,
  service_tier: "default",
  usage,
  ...more
})

export const created = event({
  type: "response.created",
  response: response([], { status: "in_progress", usage: null })
})

/** The end of a response, which repeats its output unless told otherwise. */
export const completed = (output: ReadonlyArray<unknown> = [], more: Json = {}): string =>
  event({ type: "response.completed", response: response(output, more) })

export const added = (index: number, item: Json): string =>
  event({ type: "response.output_item.added", output_index: index, item })

export const done = (index: number, item: Json): string =>
  event({ type: "response.output_item.done", output_index: index, item })

/** A message item. */
export const message = (text: string, more: Json = {}): Json => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text, annotations: [], logprobs: [] }],
  ...more
})

/** A function call item. */
export const functionCall = (callId: string, name: string, args: string, more: Json = {}): Json => ({
  id: `fc_${callId}`,
  type: "function_call",
  status: "completed",
  call_id: callId,
  name,
  arguments: args,
  ...more
})

export const textDelta = (index: number, delta: string, more: Json = {}): string =>
  event({ type: "response.output_text.delta", output_index: index, content_index: 0, item_id: "msg_1", delta, ...more })

export const argumentsDelta = (index: number, delta: string): string =>
  event({ type: "response.function_call_arguments.delta", output_index: index, item_id: "fc_call_1", delta })

export const responses: Wire = {
  codec,
  model: "responses/gpt-5.5",
  text: (text) => response([message(text)]),
  textStream: (...pieces) => {
    const whole = message(pieces.join(""))
    return [
      created,
      added(0, { ...whole, status: "in_progress", content: [] }),
      event({
        type: "response.content_part.added",
        output_index: 0,
        content_index: 0,
        item_id: "msg_1",
        part: { type: "output_text", text: "", annotations: [] }
      }),
      ...pieces.map((piece) => textDelta(0, piece)),
      done(0, whole),
      completed([whole])
    ]
  },
  toolCall: (id, name, params) => response([functionCall(id, name, JSON.stringify(params))]),
  toolCallStream: (id, name, ...pieces) => {
    const whole = functionCall(id, name, pieces.join(""))
    return [
      created,
      added(0, { ...whole, status: "in_progress", arguments: "" }),
      ...pieces.map((piece) => argumentsDelta(0, piece)),
      done(0, whole),
      completed([whole])
    ]
  },
  error: (type, text = "no") => ({ error: { message: text, type, param: null, code: null } }),
  errorEvent: (type, text = "no") => event({ type: "error", error: { type, code: null, message: text, param: null } }),
  ping: event({ type: "keepalive", sequence_number: 7 })
}
