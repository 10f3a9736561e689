/**
 * A program and its test: the program is the app's own, the test replaces one Layer. Its script plays what a provider does
 * on a bad day, and says afterwards what was sent.
 */
import { assert, it } from "@effect/vitest"
import { TestTransport } from "@holdfast/testing"
import { Effect, Layer, Redacted } from "effect"
import { LanguageModel } from "effect/ai"
import { Failover, Holdfast, Providers, Telemetry } from "holdfast"

const greeting = Effect.map(LanguageModel.generateText({ prompt: "Say hello." }), (answer) => answer.text)

const model = Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })

const apiKey = Redacted.make("any-key")

/** `Holdfast.layer` without its sockets. */
const scripted = (script: TestTransport.Script) =>
  Layer.mergeAll(TestTransport.layer(script), Failover.layerMemory()).pipe(
    Layer.provideMerge(
      Layer.mergeAll(Providers.layer({ providers: { anthropic: { apiKey }, openai: { apiKey } } }), Telemetry.layer)
    )
  )

it.effect("greets although the connection turns out closed, and asks nobody else", () =>
  Effect.gen(function* () {
    const transport = yield* TestTransport.TestTransport
    assert.strictEqual(yield* greeting, "Hello.")
    const attempts = yield* transport.attempts
    assert.deepStrictEqual(
      attempts.map(({ request }) => [request.candidate.provider, request.connection]),
      [
        ["anthropic", "any"],
        ["anthropic", "fresh"]
      ]
    )
  }).pipe(
    Effect.provide(model),
    Effect.provide(scripted([TestTransport.stale(), TestTransport.anthropicText("Hello.")]))
  )
)

it.effect("goes on elsewhere when the account is out of credit", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* greeting, "Hello from GPT.")
  }).pipe(
    Effect.provide(model),
    Effect.provide(scripted([TestTransport.anthropicError(402), TestTransport.openaiText("Hello from GPT.")]))
  )
)
