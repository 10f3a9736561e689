/** A chain with candidates that the call cannot be put to: they are passed over, and the decision says so. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import { Failover } from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  answers,
  eventsFromHere,
  fails,
  layer,
  received,
  says,
  script,
  streamScript,
  givenUp
} from "./failoverScript.ts"
import { gemini, gpt, opus, opusAtHome, stale, unreachable } from "./fixtures.ts"
import { AnyChain, AnyFault, failureAt } from "./policyWorld.ts"

/** A `suits` that refuses these, and whom it was asked about. */
const except = (...refused: ReadonlyArray<Candidate.Candidate>) => {
  const asked: Array<string> = []
  const suits = (candidate: Candidate.Candidate): boolean => {
    asked.push(Candidate.label(candidate))
    return !refused.includes(candidate)
  }
  return { asked, suits }
}

const throwing = (): boolean => {
  throw new Error("the app's own defect")
}

describe("run", () => {
  it.effect("asks nothing where the first candidate answers", () =>
    Effect.gen(function* () {
      const { asked, suits } = except(opus)
      const { attempt } = script(answers("hello"))
      yield* (yield* Failover).run({ chain: [opus, gpt], attempt, suits })
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("passes a candidate over, asks about no more than it needs, and says so in the decision", () =>
    Effect.gen(function* () {
      const events = yield* eventsFromHere
      const { asked, suits } = except(gpt)
      const { attempt, made } = script(fails(unreachable), answers("hello"))
      const answer = yield* (yield* Failover).run({ chain: [opus, opusAtHome, gpt, gemini], attempt, suits })
      assert.strictEqual(answer.answered, gemini)
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any", "2 google/gemini-3-pro any"])
      assert.deepStrictEqual(asked, ["openai/gpt-5.5", "google/gemini-3-pro"])
      const decided = events.find((event) => event._tag === "Decided")
      assert.deepStrictEqual(decided?.decision, {
        _tag: "NextCandidate",
        index: 3,
        candidate: gemini,
        ground: "proven",
        asks: false,
        skipped: [
          { candidate: opusAtHome, why: "same-scope" },
          { candidate: gpt, why: "unsuited" }
        ]
      })
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("gives up with the failure that there was where no other candidate suits", () =>
    Effect.gen(function* () {
      const { suits } = except(gpt, gemini)
      const { attempt, made } = script(fails(unreachable))
      const failover = yield* Failover
      const failure = yield* givenUp(failover.run({ chain: [opus, gpt, gemini], attempt, suits }))
      assert.strictEqual(failure.reason._tag, "ConnectFailure")
      assert.strictEqual(made.length, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("asks about each candidate once, however often the call fails", () =>
    Effect.gen(function* () {
      const { asked, suits } = except(gpt)
      const { attempt } = script(fails(stale), fails(stale), fails(stale), fails(stale))
      yield* givenUp((yield* Failover).run({ chain: [opus, gpt, gemini], attempt, suits }))
      assert.deepStrictEqual(asked, ["openai/gpt-5.5", "google/gemini-3-pro"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("takes it as a no where asking throws", () =>
    Effect.gen(function* () {
      const { attempt } = script(fails(unreachable))
      const failure = yield* givenUp((yield* Failover).run({ chain: [opus, gpt], attempt, suits: throwing }))
      assert.strictEqual(failure.reason._tag, "ConnectFailure")
    }).pipe(Effect.provide(layer()))
  )
})

describe("stream", () => {
  it.effect("passes a candidate over as well", () =>
    Effect.gen(function* () {
      const { suits } = except(gpt)
      const { attempt, exposure, made } = streamScript(
        { chunks: [], ends: fails(unreachable) },
        { chunks: [[says("hello")]] }
      )
      const { texts } = yield* received(
        (yield* Failover).stream({ chain: [opus, gpt, gemini], attempt, exposure, suits })
      )
      assert.deepStrictEqual(texts, ["hello"])
      assert.deepStrictEqual(made, ["1 anthropic/claude-opus-4-7 any", "2 google/gemini-3-pro any"])
    }).pipe(Effect.provide(layer()))
  )
})

describe("decide", () => {
  it.prop(
    "never chooses a candidate that is not suited, and chooses whenever it did among those that are",
    {
      chain: AnyChain,
      fault: AnyFault,
      unsuited: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })))
    },
    ({ chain, fault, unsuited }) => {
      const state: FailoverPolicy.State = {
        chain,
        index: 0,
        left: [],
        attempts: 1,
        retryDelayMs: undefined,
        moment: "start",
        from: chain[0]
      }
      const failure = failureAt(chain[0], fault)
      const decision = FailoverPolicy.decide(FailoverPolicy.defaults, { ...state, unsuited }, failure)
      const whole = FailoverPolicy.decide(FailoverPolicy.defaults, state, failure)
      if (decision._tag === "NextCandidate") assert.notInclude(unsuited, decision.index)
      if (whole._tag === "NextCandidate" && !unsuited.includes(whole.index))
        assert.strictEqual(decision._tag, "NextCandidate")
      if (whole._tag !== "NextCandidate") assert.strictEqual(decision._tag, whole._tag)
    },
    { arbitrary: { runs: 500, seed: 20261121 } }
  )
})
