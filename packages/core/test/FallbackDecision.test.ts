import { assert, describe, it } from "@effect/vitest"
import * as Caller from "@holdfast/core/Caller"
import type * as FallbackDecision from "@holdfast/core/FallbackDecision"
import * as Effect from "effect/Effect"
import { again, eventsOf, goOn, known, limited, recordsOf, sha, surface } from "./fallbackWorld.ts"
import { gpt, opus, opusOlder, stale } from "./fixtures.ts"

describe("fromEvents", () => {
  it.effect("tells of a swap as OpenClaw does, and what Holdfast knows beside it", () =>
    Effect.gen(function* () {
      const said = "This request would exceed your organization's rate limit (request req_011CSH)"
      const failure = limited(said, "req_011CSH")
      const usage = { tokens: { input: 812, output: 40, cacheRead: 700 }, cost: { usd: 0.0042, source: "answer" } }
      const records = yield* recordsOf(
        eventsOf({
          turn: { id: "turn-7", parent: undefined },
          chain: [opus, opusOlder, gpt],
          steps: [
            { at: opus, failure, decision: goOn(gpt, 2, [{ candidate: opusOlder, why: "same-scope" }]) },
            { at: gpt, usage }
          ]
        })
      )
      known(records)
      const text = `rate limited (429, rate_limit_error, tokens): ${said.replace("req_011CSH", sha("req_011CSH"))}`
      const words = said.replace("req_011CSH", sha("req_011CSH"))
      const previousAttempts: FallbackDecision.FallbackDecision["previousAttempts"] = [
        {
          provider: "anthropic",
          model: "claude-opus-4-7",
          reason: "rate_limit",
          status: 429,
          code: "tokens",
          errorHash: sha(text)
        }
      ]
      assert.deepStrictEqual(records, [
        {
          event: "model_fallback_decision",
          tags: ["error_handling", "model_fallback", "candidate_failed"],
          runId: "turn-7",
          decision: "candidate_failed",
          requestedProvider: "anthropic",
          requestedModel: "claude-opus-4-7",
          candidateProvider: "anthropic",
          candidateModel: "claude-opus-4-7",
          attempt: 1,
          total: 3,
          reason: "rate_limit",
          status: 429,
          code: "tokens",
          errorPreview: text,
          errorHash: sha(text),
          errorFingerprint: sha(JSON.stringify({ httpCode: "429", message: words, type: "rate_limit_error" })),
          httpCode: "429",
          providerErrorType: "rate_limit_error",
          providerErrorMessagePreview: words,
          requestIdHash: sha("req_011CSH"),
          fallbackStepType: "fallback_step",
          fallbackStepFromModel: "anthropic/claude-opus-4-7",
          fallbackStepToModel: "openai/gpt-5.5",
          fallbackStepFromFailureReason: "rate_limit",
          fallbackStepFromFailureDetail: words,
          fallbackStepChainPosition: 1,
          fallbackStepFinalOutcome: "next_fallback",
          nextCandidateProvider: "openai",
          nextCandidateModel: "gpt-5.5",
          isPrimary: true,
          requestedModelMatched: true,
          fallbackConfigured: true,
          profileCount: 1,
          previousAttempts,
          consoleMessage:
            "model fallback decision: decision=candidate_failed requested=anthropic/claude-opus-4-7 " +
            "candidate=anthropic/claude-opus-4-7 reason=rate_limit providerErrorType=rate_limit_error " +
            `next=openai/gpt-5.5 detail=${words}`,
          at: 1002,
          call: "0a1b-1",
          turn: "turn-7",
          attemptOfCall: 1,
          decided: "NextCandidate",
          reasonTag: "RateLimited",
          scope: "model",
          verdict: "Safe",
          rule: "refused-by-provider",
          evidence: { _tag: "Unknown", status: 429, notRun: true }
        },
        {
          event: "model_fallback_decision",
          tags: ["error_handling", "model_fallback", "skip_candidate"],
          runId: "turn-7",
          decision: "skip_candidate",
          requestedProvider: "anthropic",
          requestedModel: "claude-opus-4-7",
          candidateProvider: "anthropic",
          candidateModel: "claude-opus-4-6",
          attempt: 2,
          total: 3,
          reason: "rate_limit",
          status: 429,
          errorPreview: "it shares what failed",
          fallbackStepType: "fallback_step",
          fallbackStepFromModel: "anthropic/claude-opus-4-6",
          fallbackStepToModel: "openai/gpt-5.5",
          fallbackStepFromFailureReason: "rate_limit",
          fallbackStepFromFailureDetail: "it shares what failed",
          fallbackStepChainPosition: 2,
          fallbackStepFinalOutcome: "next_fallback",
          nextCandidateProvider: "openai",
          nextCandidateModel: "gpt-5.5",
          isPrimary: false,
          requestedModelMatched: false,
          fallbackConfigured: true,
          profileCount: 1,
          consoleMessage:
            "model fallback decision: decision=skip_candidate requested=anthropic/claude-opus-4-7 " +
            "candidate=anthropic/claude-opus-4-6 reason=rate_limit next=openai/gpt-5.5 detail=it shares what failed",
          at: 1002,
          call: "0a1b-1",
          turn: "turn-7",
          why: "same-scope",
          reasonTag: "RateLimited"
        },
        {
          event: "model_fallback_decision",
          tags: ["error_handling", "model_fallback", "candidate_succeeded"],
          runId: "turn-7",
          decision: "candidate_succeeded",
          requestedProvider: "anthropic",
          requestedModel: "claude-opus-4-7",
          candidateProvider: "openai",
          candidateModel: "gpt-5.5",
          attempt: 3,
          total: 3,
          fallbackStepType: "fallback_step",
          fallbackStepFromModel: "anthropic/claude-opus-4-7",
          fallbackStepToModel: "openai/gpt-5.5",
          fallbackStepFromFailureReason: "rate_limit",
          fallbackStepFromFailureDetail: words,
          fallbackStepChainPosition: 3,
          fallbackStepFinalOutcome: "succeeded",
          isPrimary: false,
          requestedModelMatched: false,
          fallbackConfigured: true,
          profileCount: 1,
          previousAttempts,
          consoleMessage:
            "model fallback decision: decision=candidate_succeeded requested=anthropic/claude-opus-4-7 " +
            "candidate=openai/gpt-5.5 reason=unknown next=none",
          at: 1006,
          call: "0a1b-1",
          turn: "turn-7",
          attemptOfCall: 2,
          why: "RateLimited",
          ...usage
        }
      ])
    })
  )

  it.effect("tells of a repaired connection as of one candidate that failed and was asked again", () =>
    Effect.gen(function* () {
      const records = yield* recordsOf(
        eventsOf({ chain: [opus, gpt], steps: [{ at: opus, failure: stale(), decision: again }, { at: opus }] })
      )
      known(records)
      const [failed, succeeded, ...rest] = records
      assert.deepStrictEqual(rest, [])
      assert.strictEqual(failed?.decided, "RetryHere")
      assert.strictEqual(failed?.delayMs, 0)
      assert.strictEqual(failed?.nextCandidateModel, "claude-opus-4-7")
      assert.isUndefined(failed?.fallbackStepType, "nobody else is asked")
      assert.strictEqual(failed?.reason, "timeout", "as OpenClaw files it")
      assert.strictEqual(failed?.status, 408)
      assert.isUndefined(failed?.httpCode, "no provider said so")
      assert.strictEqual(failed?.reasonTag, "StaleConnection")
      assert.strictEqual(failed?.verdict, "Ambiguous")
      assert.strictEqual(failed?.rule, "stale-connection")
      assert.strictEqual(failed?.evidence?._tag, "Observed")
      assert.strictEqual(succeeded?.decision, "candidate_succeeded")
      assert.strictEqual(succeeded?.attemptOfCall, 2)
      assert.strictEqual(succeeded?.attempt, 1)
      assert.isTrue(succeeded?.isPrimary)
      assert.isUndefined(succeeded?.fallbackStepType)
    })
  )

  it.effect("says nothing of a call that the candidate asked for answers at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* recordsOf(eventsOf({ chain: [opus, gpt], steps: [{ at: opus }] })), [])
    })
  )

  it.effect("tells that a turn went on with another model than the one asked for", () =>
    Effect.gen(function* () {
      const [record, ...rest] = yield* recordsOf(eventsOf({ chain: [opus, gpt], steps: [{ at: gpt }] }))
      assert.deepStrictEqual(rest, [])
      assert.strictEqual(record?.decision, "candidate_succeeded")
      assert.strictEqual(record?.why, "TurnContinues")
      assert.strictEqual(record?.attempt, 2)
      assert.isFalse(record?.requestedModelMatched)
      assert.isUndefined(record?.fallbackStepType)
    })
  )

  it.effect("says nothing of an answer that a hedge beside the first attempt gave", () =>
    Effect.gen(function* () {
      const events = eventsOf({ chain: [opus, gpt], steps: [{ at: opus }] })
      const [started, ...answered] = events
      const hedged = answered.map((event) => ({
        ...event,
        ...("attempt" in event ? { attempt: 2 } : undefined),
        ...("attempts" in event ? { attempts: 2 } : undefined)
      }))
      assert.isDefined(started)
      assert.deepStrictEqual(yield* recordsOf([...(started === undefined ? [] : [started]), ...hedged]), [])
      assert.strictEqual(
        (yield* recordsOf(hedged.slice(1))).length,
        1,
        "where the first attempt was not seen it may have failed"
      )
    })
  )

  it.effect("names the caller's run, session and lane", () =>
    Effect.gen(function* () {
      const told = Effect.sync(() =>
        eventsOf({ chain: [opus], steps: [{ at: opus, failure: stale(), decision: surface("ambiguous") }] })
      )
      const events = yield* told.pipe(
        Caller.provide({ lane: "cron" }),
        Caller.provide({ runId: "run-1", sessionId: "s-1", lane: "main" })
      )
      const [record] = yield* recordsOf(events)
      assert.deepStrictEqual([record?.runId, record?.sessionId, record?.lane], ["run-1", "s-1", "cron"])
      const [unnamed] = yield* recordsOf(yield* told)
      assert.deepStrictEqual([unnamed?.runId, unnamed?.sessionId, unnamed?.lane], ["0a1b-1", undefined, undefined])
    })
  )
})
