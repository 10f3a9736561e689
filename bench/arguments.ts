/** The arguments of a tool call that come in small pieces: whether reading them is linear in their size. */
import { codec as anthropic } from "@holdfast/providers/AnthropicMessages"
import type { Codec } from "@holdfast/providers/Codec"
import { codec as completions } from "@holdfast/providers/OpenAiCompletions"
import { codec as responses } from "@holdfast/providers/OpenAiResponses"
import * as Failure from "@holdfast/core/Failure"
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Headers from "effect/http/Headers"
import { readEvents } from "../packages/providers/src/internal/answer/readEvents.ts"
import { median } from "./statistics.ts"

/** How much is measured. */
export interface Options {
  readonly rounds: number
  readonly onProgress: (what: string) => void
}

/** What one size took in one format. */
export interface Row {
  readonly api: string
  readonly kilobytes: number
  /** CPU of one answer: the median of the rounds. */
  readonly cpuUs: number
  /** CPU per KB, times that of the smallest size. */
  readonly growth: number
  readonly met: boolean
}

const sizes = [12.5, 25, 50, 100] as const

/** The most that a KB may cost at any size, times what it costs at the smallest. Quadratic would be 8 at the largest. */
export const targetGrowth = 1.5

// About what a model writes at a time.
const charactersAPiece = 12
const eventsAWrite = 10

/** Measures each format, its sizes in turn. */
export const run = async ({ onProgress, rounds }: Options): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const [codec, wire] of formats) {
    onProgress(codec.api)
    rows.push(...measure(codec, wire, rounds))
  }
  return rows
}

const measure = (codec: Codec, wire: Wire, rounds: number): ReadonlyArray<Row> => {
  const answers = sizes.map((kilobytes) => answerOf(codec, wire, kilobytes * 1000))
  const took = answers.map((): Array<number> => [])
  for (let round = -rounds; round < rounds; round++) {
    for (const [index, { length, read }] of answers.entries()) {
      // As many characters of each size.
      const times = Math.ceil((sizes.at(-1) ?? 0) * (4000 / length))
      const before = process.cpuUsage()
      for (let time = 0; time < times; time++) {
        const characters = Effect.runSync(read)
        if (characters !== length) throw new Error(`${codec.api} read ${characters} characters of ${length}`)
      }
      const { system, user } = process.cpuUsage(before)
      if (round >= 0) took[index]?.push((user + system) / times)
    }
  }
  const perKilobyte = took.map((each, index) => median(each) / (sizes[index] ?? 1))
  return sizes.map((kilobytes, index) => {
    const growth = (perKilobyte[index] ?? Number.NaN) / (perKilobyte[0] ?? Number.NaN)
    return { api: codec.api, kilobytes, cpuUs: median(took[index] ?? []), growth, met: growth <= targetGrowth }
  })
}

/** An answer to be read, and how many characters of arguments its tool call has. */
interface Answer {
  readonly length: number
  readonly read: Effect.Effect<number, Failure.Failure>
}

/** The events of an answer that calls a tool. */
type Wire = (pieces: ReadonlyArray<string>) => ReadonlyArray<string>

const answerOf = (codec: Codec, wire: Wire, characters: number): Answer => {
  const text = JSON.stringify({ text: "kelp and rock ".repeat(Math.ceil(characters / 14)).slice(0, characters) })
  const pieces = Array.from({ length: Math.ceil(text.length / charactersAPiece) }, (_, index) =>
    text.slice(index * charactersAPiece, (index + 1) * charactersAPiece)
  )
  const events = wire(pieces)
  const writes = Array.from({ length: Math.ceil(events.length / eventsAWrite) }, (_, index) =>
    Buffer.from(events.slice(index * eventsAWrite, (index + 1) * eventsAWrite).join(""))
  )
  const parts = readEvents(codec, responseOf(writes), failureOf, { joins: true })
  const read = Stream.runFold(
    parts,
    () => 0,
    (total, part) => (part.type === "tool-call" ? total + JSON.stringify(part.params).length : total)
  )
  return { length: text.length, read }
}

const responseOf = (writes: ReadonlyArray<Uint8Array>): HttpResponse => ({
  status: 200,
  headers: Headers.fromInput({ "content-type": "text/event-stream" }),
  body: Stream.fromIterable(writes).pipe(Stream.rechunk(1)),
  text: Effect.succeed(""),
  discard: Effect.void,
  end: () => Effect.void,
  evidence: () => ({ _tag: "Unknown", status: 200 }),
  elapsedMs: () => 0
})

const failureOf: Parameters<typeof readEvents>[2] = (reason) =>
  Failure.make({
    reason,
    evidence: { _tag: "Unknown", status: 200 },
    declaration: "repeatable",
    candidate: { provider: "bench", model: "bench" }
  })

const event = (payload: { readonly type: string; readonly [field: string]: unknown }): string =>
  `event: ${payload.type}\ndata: ${JSON.stringify(payload)}\n\n`

const anthropicWire: Wire = (pieces) => [
  event({ type: "message_start", message: { id: "msg", type: "message", role: "assistant", content: [], usage: {} } }),
  event({
    type: "content_block_start",
    index: 0,
    content_block: { type: "tool_use", id: "toolu_1", name: "write", input: {} }
  }),
  ...pieces.map((partial_json) =>
    event({ type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json } })
  ),
  event({ type: "content_block_stop", index: 0 }),
  event({ type: "message_delta", delta: { stop_reason: "tool_use" }, usage: {} }),
  event({ type: "message_stop" })
]

const chunk = (call: object | undefined, finish_reason: string | null): string => {
  const delta = call === undefined ? {} : { tool_calls: [{ index: 0, ...call }] }
  return `data: ${JSON.stringify({ id: "chatcmpl-1", choices: [{ index: 0, delta, finish_reason }] })}\n\n`
}

const completionsWire: Wire = (pieces) => [
  chunk({ id: "call_1", type: "function", function: { name: "write", arguments: "" } }, null),
  ...pieces.map((piece) => chunk({ function: { arguments: piece } }, null)),
  chunk(undefined, "tool_calls"),
  "data: [DONE]\n\n"
]

const responsesWire: Wire = (pieces) => {
  const call = { type: "function_call", id: "fc_1", call_id: "call_1", name: "write" }
  const done = { ...call, arguments: pieces.join("") }
  return [
    event({ type: "response.created", response: { id: "resp_1", output: [] } }),
    event({ type: "response.output_item.added", output_index: 0, item: { ...call, arguments: "" } }),
    ...pieces.map((delta, sequence_number) =>
      event({
        type: "response.function_call_arguments.delta",
        output_index: 0,
        item_id: "fc_1",
        sequence_number,
        delta
      })
    ),
    event({ type: "response.output_item.done", output_index: 0, item: done }),
    event({ type: "response.completed", response: { id: "resp_1", status: "completed", output: [done] } })
  ]
}

const formats: ReadonlyArray<readonly [Codec, Wire]> = [
  [anthropic, anthropicWire],
  [completions, completionsWire],
  [responses, responsesWire]
]
