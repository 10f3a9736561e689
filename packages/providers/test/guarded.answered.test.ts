/** Errors that arise above an answer: whether they invite a retry follows from what the call has done and given out. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { json, over, scripted, sse } from "./support/scripted.ts"
import { anthropic, openai, wires } from "./support/wire.ts"

const city = Schema.Struct({ city: Schema.String })
const object = LanguageModel.generateObject({ prompt: "where?", schema: city })

/** Under the retry that an app writes. */
const retried = <A, R>(self: Effect.Effect<A, AiError.AiError, R>): Effect.Effect<AiError.AiError, A, R> =>
  self.pipe(Effect.retry({ while: ({ isRetryable }) => isRetryable, times: 3 }), Effect.flip)

describe("an object that does not decode", () => {
  it.effect.each(wires)("is asked for again where that costs tokens and nothing else ($codec.api)", (wire) => {
    const no = json(wire.text("no object"))
    const script = scripted(no, no, no, no)
    return Effect.gen(function* () {
      const error = yield* retried(object)
      assert.strictEqual(error.reason._tag, "StructuredOutputError")
      assert.strictEqual(script.requests.length, 4)
    }).pipe(Effect.provide(over(script, wire.model)))
  })

  it.effect("is not asked for again where the call leaves something behind", () => {
    const script = scripted(json(openai.text("no object")), json(openai.text('{"city":"Rome"}')))
    return Effect.gen(function* () {
      const error = yield* retried(object)
      assert.strictEqual(error.reason._tag, "StructuredOutputError")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(script.requests.length, 1)
      assert.strictEqual(script.requests[0]?.declaration, "changes-state")
    }).pipe(Effect.provide(over(script, openai.model, { params: { store: true } })))
  })
})

const Note = Tool.make("note", { parameters: Schema.Struct({ text: Schema.String }), success: Schema.String })
const tools = Toolkit.make(Note)
const notes = tools.toLayer({ note: () => Effect.succeed("noted") })

describe("a call of a tool that there is not", () => {
  it.effect("is not asked for again once text was given out", () => {
    const [start = "", ...text] = anthropic.textStream("Hello.")
    const call = anthropic
      .toolCallStream("call_1", "nobody", "{}")
      .map((event) => event.replace('"index":0', '"index":1'))
    // The text's block, then the call's, then the message's end.
    const events = [start, ...text.slice(0, 3), ...call.slice(1)]
    const script = scripted(sse(events), sse(events))
    return Effect.gen(function* () {
      const seen: Array<string> = []
      const error = yield* retried(
        Stream.runForEach(LanguageModel.streamText({ prompt: "hi", toolkit: tools }), (part) =>
          Effect.sync(() => seen.push(part.type))
        )
      )
      assert.include(seen, "text-delta")
      assert.strictEqual(error.reason._tag, "InvalidOutputError")
      assert.isFalse(error.isRetryable)
      assert.strictEqual(script.requests.length, 1)
    }).pipe(Effect.provide([over(script, anthropic.model), notes]))
  })
})
