import { assert, describe, layer } from "@effect/vitest"
import * as AiErrors from "@holdfast/providers/AiErrors"
import * as FaultScript from "@holdfast/testing/FaultScript"
import * as FaultServer from "@holdfast/testing/FaultServer"
import * as FaultTruth from "@holdfast/testing/FaultTruth"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AiError from "effect/ai/AiError"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { live } from "./support/live.ts"
import { wires } from "./support/wire.ts"

const text = "Grüße from the model 🌊, in UTF-8."

const Write = Tool.make("write", {
  description: "Writes something down.",
  parameters: Schema.Struct({ turn: Schema.String, step: Schema.Int }),
  success: Schema.String
})
const tools = Toolkit.make(Write)

const textOf = (parts: ReadonlyArray<Response.AnyPart>): string =>
  parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join("")

const streamed = Stream.runCollect(LanguageModel.streamText({ prompt: "hi" }))
const whole = LanguageModel.generateText({ prompt: "hi" })

/** Runs a program at the server, which first gets a script and then says what it saw. */
const at = Effect.fnUntraced(function* <A, E>(
  model: string,
  script: FaultScript.Script,
  program: Effect.Effect<A, E, LanguageModel.LanguageModel>,
  maxAttempts = 32
) {
  const server = yield* FaultServer.FaultServer
  const { origin } = yield* server.endpoint("model")
  yield* server.reset
  yield* server.script("model", script)
  const value = yield* Effect.provide(program, live(origin, model, { maxAttempts }))
  return { value, requests: FaultTruth.requests(yield* server.truth, "model"), truth: yield* server.truth }
})

const failureOf = (error: unknown) => {
  assert.isTrue(AiError.isAiError(error))
  const failure = AiErrors.failureOf(error as AiError.AiError)
  if (failure === undefined) throw error
  return failure
}

/** A role; the message's start, the block's and a ping; the response's start and progress, the item's and its part's. */
const eventsBefore: Readonly<Record<string, number>> = {
  "openai-completions": 1 + 2,
  "anthropic-messages": 3 + 2,
  "openai-responses": 4 + 2
}

layer(
  FaultServer.layer({ endpoints: { model: { answer: { text, events: 5 }, agent: { tool: "write", steps: 2 } } } }),
  { excludeTestServices: true }
)("on real sockets", (it) => {
  describe.each(wires)("$codec.api", ({ codec, model }) => {
    it.effect("answers whole and streamed", () =>
      Effect.gen(function* () {
        const { requests, value } = yield* at(model, [], Effect.all([whole, streamed]))
        const [response, parts] = value
        assert.strictEqual(response.text, text)
        assert.strictEqual(response.finishReason, "stop")
        assert.strictEqual(textOf(parts), text)
        // What one read brings is one delta; five events may come in one.
        const deltas = parts.filter((part) => part.type === "text-delta").length
        assert.isTrue(1 <= deltas && deltas <= 5, `${deltas} deltas`)
        assert.isAbove(response.usage.outputTokens.total ?? 0, 0)
        assert.deepStrictEqual(
          requests.map(({ ran, stream }) => [ran, stream]),
          [
            [true, false],
            [true, true]
          ]
        )
      })
    )

    it.effect("runs an agent to its end, each call and each tool once", () =>
      Effect.gen(function* () {
        for (const streaming of [false, true]) {
          const steps: Array<number> = []
          const handlers = tools.toLayer({
            write: ({ step }) =>
              Effect.sync(() => {
                steps.push(step)
                return "written"
              })
          })
          const agent = Effect.gen(function* () {
            const chat = yield* Chat.empty
            let prompt: "write it" | readonly [] = "write it"
            while (true) {
              const parts: ReadonlyArray<Response.AnyPart> = streaming
                ? yield* Stream.runCollect(chat.streamText({ prompt, toolkit: tools }))
                : (yield* chat.generateText({ prompt, toolkit: tools })).content
              if (!parts.some((part) => part.type === "tool-result")) return parts
              prompt = []
            }
          }).pipe(Effect.provide(handlers))
          const { requests, truth, value } = yield* at(model, [], agent)
          const said = value.map((part) => (part.type === "text" ? part.text : "")).join("") + textOf(value)
          assert.strictEqual(said, text)
          assert.deepStrictEqual(steps, [1, 2])
          assert.deepStrictEqual(
            requests.map(({ runKey }) => runKey),
            ["write it#0", "write it#1", "write it#2"]
          )
          assert.strictEqual(truth.runs.distinct, 3)
          assert.deepStrictEqual(truth.runs.duplicates, [])
        }
      })
    )

    it.effect("repairs a connection that is reset after the request, once", () =>
      Effect.gen(function* () {
        const reset = FaultScript.cut("reset", FaultScript.afterRequest)
        const repaired = yield* at(model, [FaultScript.always(reset, { times: 1 })], Effect.map(streamed, textOf))
        assert.strictEqual(repaired.value, text)
        assert.strictEqual(repaired.requests.length, 2)
        const lost = yield* at(model, [FaultScript.always(reset)], Effect.flip(whole))
        const failure = failureOf(lost.value)
        assert.strictEqual(failure.reason._tag, "ConnectionLost")
        assert.strictEqual(failure._tag, "ReplayAmbiguous")
        assert.strictEqual(lost.requests.length, 2)
      })
    )

    it.effect("streams nothing twice: what follows the first content is a failure with the partial output", () =>
      Effect.gen(function* () {
        // The events before the text, and two of its pieces.
        const first = eventsBefore[codec.api] ?? 0
        assert.isAbove(first, 0)
        const faults: ReadonlyArray<readonly [FaultScript.Fault, string]> = [
          [FaultScript.noEndMarker({ afterEvents: first }), "StreamTruncated"],
          [FaultScript.noEndMarker(), "StreamTruncated"],
          [FaultScript.cut("reset", FaultScript.afterEvents(first)), "ConnectionLost"],
          [FaultScript.cut("fin", FaultScript.afterEvents(first)), "ConnectionLost"],
          [FaultScript.inBandError(first, { type: "overloaded_error", code: "overloaded" }), "Overloaded"]
        ]
        for (const [fault, reason] of faults) {
          const seen: Array<Response.AnyPart> = []
          const program = LanguageModel.streamText({ prompt: "hi" }).pipe(
            Stream.runForEach((part) => Effect.sync(() => seen.push(part))),
            Effect.flip
          )
          const { requests, value } = yield* at(model, [FaultScript.always(fault)], program)
          const failure = failureOf(value)
          assert.strictEqual(failure.reason._tag, reason, JSON.stringify(fault))
          assert.strictEqual(failure._tag, "ReplayUnsafe")
          assert.isFalse((value as AiError.AiError).isRetryable)
          assert.strictEqual(requests.length, 1)
          assert.notStrictEqual(textOf(seen), "")
          assert.isTrue(text.startsWith(textOf(seen)))
          assert.strictEqual(textOf(failure.partial as ReadonlyArray<Response.AnyPart>), textOf(seen))
        }
      })
    )

    it.effect("asks once more where nothing was exposed", () =>
      Effect.gen(function* () {
        const faults = [
          FaultScript.noEndMarker({ afterEvents: 1 }),
          FaultScript.noEndMarker({ afterEvents: 0 }),
          FaultScript.cut("reset", FaultScript.afterEvents(1)),
          FaultScript.cut("reset", FaultScript.afterHead),
          FaultScript.status(200, { shape: "html" })
        ]
        for (const fault of faults) {
          for (const program of [Effect.map(streamed, textOf), Effect.map(whole, (response) => response.text)]) {
            const { requests, value } = yield* at(model, [FaultScript.always(fault, { times: 1 })], program)
            assert.strictEqual(value, text, JSON.stringify(fault))
            assert.strictEqual(requests.length, 2)
          }
        }
      })
    )

    it.effect("calls Safe no refusal that the server ran, and every one in the provider's own shape", () =>
      Effect.gen(function* () {
        for (const status of [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529]) {
          for (const shape of ["provider", "html", "json-foreign", "empty"] as const) {
            // A refusal in the provider's shape is its word that nothing ran; anything else may hide a run.
            const proof = shape === "provider" && status < 500 && status !== 408 && status !== 409
            const script = [FaultScript.always(FaultScript.status(status, { shape, ran: !proof }))]
            const { requests, value } = yield* at(model, script, Effect.flip(whole), 1)
            const failure = failureOf(value)
            assert.strictEqual(failure._tag, proof ? "ReplaySafe" : "ReplayAmbiguous", `${status} ${shape}`)
            assert.deepInclude(failure.reason, { status })
            assert.strictEqual(requests[0]?.ran, !proof)
          }
        }
      })
    )
  })
})
