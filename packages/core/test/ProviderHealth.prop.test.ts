/** What holds for any sequence of attempts, outcomes and waits. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import type { Entry, Permit } from "@holdfast/core/ProviderHealth"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import type * as Reason from "@holdfast/core/Reason"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { gpt, opus, opusAtHome, opusOlder } from "./fixtures.ts"
import { failed, hours, limited, minutes, now, seconds, start } from "./healthWorld.ts"
import { reasons } from "./reasons.ts"

const candidates = [opus, opusAtHome, opusOlder, gpt]
const ours = ["HeadersTimeout", "FirstOutputTimeout", "StreamStalled", "TotalTimeout", "ConnectTimeout"] as const
const failing: { readonly [name: string]: Reason.Reason } = {
  Overloaded: reasons.Overloaded,
  "asked to wait": limited(4 * minutes),
  "asked to wait for long": limited(50 * hours, "credential"),
  ServerError: reasons.ServerError,
  ConnectFailure: reasons.ConnectFailure,
  AuthenticationFailed: reasons.AuthenticationFailed,
  BillingExhausted: reasons.BillingExhausted,
  RegionBlocked: reasons.RegionBlocked,
  InvalidRequest: reasons.InvalidRequest,
  StaleConnection: reasons.StaleConnection,
  ...Object.fromEntries(ours.map((name) => [name, reasons[name]]))
}

const AnyCandidate = Schema.Literals([0, 0, 0, 1, 2, 3])
const AnyOutcome = Schema.Literals([
  "Succeeded",
  "Ignored",
  "Overloaded",
  "Overloaded",
  "ServerError",
  "ConnectFailure",
  ...Object.keys(failing)
])
const AnyWait = Schema.Literals([
  500,
  29_000,
  30_000,
  30_000,
  60_000,
  60_000,
  300_000,
  660_000,
  3_600_000,
  5 * hours,
  26 * hours
])
const AnyStep = Schema.Union([
  /** Attempts one after the other, each settled at once. */
  Schema.TaggedStruct("Call", {
    who: AnyCandidate,
    times: Schema.Literals([1, 1, 2, 5]),
    outcome: AnyOutcome
  }),
  /** An attempt that goes on. */
  Schema.TaggedStruct("Begin", { who: AnyCandidate }),
  Schema.TaggedStruct("End", { which: Schema.Literals([0, 1, 2]), outcome: AnyOutcome }),
  Schema.TaggedStruct("Wait", { ms: AnyWait })
])
type Step = typeof AnyStep.Type

const steps = Schema.Array(AnyStep).check(Schema.isMinLength(40), Schema.isMaxLength(60))
const runs = { arbitrary: { runs: 100, seed: 20261121 }, timeout: 60_000 }

/** What a candidate stands behind, in words of this test's own. */
const keysOf = (candidate: Candidate): ReadonlyArray<string> => [
  `model ${candidate.provider}/${candidate.model}`,
  `limit ${candidate.provider}/${candidate.model}${candidate.credential === undefined ? "" : `@${candidate.credential}`}`,
  `credential ${candidate.provider}@${candidate.credential ?? ""}`,
  `endpoint ${candidate.endpoint}`,
  `provider ${candidate.provider}`
]
const named = ({ key, kind, scope }: Entry): string => `${kind === "limit" ? kind : scope} ${key}`
const touches = (candidate: Candidate) => (entry: Entry) => keysOf(candidate).includes(named(entry))

interface Attempt {
  readonly candidate: Candidate
  readonly permit: Permit
  /** What was half-open when it was let through. */
  readonly probes: ReadonlyArray<string>
  readonly beganMs: number
  /** The number of failures by then. */
  readonly after: number
}

/** Longest windows, in milliseconds, as the documentation has them. */
const longestMs: { readonly [kind: string]: number } = {
  limit: 24 * hours,
  capacity: 24 * hours,
  refusal: 5 * minutes,
  billing: 24 * hours,
  access: 24 * hours,
  fault: 5 * minutes
}

const layers = {
  "in memory": ProviderHealth.layer(),
  shared: Layer.provide(ProviderHealth.layerShared(), CircuitBreaker.layerStoreMemory())
}

for (const [where, layer] of Object.entries(layers)) {
  describe(`a health ${where}`, () => {
    it.effect.prop(
      "keeps its laws, whatever happens",
      { steps },
      (given) =>
        Effect.gen(function* () {
          yield* TestClock.setTime(start)
          const health = yield* ProviderHealth
          const underWay: Array<Attempt> = []
          let failures = 0

          const begin = Effect.fnUntraced(function* (candidate: Candidate) {
            const before = (yield* health.snapshot).filter(touches(candidate))
            const standing = yield* health.standing(candidate)
            const answer = yield* health.admit(candidate)
            const at = yield* now
            const openUntilMs = Math.max(
              0,
              ...before.filter(({ state }) => state === "open").map((each) => each.untilMs)
            )
            if (answer._tag === "CoolingDown") {
              assert.deepStrictEqual(standing, answer, "standing says what admission does")
              const probed = underWay.some(({ probes }) => probes.some((name) => keysOf(candidate).includes(name)))
              const expected = probed ? [openUntilMs, at + seconds] : [openUntilMs]
              assert.strictEqual(answer.untilMs, Math.max(...expected), "the snapshot says why")
              return undefined
            }
            assert.isUndefined(standing)
            assert.strictEqual(openUntilMs, 0, "nobody is let through whom the snapshot calls open")
            const probes = before.filter(({ state }) => state === "half-open").map(named)
            assert.strictEqual(answer.probe, probes.length > 0)
            for (const other of underWay) {
              if (at - other.beganMs >= 10 * minutes) continue
              assert.isFalse(
                other.probes.some((name) => probes.includes(name)),
                "no two probes of one key at a time"
              )
            }
            const attempt: Attempt = { candidate, permit: answer, probes, beganMs: at, after: failures }
            return attempt
          })

          const end = Effect.fnUntraced(function* (attempt: Attempt, outcome: string) {
            const before = yield* health.snapshot
            const reason = failing[outcome]
            if (reason !== undefined) {
              yield* attempt.permit.settle({ _tag: "Failed", failure: failed(reason, attempt.candidate) })
              failures++
            } else {
              yield* attempt.permit.settle(outcome === "Succeeded" ? { _tag: "Succeeded" } : { _tag: "Ignored" })
            }
            const after = yield* health.snapshot
            if (outcome === "Succeeded") {
              const held = after.filter(touches(attempt.candidate))
              if (attempt.after === failures) assert.deepStrictEqual(held, [], "a success clears what it proves well")
              assert.isTrue(held.every((entry) => before.some((each) => named(each) === named(entry))))
            } else if (
              reason === undefined ||
              TimeLimits.isLimit(reason) ||
              reason.scope === "request" ||
              outcome === "StaleConnection"
            ) {
              assert.deepStrictEqual(after, before, "what says nothing of anybody changes nothing")
            }
          })

          const take = Effect.fnUntraced(function* (step: Step) {
            switch (step._tag) {
              case "Wait":
                return yield* TestClock.adjust(step.ms)
              case "Begin": {
                const attempt = yield* begin(candidates[step.who] ?? opus)
                if (attempt !== undefined) underWay.push(attempt)
                return undefined
              }
              case "End": {
                const [attempt] = underWay.splice(step.which % Math.max(1, underWay.length), 1)
                return attempt === undefined ? undefined : yield* end(attempt, step.outcome)
              }
              case "Call":
                for (let n = 0; n < step.times; n++) {
                  const attempt = yield* begin(candidates[step.who] ?? opus)
                  if (attempt !== undefined) yield* end(attempt, step.outcome)
                }
                return undefined
            }
          })

          for (const step of given.steps) {
            yield* take(step)
            const at = yield* now
            const entries = yield* health.snapshot
            for (const { kind, openings, state, untilMs } of entries) {
              assert.isAtMost(untilMs - at, longestMs[kind] ?? 0, "windows are bounded")
              assert.strictEqual(state === "closed", untilMs === 0)
              assert.strictEqual(state === "closed", openings === 0)
            }
            if (where === "in memory") assert.strictEqual(health.isQuiet(), entries.length === 0)
          }

          for (const { permit } of underWay) yield* permit.settle({ _tag: "Ignored" })
          yield* TestClock.adjust("3 days")
          assert.deepStrictEqual(yield* health.snapshot, [], "everything is forgotten in the end")
        }).pipe(Effect.provide(Layer.provideMerge(Layer.fresh(layer), Telemetry.layer))),
      runs
    )
  })
}

it.effect.prop(
  "our own limits, aborts, requests and stale connections never hold anything against anybody",
  { outcomes: Schema.Array(Schema.Literals(["Ignored", "InvalidRequest", "StaleConnection", ...ours])) },
  ({ outcomes }) =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (const outcome of outcomes) {
        const answer = yield* health.admit(opus)
        if (answer._tag === "CoolingDown") return assert.fail("refused")
        const reason = failing[outcome]
        yield* answer.settle(reason === undefined ? { _tag: "Ignored" } : { _tag: "Failed", failure: failed(reason) })
      }
      return assert.isTrue(health.isQuiet())
    }).pipe(Effect.provide(Layer.provideMerge(ProviderHealth.layer(), Telemetry.layer))),
  runs
)

it.effect.prop(
  "a fleet has one probe of a key at a time, and none before its window is over",
  {
    steps: Schema.Array(
      Schema.Struct({
        process: Schema.Literals([0, 1, 2]),
        outcome: Schema.Literals(["Succeeded", "Ignored", "Overloaded", "Overloaded", "goes on"]),
        ms: Schema.Literals([0, 1000, 15_000, 60_000])
      })
    ).check(Schema.isMinLength(40), Schema.isMaxLength(60))
  },
  (given) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const fleet = yield* Effect.forEach([0, 1, 2], () =>
        Effect.map(Layer.build(ProviderHealth.layerShared()), Context.get(ProviderHealth))
      )
      let probing: Permit | undefined
      let failedMs = 0
      for (const { ms, outcome, process } of given.steps) {
        yield* TestClock.adjust(ms)
        const answer = yield* fleet[process]?.admit(opus) ?? Effect.die("no such process")
        if (answer._tag === "CoolingDown") {
          // The probe that keeps the others out comes to its end.
          if (probing !== undefined && ms > 0) {
            yield* probing.settle({ _tag: "Ignored" })
            probing = undefined
          }
          continue
        }
        if (answer.probe) {
          assert.isUndefined(probing, "one probe at a time")
          assert.isAtLeast((yield* now) - failedMs, 30 * seconds)
        }
        if (outcome === "goes on") {
          if (answer.probe) probing = answer
          else yield* answer.settle({ _tag: "Ignored" })
        } else if (outcome === "Overloaded") {
          yield* answer.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
          failedMs = yield* now
        } else {
          yield* answer.settle({ _tag: outcome })
        }
      }
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(CircuitBreaker.layerStoreMemory(), Telemetry.layer))),
  runs
)
