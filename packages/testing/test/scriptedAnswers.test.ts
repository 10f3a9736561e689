/** The ready-made answers of a scripted transport, read by the codecs that read a provider's. */
import { assert, describe, it } from "@effect/vitest"
import type { Failure } from "@holdfast/core"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import type { AiError } from "effect/ai"
import { AiErrors, Holdfast } from "holdfast"
import * as TestTransport from "../src/TestTransport.ts"

const apiKey = Redacted.make("any-key")
const services = Holdfast.layer({
  providers: { anthropic: { apiKey }, openai: { api: "openai-completions", apiKey } },
  policy: { maxAttempts: 1 },
  health: false
})

const wires = [
  {
    model: "anthropic/claude-opus-4-7",
    text: TestTransport.anthropicText,
    toolCall: TestTransport.anthropicToolCall,
    error: TestTransport.anthropicError,
    // What an error event says unless told, and how many events come before the first text.
    inBand: "Overloaded",
    preamble: 3
  },
  {
    model: "openai/gpt-5.5",
    text: TestTransport.openaiText,
    toolCall: TestTransport.openaiToolCall,
    error: TestTransport.openaiError,
    inBand: "ServerError",
    preamble: 1
  }
] as const

const Add = Tool.make("add", {
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.Finite
})
const tools = Toolkit.make(Add)
const handlers = tools.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })

const follow =
  (model: string, script: TestTransport.Script) =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    self.pipe(
      Effect.provide(Holdfast.model(model)),
      Effect.provide(TestTransport.layer(script)),
      Effect.provide(services)
    )

const failureOf = (error: AiError.AiError): Effect.Effect<Failure.Failure> => {
  const failure = AiErrors.failureOf(error)
  return failure === undefined ? Effect.die(error) : Effect.succeed(failure)
}

const ask = LanguageModel.generateText({ prompt: "hi" })

/** Deltas of the streamed text, and the failure after them, if there is one. */
const deltas = Effect.gen(function* () {
  const texts: Array<string> = []
  const failure = yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
    Stream.runForEach((part) => Effect.sync(() => part.type === "text-delta" && texts.push(part.delta))),
    Effect.as(undefined),
    Effect.catch((error) => failureOf(error))
  )
  return { texts, reason: failure?.reason._tag, verdict: failure?.verdict }
})

describe.each(wires)("$model", ({ error, inBand, model, preamble, text, toolCall }) => {
  it.effect("says a text, whole or streamed, as it is asked", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask).text, "Grüße 🌊!")
      assert.deepStrictEqual(yield* deltas, {
        texts: ["Grü", "ße ", "🌊!"],
        reason: undefined,
        verdict: undefined
      })
    }).pipe(follow(model, [text("Grüße 🌊!"), text("Grüße 🌊!", { events: 3 })]))
  )

  it.effect("calls a tool, whole or streamed", () =>
    Effect.gen(function* () {
      const { toolResults } = yield* LanguageModel.generateText({ prompt: "2 + 3?", toolkit: tools })
      assert.deepStrictEqual(
        toolResults.map(({ result }) => result),
        [5]
      )
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "2 + 3?", toolkit: tools }))
      assert.deepStrictEqual(
        parts.flatMap((part) => (part.type === "tool-call" ? [part.params] : [])),
        [{ a: 2, b: 3 }]
      )
    }).pipe(Effect.provide(handlers), follow(model, [toolCall("add", { a: 2, b: 3 }), toolCall("add", { a: 2, b: 3 })]))
  )

  it.effect("refuses in the provider's shape, or in that of a proxy", () =>
    Effect.gen(function* () {
      const limited = yield* Effect.flatMap(Effect.flip(ask), failureOf)
      assert.deepInclude(limited.reason, { _tag: "RateLimited", retryAfterMs: 7000 })
      assert.strictEqual(limited.verdict, "Safe")
      const page = yield* Effect.flatMap(Effect.flip(ask), failureOf)
      assert.strictEqual(page.verdict, "Ambiguous")
    }).pipe(follow(model, [error(429, { retryAfter: 7 }), error(429, { shape: "html" })]))
  )

  it.effect("breaks off where it is cut, cleanly or not, or with an error event", () =>
    Effect.gen(function* () {
      const outcomes = yield* Effect.replicateEffect(deltas, 4)
      assert.deepStrictEqual(
        outcomes.map(({ reason, texts, verdict }) => [texts.join(""), reason, verdict]),
        [
          ["abcd", "StreamTruncated", "Unsafe"],
          ["", "ConnectionLost", "Ambiguous"],
          ["ab", inBand, "Unsafe"],
          ["", "StreamTruncated", "Ambiguous"]
        ]
      )
    }).pipe(
      follow(model, [
        text("abcd").pipe(TestTransport.cut("clean", -1)),
        text("abcd").pipe(TestTransport.cut("reset", 1)),
        text("abcd", { inBandError: { afterEvents: preamble + 2 } }),
        text("abcd").pipe(TestTransport.cut("clean", 1))
      ])
    )
  )

  it.effect("streams or not as it is told, whatever is asked", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flatMap(Effect.flip(ask), failureOf)).reason._tag, "MalformedResponse")
      assert.strictEqual((yield* deltas).reason, "MalformedResponse")
    }).pipe(follow(model, [text("abcd", { stream: true }), text("abcd", { stream: false })]))
  )
})
