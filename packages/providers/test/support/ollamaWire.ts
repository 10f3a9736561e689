/** What Ollama says, written down by hand, and streams of lines of JSON for a scripted transport. */
import { codec } from "@holdfast/providers/Ollama"
import * as TestTransport from "@holdfast/testing/TestTransport"
import type { Reply } from "./scripted.ts"
import type { Wire } from "./wire.ts"

const line = (data: object): string => `${JSON.stringify(data)}\n`

const model = "llama3.1:8b"
const created_at = "2026-01-01T00:00:00.123456Z"

const head = { model, created_at }

const end = {
  done_reason: "stop",
  done: true,
  total_duration: 5_000_000_000,
  load_duration: 1_000_000_000,
  prompt_eval_count: 14,
  prompt_eval_duration: 1_500_000_000,
  eval_count: 6,
  eval_duration: 2_500_000_000
}

/** One line of a stream. */
export const piece = (message: object, more: object = {}): string =>
  line({ ...head, message: { role: "assistant", content: "", ...message }, done: false, ...more })

/** The last line of a stream. */
export const last = (more: object = {}): string => piece({}, { ...end, ...more })

/** A whole answer. */
export const answer = (message: object, more: object = {}) => ({
  ...head,
  message: { role: "assistant", content: "", ...message },
  ...end,
  ...more
})

const call = (name: string, args: unknown) => ({ tool_calls: [{ function: { name, arguments: args } }] })

export const ollama: Wire = {
  codec,
  model: `ollama/${model}`,
  text: (content) => answer({ content }),
  textStream: (...pieces) => [...pieces.map((content) => piece({ content })), last()],
  toolCall: (_id, name, params) => answer(call(name, params)),
  toolCallStream: (_id, name, ...pieces) => [piece(call(name, JSON.parse(pieces.join("")))), last()],
  error: (_type, text = "no") => ({ error: text }),
  errorEvent: (_type, text = "no") => line({ error: text }),
  ping: "\n"
}

/** A stream of lines of JSON, each text a chunk of its own. */
export const ndjson = (
  chunks: ReadonlyArray<string>,
  contentType: string | undefined = "application/x-ndjson"
): Reply => TestTransport.answer({ headers: contentType === "" ? {} : { "content-type": contentType }, body: chunks })
