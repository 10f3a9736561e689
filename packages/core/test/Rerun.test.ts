import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type * as Failure from "@holdfast/core/Failure"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Rerun from "@holdfast/core/Rerun"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
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
import {
  gemini,
  gpt,
  opus,
  opusAtHome,
  opusOlder,
  overloaded,
  rateLimited,
  stale,
  truncated,
  unauthorized,
  unreachable,
  unsafe
} from "./fixtures.ts"

type Events = ReadonlyArray<TelemetryEvent>
type Steps = ReadonlyArray<Step<string, Failure.Failure>>

/** The policy that the calls of these tests are made under. */
const policy: FailoverPolicy.Overrides = { retry: { reach: Schedule.recurs(0) } }
const chain = [opus, gpt] as const

/** The events of the calls that an effect makes. */
const recorded = <A, E>(calls: Effect.Effect<A, E, Failover.Failover>, overrides = policy): Effect.Effect<Events> =>
  Effect.gen(function* () {
    const events = yield* eventsFromHere
    yield* Effect.exit(patiently(calls))
    return events
  }).pipe(Effect.provide(layer(overrides)), Effect.scoped)

const call = (options: Failover.CallOptions, ...steps: Steps) =>
  Effect.flatMap(Failover.Failover, (failover) =>
    Effect.exit(failover.run({ ...options, attempt: script(...steps).attempt }))
  )

const again = (events: Events, overrides: FailoverPolicy.Overrides) =>
  Stream.runCollect(Rerun.calls(FailoverPolicy.make(overrides))(Stream.fromIterable(events)))

/** The calls that differ, in a line each: what was done and what would be. */
const differences = (told: ReadonlyArray<Rerun.Call>): ReadonlyArray<string> =>
  told.flatMap(({ difference, unknown }) =>
    difference === undefined
      ? []
      : [`${difference.attempt} ${difference.reason ?? "-"}: ${line(difference)}, ${unknown} unknown`]
  )

const line = ({ change, wouldBe }: Rerun.Difference): string => {
  const to = "candidate" in wouldBe ? ` to ${wouldBe.candidate.model}` : ""
  return `${change.was} -> ${change.wouldBe}${to}${wouldBe._tag === "Surface" ? ` ${wouldBe.why}` : ""}`
}

const late = (ms: number) => () => Effect.andThen(Effect.sleep(ms), Effect.fail(truncated()))

const capacity = (ms: number) => ({ retry: { capacity: Schedule.spaced(ms).pipe(Schedule.upTo({ times: 1 })) } })

describe("a journal under the policy that it was made under", () => {
  const scripts: { readonly [what: string]: Effect.Effect<unknown, unknown, Failover.Failover> } = {
    repaired: call({ chain }, fails(stale), answers("hello")),
    swapped: call({ chain }, fails(unreachable), answers("hello")),
    "given up": call({ chain }, fails(stale), fails(stale), fails(unauthorized)),
    unsafe: call({ chain }, fails(unsafe)),
    "waits that the provider asked for": call(
      { chain },
      fails(rateLimited, { retryAfterMs: 31_000 }),
      answers("hello")
    ),
    "backing off by chance, to the end": call({ chain: [opus] }, ...Array.from({ length: 9 }, () => fails(overloaded))),
    "mid turn": call(
      {
        chain: [opus, opusOlder, gpt],
        moment: { at: "mid", answered: ModelRef.make(opusOlder.provider, opusOlder.model) }
      },
      fails(unreachable),
      answers("hello")
    ),
    "renewed in vain": call(
      { chain: [opus, opusAtHome], refresh: () => Effect.succeed(false) },
      fails(unauthorized),
      answers("hello")
    )
  }

  it.effect.each(Object.keys(scripts))("differs in nothing: a call that is %s", (name) =>
    Effect.gen(function* () {
      const events = yield* recorded(scripts[name] ?? Effect.void)
      assert.include(
        events.map(({ _tag }) => _tag),
        "Decided"
      )
      for (const { difference, exact, unread } of yield* again(events, policy)) {
        assert.isUndefined(difference)
        assert.isTrue(exact)
        assert.strictEqual(unread, 0)
      }
    })
  )

  it.effect("differs in nothing where streams fail before and after their first content", () =>
    Effect.gen(function* () {
      const { attempt, exposure } = streamScript(
        { chunks: [[meta("begins")]], ends: fails(truncated) },
        { chunks: [[says("hello")]], ends: fails(truncated) }
      )
      const events = yield* recorded(
        Effect.flatMap(Failover.Failover, (failover) => received(failover.stream({ chain, attempt, exposure })))
      )
      const [told] = yield* again(events, policy)
      assert.deepInclude(told, { outcome: "failed", same: 2, unread: 0, exact: true })
      assert.isUndefined(told?.difference)
    })
  )

  it.effect("differs in nothing where two attempts were under way at once", () =>
    Effect.gen(function* () {
      const hedged = { ...policy, hedge: { after: "1 second" } } as const
      const events = yield* recorded(
        call({ chain, declaration: "repeatable" }, late(3_000), late(1_000), answers("hello")),
        hedged
      )
      const [told] = yield* again(events, hedged)
      assert.deepInclude(told, { outcome: "succeeded", same: 1, unread: 0, exact: true })
    })
  )

  it.effect("differs in nothing where candidates cool down, before the first attempt and after", () =>
    Effect.gen(function* () {
      const once = { retry: { capacity: Schedule.recurs(0), reach: Schedule.recurs(0) } }
      const events = yield* Effect.gen(function* () {
        const events = yield* eventsFromHere
        yield* call({ chain }, fails(overloaded), answers("hello"))
        yield* call({ chain }, answers("passed over"))
        yield* patiently(call({ chain: [opus] }, answers("waited for")))
        yield* call({ chain: [opus, gpt] }, fails(overloaded), fails(overloaded))
        yield* patiently(call({ chain: [opus, gpt] }, answers("waited for")))
        return events
      }).pipe(
        Effect.provide(Layer.orDie(Failover.layerMemory({ policy: once })).pipe(Layer.provideMerge(Telemetry.layer))),
        Effect.scoped
      )
      const before = events.filter((event) => event._tag === "Decided" && event.attempt === 0)
      assert.isAbove(before.length, 1)
      const told = yield* again(events, once)
      assert.strictEqual(told.length, 5)
      for (const { difference, exact, unread } of told) {
        assert.deepStrictEqual({ difference, exact, unread }, { difference: undefined, exact: true, unread: 0 })
      }
      // And another policy begins otherwise, too.
      const strict = yield* again(events, { ...once, swap: { start: "never" }, longestRetryAfterMs: 0 })
      assert.deepStrictEqual(differences(strict), [
        "1 Overloaded: swapped -> surfaced swap-denied, 0 unknown",
        "0 -: swapped -> surfaced cooling-down, 0 unknown",
        "0 -: waited -> surfaced cooling-down, 0 unknown",
        "1 Overloaded: swapped -> surfaced swap-denied, 1 unknown",
        "0 -: waited -> surfaced cooling-down, 0 unknown"
      ])
    })
  )

  it.effect("differs in nothing where the retry budget is spent once the retry was decided", () =>
    Effect.gen(function* () {
      const events = yield* Effect.gen(function* () {
        const events = yield* eventsFromHere
        yield* call({ chain }, fails(stale), answers("hello"))
        return events
      }).pipe(
        Effect.provide(
          Layer.orDie(Failover.layerMemory({ policy, budget: { ratio: 0, floorPerSecond: 0 } })).pipe(
            Layer.provideMerge(Telemetry.layer)
          )
        ),
        Effect.scoped
      )
      const [told] = yield* again(events, policy)
      assert.isUndefined(told?.difference)
      assert.deepInclude(told, { outcome: "succeeded", unread: 0, exact: true })
      const spent = events.filter((event) => event._tag === "Decided" && event.state?.spent?.[0] === opus.provider)
      assert.lengthOf(spent, 1)
    })
  )

  it.effect("differs in nothing where a call ends because it has waited too often", () =>
    Effect.gen(function* () {
      const impatient: FailoverPolicy.Overrides = {
        ...policy,
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
      const events = yield* recorded(call({ chain }, fails(unreachable)), impatient)
      const [told] = yield* again(events, impatient)
      assert.isUndefined(told?.difference)
      assert.deepInclude(told, { outcome: "failed", same: 4, exact: true })
    })
  )
})

const endpoint = (index: number) => ({ index, reason: "ConnectFailure", scope: "endpoint" }) as const

describe("a decision's event", () => {
  it.effect("tells how the call stood then, not how it stood later", () =>
    Effect.gen(function* () {
      const events = yield* recorded(
        call({ chain: [opus, gpt, gemini] }, fails(unreachable), fails(unreachable), fails(unreachable))
      )
      const states = events.flatMap((event) => (event._tag === "Decided" ? [event.state] : []))
      assert.deepStrictEqual(states, [
        { attempts: 1, from: opus, index: 0, moment: "start", turn: "unknown" },
        { attempts: 2, from: opus, index: 1, moment: "start", turn: "unknown", left: [0], failed: [endpoint(0)] },
        {
          attempts: 3,
          from: opus,
          index: 2,
          moment: "start",
          turn: "unknown",
          left: [0, 1],
          failed: [endpoint(0), endpoint(1)]
        }
      ])
    })
  )
})

describe("a journal under another policy", () => {
  const two = Effect.andThen(
    call({ chain: [opus, gpt, gemini] }, fails(stale), fails(stale), fails(unreachable), answers("hello")),
    call({ chain }, fails(unauthorized), answers("hello"))
  )

  it.effect("tells what would have been surfaced in place of a swap, and that the rest is unknown", () =>
    Effect.gen(function* () {
      const told = yield* again(yield* recorded(two), { ...policy, swap: { start: "never" } })
      assert.deepStrictEqual(differences(told), [
        "2 StaleConnection: swapped -> surfaced swap-denied, 1 unknown",
        "1 AuthenticationFailed: swapped -> surfaced swap-denied, 0 unknown"
      ])
      assert.deepStrictEqual(
        told.map(({ same }) => same),
        [1, 0]
      )
    })
  )

  it.effect("tells what would have been swapped in place of a retry, or retried in place of a swap", () =>
    Effect.gen(function* () {
      const events = yield* recorded(two)
      const hasty = yield* again(events, { retry: { ...policy.retry, connection: Schedule.recurs(0) } })
      const patient = yield* again(events, {
        retry: { connection: Schedule.recurs(1), reach: Schedule.spaced("2 seconds") }
      })
      assert.deepStrictEqual(differences(hasty), ["1 StaleConnection: retried -> swapped to gpt-5.5, 2 unknown"])
      assert.deepStrictEqual(differences(patient), ["3 ConnectFailure: swapped -> retried, 0 unknown"])
    })
  )

  it.effect("tells what would not have been surfaced", () =>
    Effect.gen(function* () {
      const strict = { ...policy, swap: { start: "never" } } as const
      const events = yield* recorded(call({ chain }, fails(unreachable)), strict)
      assert.deepStrictEqual(differences(yield* again(events, strict)), [])
      assert.deepStrictEqual(differences(yield* again(events, policy)), [
        "1 ConnectFailure: surfaced -> swapped to gpt-5.5, 0 unknown"
      ])
    })
  )

  it.effect("takes a retry after another delay for a difference, and one within the bounds of chance for none", () =>
    Effect.gen(function* () {
      const events = yield* recorded(call({ chain: [opus] }, fails(overloaded), answers("hello")))
      const [told] = yield* again(events, capacity(5_000))
      assert.deepInclude(told?.difference?.wouldBe, { _tag: "RetryHere", delayMs: 5_000 })
      const jittered = { retry: { capacity: Schedule.spaced(1_000).pipe(Schedule.jittered) } }
      assert.deepStrictEqual(differences(yield* again(events, jittered)), [])
    })
  )

  it.effect("takes it for a difference that the app would be asked, and for none that it would not be", () =>
    Effect.gen(function* () {
      const asks = { ...policy, swap: { start: { ask: () => Effect.succeed(true) } } }
      const unasked = yield* recorded(call({ chain }, fails(unreachable), answers("hello")))
      const asked = yield* recorded(call({ chain }, fails(unreachable), answers("hello")), asks)
      assert.deepStrictEqual(differences(yield* again(asked, asks)), [])
      assert.deepStrictEqual(differences(yield* again(asked, policy)), [])
      const [told] = yield* again(unasked, asks)
      assert.deepInclude(told?.difference?.wouldBe, { _tag: "NextCandidate", asks: true })
    })
  )

  it.effect("is counted", () =>
    Effect.gen(function* () {
      const events = yield* recorded(Effect.andThen(two, call({ chain }, answers("hello"))))
      const strict = FailoverPolicy.make({ ...policy, swap: { start: "never" } })
      const summary = yield* Rerun.summarize(Rerun.calls(strict)(Stream.fromIterable(events)))
      assert.deepStrictEqual(summary, {
        calls: 3,
        unchanged: 1,
        changes: [{ was: "swapped", wouldBe: "surfaced", calls: 2 }],
        same: 1,
        unknown: 1,
        unread: 0,
        inexact: 0
      })
    })
  )
})

describe("a journal that does not tell all", () => {
  const repaired = call({ chain: [opus, gpt] }, fails(stale), fails(stale), fails(unauthorized))

  it.effect("is decided again by what its attempts tell, where it was written before calls told how they stood", () =>
    Effect.gen(function* () {
      const older = (yield* recorded(repaired)).map((event): TelemetryEvent => {
        if (event._tag === "Decided") {
          const { state: _, ...rest } = event
          return rest
        }
        if (event._tag !== "AttemptStarted") return event
        const { chain: _, ...rest } = event
        return rest
      })
      const [told] = yield* again(older, policy)
      assert.deepInclude(told, { same: 3, unread: 0, exact: false })
      const strict = yield* again(older, { ...policy, swap: { start: "never" } })
      assert.deepStrictEqual(differences(strict), ["2 StaleConnection: swapped -> surfaced swap-denied, 1 unknown"])
    })
  )

  it.effect("that begins within a call takes the schedules to be where they were", () =>
    Effect.gen(function* () {
      const events = yield* recorded(repaired)
      const second = events.findIndex((event) => event._tag === "AttemptStarted" && event.attempt === 2)
      const [told] = yield* again(events.slice(second), policy)
      assert.deepInclude(told, { outcome: "failed", same: 2, unread: 0, exact: false })
      assert.isUndefined(told?.difference)
    })
  )

  it.effect("has decisions that cannot be made again, where the failure is missing, and calls that do not end", () =>
    Effect.gen(function* () {
      const events = (yield* recorded(repaired)).filter(
        (event) => event._tag !== "CallFailed" && !(event._tag === "AttemptFailed" && event.attempt === 2)
      )
      const [told] = yield* again(events, policy)
      assert.deepInclude(told, { outcome: "unfinished", unread: 1, exact: false })
    })
  )

  it.effect("is followed in so many calls at once as is said", () =>
    Effect.gen(function* () {
      const one = yield* recorded(repaired)
      const begun = Array.from({ length: 50 }, (_, at) =>
        one.flatMap((event) => (event._tag === "AttemptStarted" ? [{ ...event, call: `call-${at}` }] : []))
      ).flat()
      let told = 0
      const calls = Rerun.calls(FailoverPolicy.defaults, { openCalls: 10 })(Stream.fromIterable(begun))
      yield* Stream.runForEach(Stream.take(calls, 40), ({ outcome }) =>
        Effect.sync(() => {
          told += 1
          assert.strictEqual(outcome, "unfinished")
        })
      )
      assert.strictEqual(told, 40)
    })
  )
})
