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

    it.effect("10-ask-before-swap asks before the other model is, and says what the answer no leaves", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("10-ask-before-swap"), [
          "anthropic/claude-opus-4-7 failed: BillingExhausted. Shall openai/gpt-5.5 answer instead? no",
          "No answer. Add credit or a payment method, or use another credential. (Not asked: openai/gpt-5.5.)",
          "anthropic/claude-opus-4-7 is cooling down. Shall openai/gpt-5.5 answer instead? yes",
          "openai/gpt-5.5: Hello from GPT."
        ])
        assert.strictEqual(yield* received("anthropic"), 1)
        assert.strictEqual(yield* received("openai"), 1)
      })
    )

    it.effect("11-hold leaves half an answer as it comes, and a whole one where it is held back", () =>
      Effect.gen(function* () {
        const printed = yield* lines("11-hold")
        assert.deepStrictEqual(
          printed.filter((line) => !line.startsWith("  first word")),
          [
            'hold "first-content"',
            "  attempt 1 fails: ConnectionLost",
            "  the stream breaks off: ConnectionLost, Unsafe to replay",
            '  "Hello "',
            'hold "whole"',
            "  attempt 1 fails: ConnectionLost",
            '  "Hello from Claude, in one piece."'
          ]
        )
        assert.strictEqual(
          printed.filter((line) => /^  first word after \d+ ms, the end after \d+ ms$/.test(line)).length,
          2
        )
        assert.strictEqual(yield* received("slowly"), 3)
      })
    )

    it.effect("12-side-effects runs a turn again before its mails and not after, and sends each once", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("12-side-effects"), [
          "the turn begins",
          "  may the turn be run again? true",
          "the turn begins",
          "  may the turn be run again? true",
          "  mail 1 sent",
          "  a call fails: StaleConnection; it is made again",
          "  mail 2 sent",
          "  may the turn be run again? false",
          "  tools run: 2, other side effects: 0",
          "not run again: the app crashes after the mails"
        ])
        assert.strictEqual(yield* received("anthropic"), 6)
      })
    )

    it.effect("13-hedge has its answer from the second attempt, and the wire shows that the first was ended", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("13-hedge"), [
          "attempt 1 begins",
          "attempt 2 begins",
          "attempt 1 is ended",
          "attempt 2 answers",
          "Hello from Claude.",
          "in time",
          "anthropic: 1 more attempt than calls"
        ])
        const server = yield* FaultServer.FaultServer
        const { connections = [] } = (yield* server.truth).endpoints["anthropic"] ?? {}
        const slow = connections.find(({ requests }) => requests.some(({ fault }) => fault !== undefined))
        assert.deepStrictEqual(
          slow?.requests.map(({ answered }) => answered),
          ["none"]
        )
        assert.strictEqual(slow?.closed?.by, "client")
        assert.isFalse(slow?.closed?.whileIdle)
      })
    )

    it.effect("14-own-ladder climbs as the policy says, and says what it left behind", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines("14-own-ladder"), [
          "attempt 1 asks anthropic/claude-opus-4-7",
          "  ConnectionLost, Ambiguous: may it be replayed? assumed",
          "attempt 2 asks anthropic/claude-opus-4-7",
          "  AuthenticationFailed, Safe: may it be replayed? proven",
          "attempt 3 asks openai/gpt-5.5",
          "openai/gpt-5.5: Hello from GPT.",
          "a credential cools down: AuthenticationFailed",
          "anthropic: 1 call, 1 further attempts",
          "openai: 1 call, 0 further attempts"
        ])
      })
    )

    it.effect("14-own-ladder gives up where its own rule says so, though the policy would go on", () =>
      Effect.gen(function* () {
        const scenario = { script: { anthropic: [FaultScript.always(FaultScript.status(529))] } }
        const printed = yield* lines("14-own-ladder", { scenario })
        assert.deepStrictEqual(printed.slice(0, 2), [
          "attempt 1 asks anthropic/claude-opus-4-7",
          "  Overloaded, Ambiguous: may it be replayed? assumed"
        ])
        assert.match(printed[2] ?? "", /^given up: /)
        assert.strictEqual(yield* received("anthropic"), 1)
        assert.strictEqual(yield* received("openai"), 0)
      })
    )
  })
})
