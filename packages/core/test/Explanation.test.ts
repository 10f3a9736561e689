import { assert, describe, it } from "@effect/vitest"
import type * as Explanation from "@holdfast/core/Explanation"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Reason from "@holdfast/core/Reason"
import * as Verdict from "@holdfast/core/Verdict"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { gemini, gpt, opus, opusAtHome, opusOlder, stale, unsafe } from "./fixtures.ts"

const explain = (scenario: Explanation.Scenario, overrides?: FailoverPolicy.Overrides) =>
  FailoverPolicy.explain(FailoverPolicy.make(overrides), scenario)

/** What is decided of each attempt, in a line. */
const lines = ({ before, steps }: Explanation.Explanation): ReadonlyArray<string> => [
  ...before.map((each) => `0 ${line(each)}`),
  ...steps.flatMap(({ attempt, decisions }) => decisions.map((each) => `${attempt} ${line(each)}`))
]

const line = ({ atMs, decision }: Explanation.Decided): string => {
  const to = "candidate" in decision ? ` ${decision.candidate.model}` : ""
  const delay = "delayMs" in decision ? ` +${decision.delayMs}` : ""
  return `at ${atMs} ${decision._tag}${to}${delay}${decision._tag === "Surface" ? ` ${decision.why}` : ""}`
}

describe("explain", () => {
  it.effect("tells of an attempt what its verdict stands on", () =>
    Effect.gen(function* () {
      const { end, steps } = yield* explain({ chain: [opus, gpt], failures: [stale()] })
      assert.deepStrictEqual(steps, [
        {
          attempt: 1,
          index: 0,
          candidate: opus,
          connection: "any",
          startedAtMs: 0,
          failedAtMs: 0,
          reason: "StaleConnection",
          scope: "endpoint",
          message: "a reused connection was closed by the peer (fin) before any answer (idle 60 s)",
          verdict: "Ambiguous",
          rule: "stale-connection",
          ground: "assumed",
          decisions: [{ atMs: 0, decision: { _tag: "RetryHere", delayMs: 0, fresh: true, ground: "assumed" } }]
        }
      ])
      assert.deepStrictEqual(end, {
        _tag: "Asks",
        attempt: 2,
        index: 0,
        candidate: opus,
        connection: "fresh",
        atMs: 0
      })
    })
  )

  it.effect("steps the schedules, and says what a delay is between that they leave to chance", () =>
    Effect.gen(function* () {
      const { steps } = yield* explain({ chain: [opus], failures: ["Overloaded"], repeats: true })
      const delays = steps.map(({ decisions: [{ between, decision }] }) =>
        decision._tag === "RetryHere" ? [decision.delayMs, between?.leastMs, between?.mostMs].map(Number) : []
      )
      assert.deepStrictEqual(
        delays.map((each) => each.map(Math.round)),
        [
          [1_000, 800, 1_200],
          [2_000, 1_600, 2_400],
          [4_000, 3_200, 4_800],
          [8_000, 6_400, 9_600],
          [16_000, 12_800, 19_200],
          [30_000, 24_000, 36_000],
          [30_000, 24_000, 36_000],
          []
        ]
      )
    })
  )

  it.effect("waits as long as the provider asks, where that is longer", () =>
    Effect.gen(function* () {
      const { steps } = yield* explain({ chain: [opus], failures: [{ reason: "RateLimited", retryAfterMs: 7_000 }] })
      assert.deepStrictEqual(steps[0]?.decisions, [
        { atMs: 0, decision: { _tag: "RetryHere", delayMs: 7_000, fresh: false, ground: "proven" } }
      ])
    })
  )

  it.effect("counts the time that attempts and waits take, against the time of the call", () =>
    Effect.gen(function* () {
      const explained = yield* explain(
        { chain: [opus, gpt], failures: [{ reason: "HeadersTimeout" }], repeats: true, totalMs: 150_000 },
        { retry: { response: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 1 })) } }
      )
      assert.deepStrictEqual(lines(explained), [
        "1 at 60000 RetryHere +1000",
        "2 at 121000 NextCandidate gpt-5.5",
        // What was left of the call's time ended it.
        "3 at 150000 Surface deadline"
      ])
      assert.strictEqual(explained.steps[2]?.reason, "TotalTimeout")
      assert.strictEqual(explained.end._tag, "Fails")
    })
  )

  it.effect("ends in SwapDenied, with whom it would have asked, where only the swap rule was against it", () =>
    Effect.gen(function* () {
      const moment = { at: "mid", answered: ModelRef.make(opus.provider, opus.model) } as const
      const { end, from } = yield* explain({ chain: [opus, gpt, gemini], failures: ["ModelNotFound"], moment })
      assert.deepStrictEqual(from, opus)
      assert.deepInclude(end, { _tag: "Fails", why: "swap-denied", error: "SwapDenied", denied: [gpt, gemini] })
    })
  )

  it.effect("takes the app's word as it is told, and asks for it once", () =>
    Effect.gen(function* () {
      const swap = { start: { ask: () => Effect.die("a dry run asks nobody") } }
      const scenario: Explanation.Scenario = { chain: [opus, gpt, gemini], failures: ["ModelNotFound"] }
      const wanted = yield* explain(scenario, { swap })
      const unwanted = yield* explain({ ...scenario, agrees: false }, { swap })
      assert.deepStrictEqual(lines(wanted), ["1 at 0 NextCandidate gpt-5.5"])
      assert.deepStrictEqual(lines(unwanted), ["1 at 0 Surface swap-denied"])
    })
  )

  it.effect("renews a credential once, and rotates after that", () =>
    Effect.gen(function* () {
      const explained = yield* explain({
        chain: [opus, opusAtHome],
        failures: ["AuthenticationFailed", "AuthenticationFailed"],
        refreshes: true
      })
      assert.deepStrictEqual(lines(explained), ["1 at 0 RefreshCredential", "2 at 0 RotateCredential claude-opus-4-7"])
    })
  )

  it.effect("goes along the chain that is named for the reason", () =>
    Effect.gen(function* () {
      const explained = yield* explain({
        chain: [opus, gpt],
        chains: { ContextOverflow: [gemini] },
        failures: ["ContextOverflow", "ContextOverflow"]
      })
      assert.deepStrictEqual(explained.chain, [opus, gpt, gemini])
      assert.deepStrictEqual(lines(explained), ["1 at 0 NextCandidate gemini-3-pro", "2 at 0 Surface chain-exhausted"])
    })
  )

  it.effect("begins elsewhere while the first cools down, or waits for who is soonest", () =>
    Effect.gen(function* () {
      const cooling = [
        { index: 0, forMs: 9_000 },
        { index: 1, forMs: 4_000 }
      ]
      const elsewhere = yield* explain({ chain: [opus, opusOlder, gpt], failures: [], cooling })
      const later = yield* explain({ chain: [opus, opusOlder], failures: ["ModelNotFound"], cooling })
      assert.deepStrictEqual(lines(elsewhere), ["0 at 0 NextCandidate gpt-5.5"])
      assert.deepStrictEqual(lines(later), [
        "0 at 0 Wait claude-opus-4-6 +4000",
        "0 at 4000 NextCandidate claude-opus-4-6",
        "1 at 4000 Wait claude-opus-4-7 +5000",
        "1 at 9000 NextCandidate claude-opus-4-7"
      ])
    })
  )

  it.effect("passes over who does not suit, once", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { end } = yield* explain({
        chain: [opus, gpt, gemini],
        failures: ["ModelNotFound"],
        suits: ({ model }) => {
          asked.push(model)
          return model !== gpt.model
        }
      })
      assert.deepInclude(end, { _tag: "Asks", candidate: gemini })
      assert.deepStrictEqual(asked, ["gpt-5.5", "gemini-3-pro"])
    })
  )

  it.effect("gives an unsafe failure to the app", () =>
    Effect.gen(function* () {
      const { end, steps } = yield* explain({ chain: [opus, gpt], failures: [unsafe()], repeats: true })
      assert.strictEqual(steps[0]?.ground, "no")
      assert.deepInclude(end, { why: "unsafe", error: "ReplayUnsafe" })
    })
  )

  it.effect("ends, whatever the policy says", () =>
    Effect.gen(function* () {
      const retry = { connection: Schedule.forever }
      const endless = { chain: [opus], failures: ["StaleConnection"], repeats: true } as const
      const bounded = yield* explain(endless, { retry, maxAttempts: 7 })
      const unbounded = yield* explain(endless, { retry, maxAttempts: Number.POSITIVE_INFINITY })
      assert.strictEqual(bounded.steps.length, 7)
      assert.deepInclude(bounded.end, { why: "attempts-spent" })
      assert.strictEqual(unbounded.steps.length, 1_000)
      assert.deepInclude(unbounded.end, { _tag: "Asks", attempt: 1_001 })
    })
  )

  it.effect("waits no more often than attempts may be made", () =>
    Effect.gen(function* () {
      const explained = yield* explain(
        { chain: [opus, gpt], failures: ["ModelNotFound"] },
        {
          maxAttempts: 2,
          decide: () => ({
            _tag: "Wait",
            delayMs: 10,
            index: 1,
            candidate: gpt,
            ground: "proven",
            asks: false,
            skipped: []
          })
        }
      )
      assert.deepStrictEqual(lines(explained), [
        "1 at 0 Wait gpt-5.5 +10",
        "1 at 10 Wait gpt-5.5 +10",
        "1 at 20 Wait gpt-5.5 +10",
        "1 at 30 Surface cooling-down"
      ])
      assert.deepInclude(explained.end, { why: "cooling-down", error: "ReplaySafe" })
    })
  )

  it.effect("is not held up by a decision of an app's own that names who does not suit", () =>
    Effect.gen(function* () {
      const { end } = yield* explain(
        { chain: [opus, gpt], failures: ["ModelNotFound"], suits: () => false },
        {
          decide: () => ({
            _tag: "NextCandidate",
            index: 1,
            candidate: gpt,
            ground: "proven",
            asks: false,
            skipped: []
          })
        }
      )
      assert.deepInclude(end, { why: "chain-exhausted" })
    })
  )

  it.effect.each(Reason.tags)("supposes of %s what such a failure mostly is, by its name", (tag) =>
    Effect.gen(function* () {
      const { steps } = yield* explain({ chain: [opus], failures: [tag] })
      const [step] = steps
      assert.strictEqual(step?.reason, tag)
      // What never began is safe, and so is what a provider refused; of the rest nothing is proven.
      const expected = unproven.has(tag) ? "Ambiguous" : "Safe"
      assert.strictEqual(step?.verdict, expected)
      assert.isTrue(Verdict.Rule.literals.includes(step?.rule ?? "exposed"))
    })
  )
})

const unproven: ReadonlySet<Reason.Tag> = new Set([
  "StaleConnection",
  "ConnectionLost",
  "HeadersTimeout",
  "FirstOutputTimeout",
  "StreamStalled",
  "TotalTimeout",
  "StreamTruncated",
  "MalformedResponse",
  "ServerError",
  "Unclassified"
])
