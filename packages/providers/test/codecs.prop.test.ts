import { assert, describe, it } from "@effect/vitest"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as Cause from "effect/Cause"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { random, split } from "./support/decoding.ts"
import type { Reply } from "./support/scripted.ts"
import { once, scripted } from "./support/scripted.ts"
import type { Wire } from "./support/wire.ts"
import { anthropic, wires } from "./support/wire.ts"

const runs = 300

const nested = (depth: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

/** What a field may hold instead of what it should. */
const oddities: ReadonlyArray<unknown> = [
  null,
  true,
  0,
  -1,
  0.5,
  2 ** 53,
  1e308,
  -1e308,
  8.64e12,
  "",
  "x",
  "9".repeat(330),
  "\u0000\ud83d",
  "error",
  "tool_use",
  "text",
  "length",
  "__proto__",
  [],
  {},
  [null],
  [[]],
  { type: "x" },
  { type: "tool_use" },
  { error: { code: 1e308 } },
  nested(2000)
]

type Next = () => number

const pick = <A>(from: ReadonlyArray<A>, next: Next): A => from[Math.floor(next() * from.length)] as A

/** The value with something in it that should not be there, or without something that should. */
const mutated = (value: unknown, next: Next): unknown => {
  if (next() < 0.15 || typeof value !== "object" || value === null) return pick(oddities, next)
  if (Array.isArray(value)) {
    const at = Math.floor(next() * value.length)
    if (value.length === 0 || next() < 0.1) return [...value, ...value, pick(oddities, next)]
    return value.map((each, index) => (index === at ? mutated(each, next) : each))
  }
  const at = pick(Object.keys(value), next)
  const { [at]: field, ...rest } = value as Readonly<Record<string, unknown>>
  return next() < 0.1 ? rest : { ...rest, [at ?? "type"]: mutated(field, next) }
}

const shape = (lines: ReadonlyArray<string>, next: Next): ReadonlyArray<string> => {
  const at = Math.floor(next() * lines.length)
  const chance = next()
  if (chance < 0.1) return lines.toSpliced(at, 1)
  if (chance < 0.2) return lines.toSpliced(at, 0, pick(lines, next))
  if (chance < 0.25) return lines.toReversed()
  return lines.map((line, index) => (index === at ? mutatedEvent(line, next) : line))
}

const mutatedEvent = (event: string, next: Next): string =>
  event.replace(/^data: (\{.*\})$/m, (_, data: string) => `data: ${JSON.stringify(mutated(JSON.parse(data), next))}`)

/** Bytes of which some are others. */
const flipped = (bytes: Uint8Array, next: Next): Uint8Array => {
  if (next() < 0.8) return bytes
  const copy = bytes.slice()
  for (let i = 0; i < 3; i++) copy[Math.floor(next() * copy.length)] = Math.floor(next() * 256)
  return copy
}

const heads = [undefined, "9".repeat(330), "-1", "NaN", "1e999", "Wed, 99 Oct 99999999 07:28:30 GMT", ""]

const replyOf = (text: string, next: Next, contentType: string): Reply => {
  const retryAfter = pick(heads, next)
  return TestTransport.answer({
    status: pick([200, 200, 200, 200, 200, 401, 429, 500, 529], next),
    headers: {
      "content-type": next() < 0.95 ? contentType : "text/html",
      ...(retryAfter === undefined ? undefined : { "retry-after": retryAfter, date: retryAfter })
    },
    body: split(flipped(new TextEncoder().encode(text), next), next, 400)
  })
}

const wholes = (wire: Wire): ReadonlyArray<unknown> => [
  wire.text("Hello."),
  wire.toolCall("call_1", "add", { a: 1, b: 2 }),
  wire.error("rate_limit_error"),
  wire.error("invalid_request_error"),
  ...(wire === anthropic ? [searched] : [])
]

const streams = (wire: Wire): ReadonlyArray<ReadonlyArray<string>> => [
  wire.textStream("Hel", "lo."),
  wire.toolCallStream("call_1", "add", '{"a":1,', '"b":2}'),
  [...wire.textStream("Hello.").slice(0, 3), wire.errorEvent("overloaded_error")],
  ...(wire === anthropic ? [thinking, searching] : [])
]

const search = {
  type: "server_tool_use",
  id: "s",
  name: "web_search",
  input: { query: "q" },
  caller: { type: "direct" }
}
const results = { type: "web_search_tool_result", tool_use_id: "s", content: [{ type: "web_search_result", url: "u" }] }
const citation = { type: "web_search_result_location", url: "https://a.example/", title: "A", cited_text: "x" }

const searched = {
  ...(anthropic.text("") as object),
  content: [search, results, { type: "text", text: "A.", citations: [citation] }],
  container: { id: "c", expires_at: "" }
}

const searching = [
  { type: "message_start", message: { id: "m", model: "m", content: [], usage: { input_tokens: 1 } } },
  { type: "content_block_start", index: 0, content_block: search },
  { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: '{"query":"q"}' } },
  { type: "content_block_stop", index: 0 },
  { type: "content_block_start", index: 1, content_block: results },
  { type: "content_block_stop", index: 1 },
  { type: "content_block_start", index: 2, content_block: { type: "compaction", content: null } },
  { type: "content_block_delta", index: 2, delta: { type: "compaction_delta", content: "so far" } },
  { type: "content_block_stop", index: 2 },
  { type: "content_block_start", index: 3, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 3, delta: { type: "citations_delta", citation } },
  { type: "content_block_stop", index: 3 },
  { type: "message_delta", delta: { stop_reason: "end_turn", container: { id: "c" } }, usage: { output_tokens: 3 } },
  { type: "message_stop" }
].map((data) => `data: ${JSON.stringify(data)}\n\n`)

const thinking = [
  { type: "message_start", message: { id: "m", model: "m", content: [], usage: { input_tokens: 1 } } },
  { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "Hm." } },
  { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "c2ln" } },
  { type: "content_block_stop", index: 0 },
  { type: "content_block_start", index: 1, content_block: { type: "redacted_thinking", data: "ZA" } },
  { type: "content_block_stop", index: 1 },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 3 } },
  { type: "message_stop" }
].map((data) => `data: ${JSON.stringify(data)}\n\n`)

const Add = Tool.make("add", {
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.Finite
})
const tools = Toolkit.make(Add)
const handlers = tools.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })

// What LanguageModel itself says of a call that the model made up.
const ofTools = new Set<string>(["ToolNotFoundError", "ToolParameterValidationError", "InvalidToolResultError"])

const assertTyped = (exit: Exit.Exit<unknown, unknown>, seed: number): void => {
  if (Exit.isSuccess(exit)) return
  const said = `seed ${seed}: ${Cause.pretty(exit.cause)}`
  for (const reason of exit.cause.reasons) {
    if (!Cause.isFailReason(reason) || !AiError.isAiError(reason.error)) return assert.fail(said)
    const { error } = reason
    assert.isTrue(AiErrors.failureOf(error) !== undefined || ofTools.has(error.reason._tag), said)
  }
}

describe.each(wires)("$codec.api: an answer with anything in it is an answer or a typed failure", (wire) => {
  it.effect(
    "whole",
    () =>
      Effect.gen(function* () {
        for (let seed = 0; seed < runs; seed++) {
          const next = random(seed)
          const text = JSON.stringify(mutated(pick(wholes(wire), next), next))
          const exit = yield* LanguageModel.generateText({ prompt: "hi", toolkit: tools }).pipe(
            Effect.provide([once(scripted(replyOf(text, next, "application/json")), wire.model), handlers]),
            Effect.exit
          )
          assertTyped(exit, seed)
        }
      }),
    60_000
  )

  it.effect(
    "as a stream",
    () =>
      Effect.gen(function* () {
        for (let seed = 0; seed < runs; seed++) {
          const next = random(seed)
          const text = shape(pick(streams(wire), next), next).join("")
          const exit = yield* Stream.runDrain(LanguageModel.streamText({ prompt: "hi", toolkit: tools })).pipe(
            Effect.provide([once(scripted(replyOf(text, next, "text/event-stream")), wire.model), handlers]),
            Effect.exit
          )
          assertTyped(exit, seed)
        }
      }),
    60_000
  )
})
