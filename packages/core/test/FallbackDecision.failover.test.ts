/** What is logged of calls that Failover makes. */
import { assert, describe, it } from "@effect/vitest"
import * as Caller from "@holdfast/core/Caller"
import { Failover } from "@holdfast/core/Failover"
import type * as FallbackDecision from "@holdfast/core/FallbackDecision"
import type * as Failure from "@holdfast/core/Failure"
import type * as TelemetryEvent from "@holdfast/core/TelemetryEvent"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Step } from "./failoverScript.ts"
import {
  answers,
  eventsFromHere,
  fails,
  layer,
  meta,
  patiently,
  received,
  says,
  script,
  streamScript
} from "./failoverScript.ts"
import { recordsOf } from "./fallbackWorld.ts"
import { gpt, opus, overloaded, stale, truncated, unauthorized, unreachable } from "./fixtures.ts"

const line = (record: FallbackDecision.FallbackDecision): string =>
  [
    record.decision,
    record.candidateModel,
    record.attemptOfCall,
    record.reasonTag ?? "-",
    record.decided ?? "-",
    record.fallbackStepToModel ?? "-"
  ].join(" ")

/** The records of the calls that an effect makes. */
const recordsWhile = <A, E>(calls: Effect.Effect<A, E, Failover>) =>
  Effect.gen(function* () {
    const events = yield* eventsFromHere
    yield* Effect.exit(patiently(calls))
    return yield* recordsOf(events)
  }).pipe(Effect.provide(layer()))

const run = (...steps: ReadonlyArray<Step<string, Failure.Failure>>) =>
  Effect.flatMap(Failover, (failover) => failover.run({ chain: [opus, gpt], attempt: script(...steps).attempt }))

describe("a call of Failover's", () => {
  it.effect("that is repaired and answered is told of in two records", () =>
    Effect.gen(function* () {
      const records = yield* recordsWhile(run(fails(stale), answers("hello")))
      assert.deepStrictEqual(records.map(line), [
        "candidate_failed claude-opus-4-7 1 StaleConnection RetryHere -",
        "candidate_succeeded claude-opus-4-7 2 - - -"
      ])
    })
  )

  it.effect("that is swapped says from whom to whom, and why", () =>
    Effect.gen(function* () {
      const records = yield* recordsWhile(run(fails(unauthorized), answers("hello")))
      assert.deepStrictEqual(records.map(line), [
        "candidate_failed claude-opus-4-7 1 AuthenticationFailed NextCandidate openai/gpt-5.5",
        "candidate_succeeded gpt-5.5 2 - - openai/gpt-5.5"
      ])
      assert.strictEqual(records[1]?.why, "AuthenticationFailed")
      assert.strictEqual(records[1]?.fallbackStepFromFailureReason, "auth")
    })
  )

  it.effect("that is streamed is told of alike", () =>
    Effect.gen(function* () {
      const call = streamScript(
        { chunks: [[meta("head")]], ends: fails(unauthorized) },
        { chunks: [[meta("head")], [says("hello")]] }
      )
      const streamed = Effect.flatMap(Failover, (failover) =>
        received(failover.stream({ chain: [opus, gpt], ...call }))
      )
      assert.deepStrictEqual(
        (yield* recordsWhile(streamed)).map(line),
        (yield* recordsWhile(run(fails(unauthorized), answers("hello")))).map(line)
      )
    })
  )

  it.effect("whose credential is asked for again in vain is told of once", () =>
    Effect.gen(function* () {
      const call = Effect.flatMap(Failover, (failover) =>
        failover.run({
          chain: [opus, gpt],
          refresh: () => Effect.succeed(false),
          attempt: script<string, Failure.Failure>(fails(unauthorized), answers("hello")).attempt
        })
      )
      assert.deepStrictEqual(
        (yield* recordsWhile(call)).map(line),
        (yield* recordsWhile(run(fails(unauthorized), answers("hello")))).map(line)
      )
    })
  )

  it.effect("that breaks after its usage was told says what the attempt cost", () =>
    Effect.gen(function* () {
      const usage = { tokens: { input: 812 }, cost: { usd: 0.004, source: "answer" } }
      const call = streamScript({ chunks: [[says("hello")], [says("usage")], [meta("rest")]], ends: fails(truncated) })
      const streamed = Effect.flatMap(Failover, (failover) =>
        received(
          failover.stream({ chain: [opus], ...call, usage: ({ text }) => (text === "usage" ? usage : undefined) })
        )
      )
      const [failed] = yield* recordsWhile(streamed)
      assert.deepInclude(failed, usage)
    })
  )

  it.effect("that is given up says of the last that nobody is asked next", () =>
    Effect.gen(function* () {
      const records = yield* recordsWhile(run(fails(unauthorized), fails(unauthorized)))
      const last = records.findLast(({ decision }) => decision === "candidate_failed")
      assert.strictEqual(last?.decided, "Surface")
      assert.strictEqual(last?.fallbackStepFinalOutcome, "chain_exhausted")
      assert.strictEqual(last?.why, "chain-exhausted")
      assert.isUndefined(last?.nextCandidateModel)
    })
  )

  it.effect("names its run, session and lane where the app has said them, in a stream too", () =>
    Effect.gen(function* () {
      const caller = { runId: "run-1", sessionId: "session-1", lane: "main" }
      const called = Turn.run(Caller.provide(caller)(run(fails(unauthorized), answers("hello"))), { id: "monday" })
      const streamed = Effect.flatMap(Failover, (failover) =>
        failover
          .stream({
            chain: [opus, gpt],
            ...streamScript({ chunks: [], ends: fails(unauthorized) }, { chunks: [[says("hello")]] })
          })
          .pipe(Stream.provideService(Caller.Current, caller), Stream.runDrain)
      )
      for (const records of [yield* recordsWhile(called), yield* recordsWhile(streamed)]) {
        assert.strictEqual(records.length, 2)
        for (const { lane, runId, sessionId } of records) assert.deepStrictEqual({ runId, sessionId, lane }, caller)
      }
      const unnamed = Turn.run(run(fails(unauthorized), answers("hello")), { id: "monday" })
      assert.deepStrictEqual(
        (yield* recordsWhile(unnamed)).map(({ runId, turn }) => [runId, turn]),
        [
          ["monday", "monday"],
          ["monday", "monday"]
        ]
      )
    })
  )

  it.effect("carries in its events what the provider said, scrubbed, and nothing where it said nothing", () =>
    Effect.gen(function* () {
      const events: Array<TelemetryEvent.TelemetryEvent> = []
      yield* Effect.gen(function* () {
        const heard = yield* eventsFromHere
        yield* Effect.exit(patiently(run(fails(overloaded), fails(unreachable), answers("hello"))))
        events.push(...heard)
      }).pipe(Effect.provide(layer()))
      const failed = events.filter((event) => event._tag === "AttemptFailed")
      assert.deepStrictEqual(
        failed.slice(0, 2).map(({ code, said, status }) => ({ code, said, status })),
        [
          { code: undefined, said: undefined, status: 529 },
          { code: "ECONNREFUSED", said: undefined, status: undefined }
        ]
      )
    })
  )
})
