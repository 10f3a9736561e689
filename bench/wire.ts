/** What is asked and answered: the same bytes for every contestant, in the two wire formats that the SDKs speak. */

/** What a call is: one small answer, or a stream of 200 events that come one or ten a write. */
export type Workload = "post" | "stream1" | "stream10"

export const workloads: ReadonlyArray<Workload> = ["post", "stream1", "stream10"]

export const eventCount = 200

/** How events are put into writes. */
export const eventsPerWrite = { stream1: 1, stream10: 10 } as const

/** A stream that is held open: an event at once, then one every few seconds. */
export interface Hold {
  readonly seconds: number
  readonly everySeconds: number
}

/** How many writes a held stream comes in; the last holds what ends it. */
export const holdWrites = ({ everySeconds, seconds }: Hold): number => Math.floor(seconds / everySeconds) + 1

/** The base URL's path, which tells the server what to answer. */
export const basePath = (asked: Workload | Hold): string =>
  typeof asked === "string" ? `/${asked}/v1` : `/hold-${asked.seconds}-${asked.everySeconds}/v1`

export const model = "gpt-5.5"
export const anthropicModel = "claude-opus-4-7"
export const apiKey = "bench-key"
export const prompt = "Say in a few plain words what keeps a holdfast on its rock when a storm comes in. ".repeat(4)

/** The body of contestants that write it themselves. */
export const requestBody = (streaming: boolean): string =>
  JSON.stringify({ model, messages: [{ role: "user", content: prompt }], ...(streaming && { stream: true }) })

const sentence =
  "It grips the rock with many small fingers, and none of them lets go before the others have hold again."
const word = " kelp"

const usage = { prompt_tokens: 80, completion_tokens: 24, total_tokens: 104 }

const completion = JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1_760_000_000,
  model,
  choices: [{ index: 0, message: { role: "assistant", content: sentence, refusal: null }, finish_reason: "stop" }],
  usage
})

const message = JSON.stringify({
  id: "msg_bench",
  type: "message",
  role: "assistant",
  model: anthropicModel,
  content: [{ type: "text", text: sentence }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 80, output_tokens: 24 }
})

const chunk = (delta: object, finish: string | null, more: object = {}): string => {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  const head = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1_760_000_000, model }
  return `data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`
}

const event = (type: string, more: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`

const repeated = (text: string, times: number): ReadonlyArray<string> => Array.from({ length: times }, () => text)

const openAiWords = eventCount - 3
const openAiEvents: ReadonlyArray<string> = [
  chunk({ role: "assistant", content: "" }, null),
  ...repeated(chunk({ content: word }, null), openAiWords),
  chunk({}, "stop", { usage }),
  "data: [DONE]\n\n"
]

const anthropicWords = eventCount - 5
const anthropicEvents: ReadonlyArray<string> = [
  event("message_start", { message: { ...JSON.parse(message), content: [], stop_reason: null } }),
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  ...repeated(event("content_block_delta", { index: 0, delta: { type: "text_delta", text: word } }), anthropicWords),
  event("content_block_stop", { index: 0 }),
  event("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 200 } }),
  event("message_stop", {})
]

/** Who is spoken to, by the path. */
export type Vendor = "openai" | "anthropic"

const events = { openai: openAiEvents, anthropic: anthropicEvents }
const answers = { openai: completion, anthropic: message }

/** A whole answer with its head. */
export const answer = (vendor: Vendor): Buffer => {
  const body = answers[vendor]
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\n`
  return Buffer.from(`${head}content-length: ${body.length}\r\n\r\n${body}`)
}

/** A stream's writes: each one chunk of the body, the head before the first and the end of the body after the last. */
export const writes = (vendor: Vendor, perWrite: number): ReadonlyArray<Buffer> => {
  const all = events[vendor]
  const chunks = Array.from({ length: Math.ceil(all.length / perWrite) }, (_, index) =>
    chunked(all.slice(index * perWrite, (index + 1) * perWrite).join(""))
  )
  return framed(chunks)
}

/** The writes of a held stream. */
export const heldWrites = (hold: Hold): ReadonlyArray<Buffer> => {
  const [first = "", second = ""] = openAiEvents
  const last = openAiEvents.slice(-2).join("")
  return framed([first, ...repeated(second, holdWrites(hold) - 2), last].map(chunked))
}

const chunked = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

const framed = (chunks: ReadonlyArray<string>): ReadonlyArray<Buffer> => {
  const head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
  return chunks.map((text, index) =>
    Buffer.from(`${index === 0 ? head : ""}${text}${index === chunks.length - 1 ? "0\r\n\r\n" : ""}`)
  )
}

/** What a contestant counts of an answer: its bytes, or the characters of its text, as its interface gives it. */
export type Counted = "bytes" | Vendor

/** What it counts of one whole answer to each workload, so that none is measured that does less. */
export const expected = (asked: Workload | Hold, counted: Counted): number => {
  if (typeof asked !== "string") {
    const [first = "", second = ""] = openAiEvents
    const ends = first.length + openAiEvents.slice(-2).join("").length
    return ends + second.length * (holdWrites(asked) - 2)
  }
  if (counted === "bytes") return asked === "post" ? completion.length : openAiEvents.join("").length
  if (asked === "post") return sentence.length
  return word.length * (counted === "openai" ? openAiWords : anthropicWords)
}
