/** What records keep to, whatever the events, in whatever order, whoever cut them. */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@holdfast/core/Decision"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { mostFailed } from "../src/internal/fallbackDecision/openCalls.ts"
import { Reader } from "../src/internal/fallbackDecision/reader.ts"
import type { Step } from "./fallbackWorld.ts"
import { eventsOf, recordsOf } from "./fallbackWorld.ts"
import { opus } from "./fixtures.ts"
import { AnyCandidate, AnyChain, AnyFault, failureAt } from "./policyWorld.ts"

const runs = { arbitrary: { runs: 200, seed: 20261121 }, timeout: 60_000 }

const AnyStep = Schema.Struct({ at: AnyCandidate, fault: AnyFault, decision: Decision.Decision, probe: Schema.Boolean })

const AnyCall = Schema.Struct({
  chain: AnyChain,
  steps: Schema.Array(AnyStep).check(Schema.isMaxLength(5)),
  answers: Schema.Boolean
})

const AnyCalls = Schema.Array(AnyCall).check(Schema.isMaxLength(4))

const eventsOfCalls = (calls: typeof AnyCalls.Type) =>
  calls.map(({ answers, chain, steps }, i) => {
    const failing: ReadonlyArray<Step> = steps.map(({ at, fault, ...step }) => ({
      at,
      failure: failureAt(at, fault),
      ...step
    }))
    return eventsOf({ call: `call-${i}`, chain, steps: answers ? [...failing, { at: chain[0] }] : failing })
  })

/** The events of several calls as one sequence that keeps the order of each; `picks` says whose is next. */
const interleaved = (all: ReadonlyArray<ReadonlyArray<TelemetryEvent>>, picks: ReadonlyArray<number>) => {
  const rest = all.map((events) => [...events])
  const mixed: Array<TelemetryEvent> = []
  for (let i = 0; rest.some((events) => events.length > 0); i++) {
    const left = rest.filter((events) => events.length > 0)
    const next = left[(picks[i % Math.max(picks.length, 1)] ?? 0) % left.length]?.shift()
    if (next !== undefined) mixed.push(next)
  }
  return mixed
}

const Picks = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))).check(Schema.isMaxLength(20))
const Places = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))).check(
  Schema.isMaxLength(60)
)

const codec = Schema.toCodecJson(FallbackDecision.FallbackDecision)
const decode = Schema.decodeUnknownSync(codec, { onExcessProperty: "error" })

/** Asserts that records survive JSON, holding nothing that their schema does not name. */
const known = (records: ReadonlyArray<FallbackDecision.FallbackDecision>): void => {
  for (const record of records) {
    const json: unknown = JSON.parse(JSON.stringify(record))
    // As JSON again, which has no -0.
    assert.deepStrictEqual(JSON.parse(JSON.stringify(decode(json))), json)
  }
}

describe("fromEvents", () => {
  it.effect.prop(
    "makes one record for each decision and each candidate passed over, and one at most for an answer",
    { calls: AnyCalls, picks: Picks },
    ({ calls, picks }) =>
      Effect.gen(function* () {
        const events = interleaved(eventsOfCalls(calls), picks)
        const records = yield* recordsOf(events)
        known(records)
        const decided = events.filter((event) => event._tag === "Decided")
        const count = (decision: FallbackDecision.FallbackDecision["decision"]) =>
          records.filter((record) => record.decision === decision).length
        assert.strictEqual(count("candidate_failed"), decided.length)
        assert.strictEqual(
          count("skip_candidate"),
          decided.flatMap(({ decision }) => ("skipped" in decision ? decision.skipped : [])).length
        )
        assert.strictEqual(
          count("probe_cooldown_candidate"),
          events.filter((event) => event._tag === "AttemptStarted" && event.probe === true).length
        )
        assert.isAtMost(count("candidate_succeeded"), events.filter(({ _tag }) => _tag === "CallSucceeded").length)
        for (const { event, reason, reasonTag } of records) {
          assert.strictEqual(event, "model_fallback_decision")
          if (reasonTag !== undefined) assert.strictEqual(reason, FallbackDecision.wordOf[reasonTag])
        }
      }),
    runs
  )

  it.effect.prop(
    "tells of a call the same, whatever other calls go on beside it",
    { calls: AnyCalls, picks: Picks },
    ({ calls, picks }) =>
      Effect.gen(function* () {
        const apart = eventsOfCalls(calls)
        const together = yield* recordsOf(interleaved(apart, picks))
        for (const [i, events] of apart.entries()) {
          assert.deepStrictEqual(
            together.filter(({ call }) => call === `call-${i}`),
            yield* recordsOf(events)
          )
        }
      }),
    runs
  )

  it.effect.prop(
    "has said of a journal's beginning what it says of the whole",
    { calls: AnyCalls, picks: Picks, length: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })) },
    ({ calls, length, picks }) =>
      Effect.gen(function* () {
        const events = interleaved(eventsOfCalls(calls), picks)
        const beginning = yield* recordsOf(events.slice(0, length))
        assert.deepStrictEqual((yield* recordsOf(events)).slice(0, beginning.length), beginning)
      }),
    runs
  )

  it.effect.prop(
    "reads events that are lost, doubled and out of order, and follows no more calls than it may",
    { calls: AnyCalls, places: Places, openCalls: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })) },
    ({ calls, openCalls, places }) =>
      Effect.gen(function* () {
        const all = eventsOfCalls(calls).flat()
        const events = places.flatMap((place) => all[place] ?? [])
        const reader = new Reader(openCalls, (text) => Effect.succeed(text))
        for (const event of events) {
          known(yield* reader.read(event))
          assert.isAtMost(reader.followed, openCalls)
        }
        assert.deepStrictEqual(
          (yield* recordsOf(events, { openCalls })).filter(({ decision }) => decision === "candidate_failed").length,
          events.filter((event) => event._tag === "Decided").length
        )
      }),
    runs
  )

  it.effect.prop(
    "reads whatever is an event",
    { events: Schema.Array(TelemetryEvent).check(Schema.isMaxLength(12)) },
    ({ events }) =>
      Effect.gen(function* () {
        const ofOneCall = events.map((event) => ("call" in event ? { ...event, call: "one" } : event))
        known(yield* recordsOf([...events, ...ofOneCall]))
      }),
    runs
  )

  it.effect("keeps a bounded number of a call's failed attempts", () =>
    Effect.gen(function* () {
      const failure = failureAt(opus, {
        reason: new Reason.ServerError({ rule: "status-500", from: "provider" }),
        evidence: { _tag: "Unknown", status: 500 },
        exposure: "nothing",
        declaration: "repeatable",
        assumed: false
      })
      const decision = { _tag: "RetryHere", delayMs: 0, fresh: false, ground: "assumed" } as const
      const steps = Array.from({ length: mostFailed + 9 }, () => ({ at: opus, failure, decision }))
      const records = yield* recordsOf(eventsOf({ chain: [opus], steps }))
      assert.strictEqual(records.length, steps.length)
      assert.strictEqual(records.at(-1)?.previousAttempts?.length, mostFailed)
      assert.strictEqual(records.at(-1)?.attemptOfCall, steps.length)
    })
  )
})

describe("a key", () => {
  const letters = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9]{24,40}$/))
  const shape = Schema.Literals(["sk-ant-api03-", "sk-proj-", "gsk_", "xai-", "AIza", "Bearer ", "eyJ"])
  const padding = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4000 }))

  it.effect.prop(
    "that a provider's answer, a reason or a name holds is in no record",
    { letters, shape, padding, reason: Schema.Literals(["said", "type", "code", "requestId", "detail", "name"]) },
    ({ letters, padding, reason: where, shape }) =>
      Effect.gen(function* () {
        const key = shape === "eyJ" ? `eyJ${letters}.${letters}.${letters}` : `${shape}${letters}`
        const text = `${"x ".repeat(padding / 2)}the key ${key} is wrong\u001b[31m\n`
        const held = new Reason.AuthenticationFailed({
          rule: "status-401",
          status: 401,
          ...(where === "said" ? { said: text } : undefined),
          ...(where === "type" ? { type: text } : undefined),
          ...(where === "code" ? { code: text } : undefined),
          ...(where === "requestId" ? { requestId: key, said: text } : undefined)
        })
        const candidate =
          where === "name" ? { ...opus, credential: key, model: key.includes(" ") ? opus.model : key } : opus
        const failure = Failure.make({
          reason: where === "detail" ? new Reason.MalformedResponse({ what: "json", detail: text }) : held,
          evidence: { _tag: "Unknown", status: 401, notRun: true },
          declaration: "repeatable",
          candidate
        })
        const decision = { _tag: "Surface", why: "chain-exhausted", skipped: [{ candidate, why: "unsuited" }] } as const
        const events = eventsOf({ chain: [candidate], steps: [{ at: candidate, failure, decision }] })
        // As they are published, and as a journal of somebody else's might have them.
        const careless = events.map((event) =>
          event._tag === "AttemptFailed" ? { ...event, message: text, said: text, type: text, code: text } : event
        )
        for (const told of [events, careless]) {
          const printed = JSON.stringify(yield* recordsOf(told))
          assert.include(printed, "candidate_failed")
          assert.notInclude(printed, letters)
          assert.notInclude(printed, letters.slice(0, 16))
          assert.notMatch(printed, /\\u001b|\\n/)
        }
        const failed = events.find(({ _tag }) => _tag === "AttemptFailed")
        if (where !== "name") assert.notInclude(JSON.stringify(failed), letters, "nor in the event")
      }),
    runs
  )
})
