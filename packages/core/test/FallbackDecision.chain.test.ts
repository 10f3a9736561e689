/** What records tell of the chain: who was passed over, probed and waited for, and places in it. */
import { assert, describe, it } from "@effect/vitest"
import * as Candidate from "@holdfast/core/Candidate"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import { eventsOf, goOn, known, recordsOf, surface } from "./fallbackWorld.ts"
import { gemini, gpt, opus, opusAtHome, opusOlder, rateLimited, unauthorized, unreachable } from "./fixtures.ts"

/** A model begins to cool down. */
const cooldown = (
  candidate: Candidate.Candidate,
  at: number,
  reason: "Overloaded" | "RateLimited" = "Overloaded"
): TelemetryEvent => ({
  _tag: "CooldownStarted",
  version: 1,
  at,
  key: Candidate.label(candidate),
  scope: "model",
  reason,
  untilMs: 9000,
  candidate
})

describe("a record", () => {
  it.effect("tells why nobody is asked next, and of everybody who was passed over", () =>
    Effect.gen(function* () {
      const decision = surface("swap-denied", [
        { candidate: opusOlder, why: "same-scope" },
        { candidate: gpt, why: "swap-denied" },
        { candidate: gemini, why: "cooling-down", forMs: 4200 }
      ])
      const cooldown: TelemetryEvent = {
        _tag: "CooldownStarted",
        version: 1,
        at: 0,
        key: "google",
        scope: "provider",
        reason: "BillingExhausted",
        untilMs: 9000,
        candidate: { provider: "google", model: "another" }
      }
      const events = eventsOf({
        chain: [opus, opusOlder, gpt, gemini],
        steps: [{ at: opus, failure: unreachable(), decision }]
      })
      const records = yield* recordsOf([cooldown, ...events])
      known(records)
      assert.deepStrictEqual(
        records.map((record) => [record.decision, record.attempt, record.reason, record.why]),
        [
          ["candidate_failed", 1, "timeout", "swap-denied"],
          ["skip_candidate", 2, "timeout", "same-scope"],
          ["skip_candidate", 3, "unknown", "swap-denied"],
          ["skip_candidate", 4, "billing", "cooling-down"]
        ]
      )
      assert.deepStrictEqual(
        records.map((record) => record.fallbackStepFinalOutcome),
        ["chain_exhausted", "chain_exhausted", "chain_exhausted", "chain_exhausted"]
      )
      assert.isTrue(records.every(({ nextCandidateModel }) => nextCandidateModel === undefined))
      assert.strictEqual(records[3]?.errorPreview, "it is cooling down for 5 s")
      assert.strictEqual(records[3]?.status, 402)
      assert.strictEqual(records[0]?.code, "ECONNREFUSED")
      const ended: TelemetryEvent = {
        _tag: "CooldownEnded",
        version: 1,
        at: 1,
        key: "google",
        scope: "provider",
        reason: "BillingExhausted"
      }
      assert.strictEqual((yield* recordsOf([cooldown, ended, ...events]))[3]?.reason, "unknown")
    })
  )

  it.effect("counts credentials of one model as one place of the chain, and their rotation as no step", () =>
    Effect.gen(function* () {
      const work = { ...opus, credential: "work" }
      const rotate = {
        _tag: "RotateCredential",
        index: 1,
        candidate: opusAtHome,
        ground: "proven",
        asks: false,
        skipped: []
      } as const
      const records = yield* recordsOf(
        eventsOf({
          chain: [work, opusAtHome, gpt],
          steps: [
            { at: work, failure: unauthorized({ candidate: work }), decision: rotate },
            { at: opusAtHome, failure: rateLimited({ candidate: opusAtHome }), decision: goOn(gpt, 2) },
            { at: gpt }
          ]
        })
      )
      known(records)
      assert.deepStrictEqual(
        records.map((record) => [record.credential, record.attempt, record.total, record.fallbackStepToModel]),
        [
          ["work", 1, 2, undefined],
          ["home", 1, 2, "openai/gpt-5.5"],
          [undefined, 2, 2, "openai/gpt-5.5"]
        ]
      )
      assert.deepStrictEqual(
        records.map(({ profileCount }) => profileCount),
        [2, 2, 1]
      )
      assert.deepStrictEqual(
        records.at(-1)?.previousAttempts?.map((each) => [each.reason, each.status]),
        [
          ["auth", 401],
          ["rate_limit", 429]
        ]
      )
    })
  )

  it.effect("tells of a probe, of whom was passed over before anybody was asked, and for what", () =>
    Effect.gen(function* () {
      const records = yield* recordsOf([
        cooldown(opus, 0),
        cooldown(gpt, 1),
        ...eventsOf({
          chain: [opus, gpt],
          entered: goOn(gpt, 1),
          steps: [{ at: gpt, probe: true }]
        })
      ])
      known(records)
      assert.deepStrictEqual(
        records.map((record) => [record.decision, record.candidateModel, record.reason, record.attempt]),
        [
          ["skip_candidate", "claude-opus-4-7", "overloaded", 1],
          ["probe_cooldown_candidate", "gpt-5.5", "overloaded", 2],
          ["candidate_succeeded", "gpt-5.5", undefined, 2]
        ]
      )
      assert.strictEqual(records[0]?.nextCandidateModel, "gpt-5.5")
    })
  )

  it.effect("tells one credential's limit on a model from what the model's other credential cools down for", () =>
    Effect.gen(function* () {
      const work = { ...opus, credential: "work" }
      const records = yield* recordsOf([
        cooldown(work, 0),
        cooldown(work, 1, "RateLimited"),
        ...eventsOf({
          chain: [work, opusAtHome, gpt],
          entered: goOn(gpt, 2, [
            { candidate: work, why: "cooling-down" },
            { candidate: opusAtHome, why: "cooling-down" }
          ]),
          steps: [{ at: gpt }]
        })
      ])
      assert.deepStrictEqual(
        records.map((record) => [record.decision, record.credential, record.reason]),
        [
          ["skip_candidate", "work", "rate_limit"],
          ["skip_candidate", "home", "overloaded"],
          ["candidate_succeeded", undefined, undefined]
        ]
      )
    })
  )

  it.effect("tells of a wait as of a decision of its own", () =>
    Effect.gen(function* () {
      const wait = { _tag: "Wait", index: 1, candidate: gpt, ground: "proven", asks: false, delayMs: 4000 } as const
      const skipped = [{ candidate: opusOlder, why: "cooling-down", forMs: 9000 }] as const
      const events = eventsOf({
        chain: [opus, opusOlder, gpt],
        steps: [
          { at: opus, failure: unreachable(), decision: { ...wait, skipped } },
          { at: gpt, probe: true }
        ]
      })
      const records = yield* recordsOf(events)
      known(records)
      assert.deepStrictEqual(
        records.map((record) => [record.decision, record.decided, record.delayMs, record.nextCandidateModel]),
        [
          ["candidate_failed", "Wait", 4000, "gpt-5.5"],
          ["skip_candidate", undefined, undefined, "gpt-5.5"],
          ["probe_cooldown_candidate", undefined, undefined, undefined],
          ["candidate_succeeded", undefined, undefined, undefined]
        ]
      )
    })
  )
})
