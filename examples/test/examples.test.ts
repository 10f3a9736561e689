/** Each example as its reader would run it. */
import { assert, describe, layer } from "@effect/vitest"
import { FaultScript, FaultServer, FaultTruth } from "@holdfast/testing"
import * as Effect from "effect/Effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { play, servers } from "../offline/play.ts"
import type { EndpointName, Name } from "../offline/scenarios.ts"

const lines = (name: Name, options?: Parameters<typeof play>[1]) =>
  Effect.map(play(name, options), (printed) => printed.trim().split("\n"))

const received = (endpoint: EndpointName) =>
  Effect.flatMap(FaultServer.FaultServer, (server) =>
    Effect.map(server.truth, (truth) => FaultTruth.requests(truth, endpoint).length)
  )

describe("an example", () => {
  layer(servers, { excludeTestServices: true })((it) => {
    it.effect("01-ask asks, and says hello", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("01-ask"), ["Hello from Claude."])
        assert.strictEqual(yield* received("openai"), 0)
      })
    )

    it.effect("02-agent-turn runs each tool once although a call in between meets a stale connection", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("02-agent-turn"), [
          "mail 1 sent",
          "mail 2 sent",
          "Hello from Claude.",
          "may this turn be run again? false"
        ])
        assert.strictEqual(yield* received("anthropic"), 4)
        assert.strictEqual(yield* received("openai"), 0)
      })
    )

    it.effect("03-own-fallback goes on elsewhere where the provider says that it ran nothing", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("03-own-fallback"), [
          "going on elsewhere: AuthenticationFailed",
          "Hello from GPT."
        ])
        assert.strictEqual(yield* received("anthropic"), 3)
      })
    )

    it.effect("03-own-fallback answers from its cache, asking nobody twice, where the model may have run", () =>
      Effect.gen(function* () {
        const scenario = { script: { anthropic: [FaultScript.always(FaultScript.status(529))] } }
        const [line] = yield* lines("03-own-fallback", { scenario })
        assert.include(line, "Hello from the cache.")
        assert.strictEqual(yield* received("anthropic"), 1)
        assert.strictEqual(yield* received("openai"), 0)
      })
    )

    it.effect("04-watch tells what happened and keeps it", () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.promise(() => mkdtemp(join(tmpdir(), "holdfast-example-"))),
          (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
        )
        const printed = yield* lines("04-watch", { env: { JOURNAL: join(folder, "journal.ndjson") } })
        assert.match(printed[0] ?? "", /^anthropic: ConnectionLost, Ambiguous to replay\. /)
        assert.strictEqual(printed[1], "decided: RetryHere")
        assert.strictEqual(printed[2], "Hello from Claude.")
        assert.match(printed[3] ?? "", /^\d+ events in the journal$/)
      })
    )

    it.effect("05-sdk hands the vendor's SDK a fetch that repairs a stale connection, and tells what cannot be", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("05-sdk"), ["Hello from GPT.", "Hello from GPT."])
        assert.strictEqual(yield* received("openai"), 3)

        const reset = FaultScript.cut("reset", FaultScript.afterRequest)
        const rules = [FaultScript.on({ nth: 2 }, reset), FaultScript.on({ nth: 3 }, reset)]
        const [first, second = ""] = yield* lines("05-sdk", { scenario: { script: { openai: rules } } })
        assert.strictEqual(first, "Hello from GPT.")
        assert.match(second, /^ConnectionLost, Ambiguous to replay\. /)
        assert.strictEqual(yield* received("openai"), 3)
      })
    )

    it.effect("06-stream says who answers before the first word of another model", () =>
      Effect.gen(function* () {
        const printed = yield* lines("06-stream")
        assert.deepStrictEqual(printed.slice(0, 2), [
          "openai/gpt-5.5 answers in place of anthropic/claude-opus-4-7: BillingExhausted",
          "Hello from GPT."
        ])
        assert.match(printed[2] ?? "", /^\d+ tokens, stop$/)
        const [first, second] = yield* lines("06-stream", { scenario: {} })
        assert.strictEqual(first, "Hello from Claude.")
        assert.match(second ?? "", /^\d+ tokens, stop$/)
      })
    )

    it.effect("07-object prints what the model wrote, and says where it is no such object", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("07-object"), ["2 days in Rome: the Forum, Trastevere"])
        assert.deepStrictEqual(yield* lines("07-object", { scenario: {} }), ["That was no trip."])
      })
    )

    it.effect("08-own-provider asks a provider that configuration alone knows, and it is repaired like any other", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("08-own-provider"), ["Hello from the house's own model."])
        assert.strictEqual(yield* received("corp"), 2)
        assert.strictEqual(yield* received("anthropic"), 0)
      })
    )
  })
})
