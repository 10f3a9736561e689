import { assert, layer } from "@effect/vitest"
import { FaultScript, FaultServer, FaultTruth } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { LanguageModel } from "effect/ai"
import { AiErrors, Holdfast } from "holdfast"

// Real sockets, so real time: `excludeTestServices`.
layer(FaultServer.layer({ endpoints: { anthropic: {} } }), { excludeTestServices: true })("a lost answer", (it) => {
  it.effect("is not called safe to ask for again, because the model ran", () =>
    Effect.gen(function* () {
      const server = yield* FaultServer.FaultServer
      const { origin } = yield* server.endpoint("anthropic")
      yield* server.script("anthropic", [FaultScript.always(FaultScript.cut("reset", FaultScript.afterRequest))])

      const error = yield* LanguageModel.generateText({ prompt: "Say hello." }).pipe(
        Effect.flip,
        Effect.provide(Holdfast.model("anthropic/claude-opus-4-7")),
        Effect.provide(
          Holdfast.layer({
            providers: { anthropic: { apiKey: Redacted.make("any-key"), baseUrl: origin } },
            policy: { maxAttempts: 1 }
          })
        )
      )

      const failure = AiErrors.failureOf(error)
      const requests = FaultTruth.requests(yield* server.truth, "anthropic")
      assert.deepStrictEqual(
        requests.map(({ complete, ran }) => ({ complete, ran })),
        [{ complete: true, ran: true }]
      )
      assert.strictEqual(failure?.verdict, "Ambiguous")
      assert.strictEqual(failure?.reason._tag, "ConnectionLost")
    })
  )
})
