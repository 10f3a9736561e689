/** What the two providers say, written down by hand: one answer of text, one call of a tool. */
import { codec as anthropicCodec } from "@holdfast/providers/AnthropicMessages"
import type { Codec } from "@holdfast/providers/Codec"
import { codec as openaiCodec } from "@holdfast/providers/OpenAiCompletions"
import { responses } from "./responsesWire.ts"

/** A wire format under test, and how to say in it what a test wants said. */
export interface Wire {
  readonly codec: Codec
  /** A model that speaks it. */
  readonly model: string
  readonly text: (text: string) => unknown
  readonly textStream: (...pieces: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly toolCall: (id: string, name: string, params: unknown) => unknown
  readonly toolCallStream: (id: string, name: string, ...pieces: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly error: (type: string, message?: string) => unknown
  readonly errorEvent: (type: string, message?: string) => string
  /** An event that says nothing. */
  readonly ping: string
}

const event = (data: { readonly type: string }): string => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

const usage = { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 4, output_tokens: 6 }

const message = (content: ReadonlyArray<unknown>, stop: string | null) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-opus-4-7-20260101",
  content,
  stop_reason: stop,
  stop_sequence: null,
  usage
})

const anthropicStream = (
  block: object,
  deltas: ReadonlyArray<object>,
  stop: "end_turn" | "tool_use"
): ReadonlyArray<string> =>
  [
    { type: "message_start", message: { ...message([], null), usage: { ...usage, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 6 } },
    { type: "message_stop" }
  ].map(event)

export const anthropic: Wire = {
  codec: anthropicCodec,
  model: "anthropic/claude-opus-4-7",
  text: (text) => message([{ type: "text", text }], "end_turn"),
  textStream: (...pieces) =>
    anthropicStream(
      { type: "text", text: "" },
      pieces.map((text) => ({ type: "text_delta", text })),
      "end_turn"
    ),
  toolCall: (id, name, input) => message([{ type: "tool_use", id, name, input }], "tool_use"),
  toolCallStream: (id, name, ...pieces) =>
    anthropicStream(
      { type: "tool_use", id, name, input: {} },
      pieces.map((partial_json) => ({ type: "input_json_delta", partial_json })),
      "tool_use"
    ),
  error: (type, text = "no") => ({ type: "error", error: { type, message: text }, request_id: "req_1" }),
  errorEvent: (type, text = "no") => event({ type: "error", error: { type, message: text } } as { type: string }),
  ping: event({ type: "ping" })
}

const chunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_767_225_600,
    model: "gpt-5.5-2026-01-01",
    choices: [{ index: 0, delta, finish_reason: finish }],
    ...more
  })}\n\n`

const openaiUsage = {
  prompt_tokens: 14,
  completion_tokens: 6,
  total_tokens: 20,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 }
}

const openaiStream = (deltas: ReadonlyArray<object>, finish: string): ReadonlyArray<string> => [
  chunk({ role: "assistant", content: "" }),
  ...deltas.map((delta) => chunk(delta)),
  chunk({}, finish),
  chunk({}, null, { choices: [], usage: openaiUsage }),
  "data: [DONE]\n\n"
]

const completion = (said: object, finish: string) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_767_225_600,
  model: "gpt-5.5-2026-01-01",
  choices: [{ index: 0, message: { role: "assistant", content: null, refusal: null, ...said }, finish_reason: finish }],
  usage: openaiUsage
})

const functionCall = (id: string, name: string, args: string) => ({
  id,
  type: "function",
  function: { name, arguments: args }
})

export const openai: Wire = {
  codec: openaiCodec,
  model: "openai/gpt-5.5",
  text: (content) => completion({ content }, "stop"),
  textStream: (...pieces) =>
    openaiStream(
      pieces.map((content) => ({ content })),
      "stop"
    ),
  toolCall: (id, name, params) =>
    completion({ tool_calls: [functionCall(id, name, JSON.stringify(params))] }, "tool_calls"),
  toolCallStream: (id, name, ...pieces) =>
    openaiStream(
      [
        { tool_calls: [{ index: 0, ...functionCall(id, name, "") }] },
        ...pieces.map((args) => ({ tool_calls: [{ index: 0, function: { arguments: args } }] }))
      ],
      "tool_calls"
    ),
  error: (type, text = "no") => ({ error: { message: text, type, param: null, code: null } }),
  errorEvent: (type, text = "no") => `data: ${JSON.stringify({ error: { message: text, type, code: null } })}\n\n`,
  ping: ": ping\n\n"
}

export const wires: ReadonlyArray<Wire> = [anthropic, openai, responses]
