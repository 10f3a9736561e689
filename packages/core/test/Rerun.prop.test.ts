/** What a journal holds is enough to decide again what was decided; and no journal, however torn, is too much. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import { Failover } from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Rerun from "@holdfast/core/Rerun"
import * as TelemetryEvent from "@holdfast/core/TelemetryEvent"
import type * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { eventsFromHere, layer, patiently } from "./failoverScript.ts"
import { AnyCandidate, AnyChain, AnyFault, AnyPolicy, failureAt, overridesOf } from "./policyWorld.ts"

const AnyCall = Schema.Struct({
  chain: AnyChain,
  named: Schema.Array(AnyCandidate).check(Schema.isMaxLength(2)),
  faults: Schema.Array(AnyFault).check(Schema.isMaxLength(6)),
  /** Whether the call answers when the faults are spent; else the last goes on for ever. */
  recovers: Schema.Boolean,
  midTurn: Schema.Boolean,
  totalMs: Schema.Literals([0, 0, 60_000]),
  refreshes: Schema.Boolean,
  suits: Schema.Boolean
})

const momentIn = ({ chain, midTurn }: typeof AnyCall.Type): Turn.Moment => {
  const last = chain.at(-1) ?? chain[0]
  return midTurn
    ? { at: "mid", answered: ModelRef.make(last.provider, last.model) }
    : { at: "start", answered: undefined }
}

/** Makes the call, and is done when it has been answered or given up. */
const make = (call: typeof AnyCall.Type) =>
  Effect.gen(function* () {
    const failover = yield* Failover
    const { chain, faults, named, recovers, refreshes, suits, totalMs } = call
    yield* Effect.exit(
      patiently(
        failover.run({
          chain,
          totalMs,
          chains: { ContextOverflow: named, ModelNotFound: named },
          moment: momentIn(call),
          suits: ({ model }: Candidate) => suits || model !== "gpt",
          ...(refreshes ? { refresh: () => Effect.succeed(true) } : undefined),
          attempt: ({ attempt, candidate }) => {
            const fault = faults[attempt - 1] ?? (recovers ? undefined : faults.at(-1))
            return fault === undefined ? Effect.succeed("answer") : Effect.fail(failureAt(candidate, fault))
          }
        })
      )
    )
  })

/** The events of calls, one after the other, as a journal gives them back. */
const record = (calls: ReadonlyArray<typeof AnyCall.Type>, overrides: FailoverPolicy.Overrides) =>
  Effect.gen(function* () {
    const events = yield* eventsFromHere
    for (const call of calls) yield* make(call)
    return events.map((event) => decode(JSON.stringify(event)))
  }).pipe(Effect.provide(layer(overrides)), Effect.scoped)

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(TelemetryEvent.TelemetryEvent))

const again = (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>, policy: FailoverPolicy.Policy, openCalls = 16) =>
  Stream.runCollect(Rerun.calls(policy, { openCalls })(Stream.fromIterable(events)))

/** The decisions that were made again, or of which it is said why not. */
const accounted = (told: ReadonlyArray<Rerun.Call>): number =>
  told.reduce(
    (sum, { difference, same, unknown, unread }) => sum + same + unknown + unread + (difference === undefined ? 0 : 1),
    0
  )

/** The policy of the calls, whose layer leaves at once who cannot be reached. */
const policyOf = (policy: typeof AnyPolicy.Type): FailoverPolicy.Overrides => {
  const overrides = overridesOf(policy)
  return { ...overrides, retry: { ...overrides.retry, reach: FailoverPolicy.defaults.retry.reach } }
}

const runs = { arbitrary: { runs: 200, seed: 20261121 }, timeout: 60_000 }

describe("calls", () => {
  it.effect.prop(
    "differ in nothing under the policy that they were made under",
    { policy: AnyPolicy, calls: Schema.Array(AnyCall).check(Schema.isMaxLength(3)), jitters: Schema.Boolean },
    ({ calls, jitters, policy }) =>
      Effect.gen(function* () {
        const { retry, ...overrides } = policyOf(policy)
        const used = jitters
          ? { ...overrides, retry: FailoverPolicy.defaults.retry }
          : { ...overrides, retry: retry ?? {} }
        const events = yield* record(calls, used)
        const told = yield* again(events, FailoverPolicy.make(used))
        assert.strictEqual(told.length, calls.length)
        const decisions = events.filter(({ _tag }) => _tag === "Decided").length
        assert.strictEqual(
          told.reduce((sum, { same }) => sum + same, 0),
          decisions
        )
        for (const { difference, exact, outcome, unknown, unread } of told) {
          assert.deepStrictEqual(
            { difference, exact, unknown, unread },
            {
              difference: undefined,
              exact: true,
              unknown: 0,
              unread: 0
            }
          )
          assert.notStrictEqual(outcome, "unfinished")
        }
      }),
    runs
  )

  it.effect.prop(
    "never replay what must not be, and account for every decision, under any other policy",
    { policy: AnyPolicy, other: AnyPolicy, calls: Schema.Array(AnyCall).check(Schema.isMaxLength(3)) },
    ({ calls, other, policy }) =>
      Effect.gen(function* () {
        const events = yield* record(calls, policyOf(policy))
        const told = yield* again(events, FailoverPolicy.make(policyOf(other)))
        const decisions = events.filter(({ _tag }) => _tag === "Decided").length
        assert.strictEqual(accounted(told), decisions)
        for (const { difference } of told) {
          if (difference?.verdict === "Unsafe") assert.strictEqual(difference.wouldBe._tag, "Surface")
        }
        const codec = Schema.toCodecJson(Schema.Array(Rerun.Call))
        const read = Schema.decodeUnknownSync(codec, { onExcessProperty: "error" })(JSON.parse(JSON.stringify(told)))
        assert.deepStrictEqual(read, told)
      }),
    runs
  )

  it.effect.prop(
    "are told of journals that are torn, out of order and doubled",
    {
      policy: AnyPolicy,
      calls: Schema.Array(AnyCall).check(Schema.isMaxLength(3)),
      // Places in the journal, modulo its length.
      picks: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))).check(
        Schema.isMaxLength(60)
      ),
      openCalls: Schema.Literals([1, 2, 16])
    },
    ({ calls, openCalls, picks, policy }) =>
      Effect.gen(function* () {
        const events = yield* record(calls, {})
        const torn = picks.flatMap((pick) => {
          const event = events[pick % Math.max(1, events.length)]
          return event === undefined ? [] : [event]
        })
        const told = yield* again(torn, FailoverPolicy.make(policyOf(policy)), openCalls)
        const decisions = torn.filter(({ _tag }) => _tag === "Decided").length
        assert.strictEqual(accounted(told), decisions)
      }),
    runs
  )

  it.effect.prop(
    "are told of events that nobody wrote so",
    {
      policy: AnyPolicy,
      events: Schema.Array(
        Schema.Union([
          TelemetryEvent.AttemptStarted,
          TelemetryEvent.AttemptFailed,
          TelemetryEvent.Decided,
          TelemetryEvent.CallSucceeded,
          TelemetryEvent.CallFailed
        ])
      ).check(Schema.isMaxLength(30))
    },
    ({ events, policy }) =>
      Effect.gen(function* () {
        // Few calls, few attempts: so that they meet.
        const met = events.map((event, at) => ({
          ...event,
          call: `call-${at % 3}`,
          ...("attempt" in event ? { attempt: Math.abs(event.attempt) % 3 } : undefined)
        }))
        const told = yield* again(met, FailoverPolicy.make(policyOf(policy)))
        const decisions = met.filter(({ _tag }) => _tag === "Decided").length
        assert.strictEqual(accounted(told), decisions)
      }),
    runs
  )
})
