import { assert, describe, it } from "@effect/vitest"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Duration from "effect/Duration"
import { reasons } from "./reasons.ts"

const heads = (limits: TimeLimits.Resolved) =>
  [true, false].map((streaming) => TimeLimits.ofAnswer(limits, streaming).headersMs)

describe("resolve", () => {
  it("fills in the defaults, in milliseconds", () => {
    assert.deepStrictEqual(TimeLimits.resolve(), TimeLimits.defaults)
    assert.deepStrictEqual(TimeLimits.resolve({ connect: "2 seconds", headers: false }), {
      connectMs: 2000,
      headersMs: 0,
      answerMs: 0,
      livenessMs: 90_000,
      firstContentMs: 0,
      stallMs: 600_000,
      totalMs: 0
    })
  })

  it("takes a limit beyond what a timer can be set to for none, not for the shortest", () => {
    const none = { ...TimeLimits.defaults, connectMs: 0, headersMs: 0, livenessMs: 0 }
    for (const limit of [Duration.infinity, "60 days", 2 ** 31] as const) {
      assert.deepStrictEqual(TimeLimits.resolve({ connect: limit, headers: limit, liveness: limit }), none)
    }
  })

  it("holds answers that do not stream to a headers limit that is set, and to none that is not", () => {
    assert.deepStrictEqual(heads(TimeLimits.defaults), [60_000, 0])
    assert.deepStrictEqual(heads(TimeLimits.resolve({ connect: "1 second" })), [60_000, 0])
    assert.deepStrictEqual(heads(TimeLimits.resolve({ headers: "5 seconds" })), [5000, 5000])
    assert.deepStrictEqual(heads(TimeLimits.resolve({ headers: false })), [0, 0])
  })

  it("gives whole milliseconds above zero", () => {
    assert.strictEqual(TimeLimits.resolve({ connect: "10 micros" }).connectMs, 1)
    assert.strictEqual(TimeLimits.resolve({ connect: 1.4 }).connectMs, 1)
  })
})

describe("problems", () => {
  it("are none for durations above zero, false, and nothing", () => {
    assert.deepStrictEqual(TimeLimits.problems(), [])
    assert.deepStrictEqual(
      TimeLimits.problems({ connect: "2 seconds", headers: false, liveness: Duration.infinity }),
      []
    )
  })

  it("name every place that is no duration, or none above zero", () => {
    // What a configuration that is not type-checked may hold.
    const written = { connect: "soon", headers: 0, liveness: "-1 seconds" } as unknown as TimeLimits.TimeLimits
    const found = TimeLimits.problems(written, "models.chief.limits").map(({ found, place }) => `${place}: ${found}`)
    assert.deepStrictEqual(found, [
      'models.chief.limits.connect: "soon"',
      "models.chief.limits.headers: 0",
      'models.chief.limits.liveness: "-1 seconds"'
    ])
  })
})

const each = (ms: number): TimeLimits.Resolved => ({
  connectMs: ms,
  headersMs: ms,
  answerMs: ms,
  livenessMs: ms,
  firstContentMs: ms,
  stallMs: ms,
  totalMs: ms
})

describe("limits made by hand", () => {
  it.each([
    ["0, which is none", 0, 0],
    ["a fraction of a millisecond", 0.2, 1],
    ["a fraction", 1500.4, 1500],
    ["the longest that a timer waits", TimeLimits.longestMs, TimeLimits.longestMs],
    ["longer than a timer waits", TimeLimits.longestMs + 1, 0],
    ["60 days", 60 * 86_400_000, 0],
    ["for ever", Number.POSITIVE_INFINITY, 0]
  ])("are whole milliseconds that a timer can wait: %s", (_, given, expected) => {
    assert.deepStrictEqual(TimeLimits.bounded(each(given)), each(expected))
    assert.deepStrictEqual(TimeLimits.boundedProblems(each(given)), [])
  })

  it.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])("are wrong where they are no time: %d", (given) => {
    const expected = "milliseconds, 0 for no limit"
    assert.deepStrictEqual(
      TimeLimits.boundedProblems({ ...TimeLimits.defaults, connectMs: given, livenessMs: given }),
      ["connectMs", "livenessMs"].map((name) => ({
        kind: "InvalidOption",
        place: `limits.${name}`,
        expected,
        found: String(given)
      }))
    )
  })

  it("are the defaults where there are none", () => {
    assert.deepStrictEqual(TimeLimits.bounded(undefined), TimeLimits.defaults)
    assert.deepStrictEqual(TimeLimits.boundedProblems(undefined), [])
  })
})

describe("a limit that was reached", () => {
  const limits = ["ConnectTimeout", "FirstOutputTimeout", "HeadersTimeout", "StreamStalled", "TotalTimeout"]

  it("is told from what a provider did", () => {
    const told = Object.values(reasons).filter(TimeLimits.isLimit)
    assert.deepStrictEqual(told.map(({ _tag }) => _tag).toSorted(), limits)
  })
})
