import { assert, it } from "@effect/vitest"
import { TestTransport } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { LanguageModel } from "effect/ai"
import { TestClock } from "effect/testing"
import { Holdfast } from "holdfast"

const apiKey = Redacted.make("any-key")
const holdfast = Holdfast.layer({ providers: { anthropic: { apiKey }, openai: { apiKey } } })

it.effect("a model that cannot be reached is left for its fallback, once its limits have passed", () =>
  Effect.gen(function* () {
    const asking = yield* LanguageModel.generateText({ prompt: "Say hello." }).pipe(
      Effect.provide(Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })),
      Effect.forkChild
    )
    yield* TestClock.adjust("10 minutes")
    assert.strictEqual((yield* Fiber.join(asking)).text, "Hello.")

    const seen = yield* TestTransport.TestTransport
    const attempts = yield* seen.attempts
    assert.deepStrictEqual(attempts.at(-1)?.outcome, { _tag: "Complete" })
    assert.strictEqual(attempts.at(-1)?.request.candidate.provider, "openai")
    for (const { evidence, outcome } of attempts.slice(0, -1)) {
      assert.strictEqual(outcome._tag === "Failed" && outcome.failure.reason._tag, "ConnectTimeout")
      assert.deepInclude(evidence, { phase: "connecting", bytesWritten: 0 })
    }
  }).pipe(
    Effect.provide(
      TestTransport.layer({
        anthropic: TestTransport.always(TestTransport.unreachable),
        openai: [TestTransport.openaiText("Hello.").pipe(TestTransport.delayed({ head: "8 seconds" }))]
      })
    ),
    Effect.provide(holdfast)
  )
)
