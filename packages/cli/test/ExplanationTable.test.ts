import { assert, describe, it } from "@effect/vitest"
import { render } from "@holdfast/cli/ExplanationTable"
import type * as Explanation from "@holdfast/core/Explanation"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Effect from "effect/Effect"
import { time } from "../src/internal/explain/words.ts"

const opus = { provider: "anthropic", model: "claude-opus-4-7" }
const atHome = { ...opus, credential: "home" }
const gpt = { provider: "openai", model: "gpt-5.5" }

const explained = (scenario: Explanation.Scenario, overrides?: FailoverPolicy.Overrides) =>
  Effect.map(FailoverPolicy.explain(FailoverPolicy.make(overrides), scenario), render)

const rows = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("│"))
    .map((line) =>
      line
        .split("│")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )

describe("the table of an explanation", () => {
  it.effect("goes candidate by candidate, with the waits between attempts and their bounds", () =>
    Effect.gen(function* () {
      const text = yield* explained({
        chain: [opus, atHome, gpt],
        failures: ["StaleConnection", "ServerError", { reason: "HeadersTimeout", elapsedMs: 2_000 }, "BillingExhausted"]
      })
      assert.deepStrictEqual(rows(text), [
        ["", "at", "asked", "fails with", "verdict", "then"],
        [
          "1",
          "0 s",
          "anthropic/claude-opus-4-7",
          "StaleConnection",
          "Ambiguous (stale-connection)",
          "again at once, on a fresh connection"
        ],
        ["2", "0 s", "", "ServerError", "Ambiguous (answered-with-error)", "again after 1 s (800 ms to 1.2 s)"],
        ["3", "1 s", "", "HeadersTimeout after 2 s", "Ambiguous (lost-before-answer)", "again at once"],
        [
          "4",
          "3 s",
          "",
          "BillingExhausted",
          "Safe (refused-by-provider)",
          "the same model under another credential: anthropic/claude-opus-4-7@home"
        ],
        ["5", "3 s", "anthropic/claude-opus-4-7@home", "", "", ""]
      ])
      assert.strictEqual(text.split("\n").at(-1), "After 3 s, attempt 5 asks anthropic/claude-opus-4-7@home.")
    })
  )

  it.effect("says who is passed over and why, and what the app gets in the end", () =>
    Effect.gen(function* () {
      const text = yield* explained({ chain: [opus, gpt], failures: ["ModelNotFound"] }, { swap: { start: "never" } })
      assert.deepStrictEqual(rows(text).slice(1), [
        [
          "1",
          "0 s",
          "anthropic/claude-opus-4-7",
          "ModelNotFound",
          "Safe (refused-by-provider)",
          "give up: the swap is not allowed"
        ],
        ["", "", "", "", "", "not openai/gpt-5.5: the swap is not allowed"]
      ])
      assert.strictEqual(
        text.split("\n").at(-1),
        "After 0 s, the app gets SwapDenied: the swap is not allowed. Had it been allowed, openai/gpt-5.5 would have been asked."
      )
    })
  )

  it.effect("begins with what was decided before anybody was asked", () =>
    Effect.gen(function* () {
      const text = yield* explained({ chain: [opus], failures: [], cooling: [{ index: 0, forMs: 20_000 }] })
      assert.deepStrictEqual(rows(text).slice(1), [
        ["", "0 s", "", "", "", "wait 20 s for anthropic/claude-opus-4-7"],
        ["", "", "", "", "", "not anthropic/claude-opus-4-7: it is cooling down for 20 s"],
        ["1", "20 s", "anthropic/claude-opus-4-7", "", "", ""]
      ])
    })
  )
})

describe("a length of time", () => {
  it.each([
    [0, "0 s"],
    [250, "250 ms"],
    [1_000, "1 s"],
    [1_250, "1.3 s"],
    [60_000, "1 min"],
    [270_400, "4 min 30 s"]
  ])("of %d ms is %s", (ms, words) => {
    assert.strictEqual(time(ms), words)
  })
})
