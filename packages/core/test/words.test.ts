/** The words that configuration files and journals hold: one that changes makes what was written unreadable. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import * as Declaration from "@holdfast/core/Declaration"
import * as SwapRule from "@holdfast/core/SwapRule"
import * as Verdict from "@holdfast/core/Verdict"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

describe("words that are written down", () => {
  it("of verdicts", () => {
    assert.deepStrictEqual(Verdict.Verdict.literals, ["Safe", "Ambiguous", "Unsafe"])
  })

  it("of the rows of the replay-safety table", () => {
    assert.deepStrictEqual(Verdict.Rule.literals, [
      "exposed",
      "may-have-effects",
      "not-started",
      "refused-by-provider",
      "misdirected",
      "unprocessed",
      "unprocessed-behind-proxy",
      "answered-with-error",
      "stale-connection",
      "lost-before-answer",
      "begun-not-exposed",
      "unknown-evidence"
    ])
  })

  it("of declarations", () => {
    const words = ["repeatable", "unknown", "changes-state", "provider-tools"]
    assert.deepStrictEqual<ReadonlyArray<string>>(Declaration.Declaration.literals, words)
  })

  it("of swap rules", () => {
    assert.deepStrictEqual(SwapRule.SwapRule.literals, ["never", "same-model", "same-family", "any"])
  })

  it("of closeness", () => {
    assert.deepStrictEqual(Candidate.Closeness.literals, ["same-model", "same-family", "other"])
  })

  it("of a candidate, all of whose fields come back", () => {
    const whole = {
      provider: "anthropic",
      model: "claude-opus-4-7",
      credential: "work",
      api: "anthropic-messages",
      endpoint: "api.anthropic.com:443",
      family: { maker: "anthropic", line: "opus" },
      identity: "claude-opus-4-7"
    }
    assert.deepStrictEqual(Schema.decodeUnknownSync(Candidate.Candidate)(JSON.parse(JSON.stringify(whole))), whole)
  })

  it("of a family, which has a maker and a line", () => {
    for (const family of [{ maker: "anthropic" }, { line: "opus" }, {}]) {
      const decoded = Schema.decodeUnknownResult(Candidate.Family)(family)
      assert.isTrue(Result.isFailure(decoded), JSON.stringify(family))
    }
  })
})
