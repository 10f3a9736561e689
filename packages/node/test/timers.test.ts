import { assert, describe, it } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import { bounded, longestTimerMs, problems } from "../src/internal/timers.ts"

const each = (ms: number): TimeLimits.Resolved => ({ connectMs: ms, headersMs: ms, livenessMs: ms })

describe("limits made by hand", () => {
  it.each([
    ["0, which is none", 0, 0],
    ["a fraction of a millisecond", 0.2, 1],
    ["a fraction", 1500.4, 1500],
    ["the longest that a timer waits", longestTimerMs, longestTimerMs],
    ["longer than a timer waits", longestTimerMs + 1, 0],
    ["60 days", 60 * 86_400_000, 0],
    ["for ever", Number.POSITIVE_INFINITY, 0]
  ])("are whole milliseconds that a timer can wait: %s", (_, given, expected) => {
    assert.deepStrictEqual(bounded(each(given)), each(expected))
    assert.deepStrictEqual(problems(each(given)), [])
  })

  it.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])("are wrong where they are no time: %d", (given) => {
    const expected = "milliseconds, 0 for no limit"
    assert.deepStrictEqual(
      problems({ ...TimeLimits.defaults, connectMs: given, livenessMs: given }),
      ["connectMs", "livenessMs"].map((name) => ({
        kind: "InvalidOption",
        place: `limits.${name}`,
        expected,
        found: String(given)
      }))
    )
  })

  it("are the defaults where there are none", () => {
    assert.deepStrictEqual(bounded(undefined), TimeLimits.defaults)
    assert.deepStrictEqual(problems(undefined), [])
  })
})
