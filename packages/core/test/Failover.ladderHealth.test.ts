/** What the attempts of a ladder leave behind in health and telemetry, whether or not it is asked what follows. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import { eventsFromHere, patiently } from "./failoverScript.ts"
import { gpt, opus, opusAtHome, overloaded, truncated, unauthorized, unreachable } from "./fixtures.ts"
import { ladder as readmeLadder } from "./readme/ladder.ts"
import { reasons } from "./reasons.ts"

const never = Schedule.recurs(0)

const layer = Layer.orDie(
  Failover.layerMemory({ policy: { retry: { capacity: never, response: never, reach: never } } })
).pipe(Layer.provideMerge(Telemetry.layer))

const open = (call: Failover.CallOptions) => Effect.flatMap(Failover.Failover, (failover) => failover.open(call))

/** A call whose credential can be renewed, or not. */
const refused = (renews: boolean) => open({ chain: [opusAtHome, gpt], refresh: () => Effect.succeed(renews) })

const fails = (failure: Failure.Failure) => () => Effect.fail(failure)

const failed = (ladder: Failover.Ladder, failure: Failure.Failure) =>
  Effect.flip(Failover.attempt(ladder, fails(failure)))

/** What is held, and how often it failed. */
const held = Effect.map(
  Effect.flatMap(ProviderHealth, (health) => health.snapshot),
  (entries) => entries.map(({ failures, key, reason }) => `${key} ${reason} ${failures}`)
)

/** How often attempts were said to have failed, and of what. */
const told = Effect.map(
  eventsFromHere,
  (events) => () =>
    events.flatMap((event) =>
      event._tag === "AttemptFailed" ? [`${event.attempt} ${event.reason} ${event.verdict}`] : []
    )
)

/** A call for a model that has cooled down: its next attempt is the only one until it is settled. */
const openedAsProbe = Effect.gen(function* () {
  yield* failed(yield* open({ chain: [opus] }), overloaded())
  yield* TestClock.adjust("31 seconds")
  return yield* open({ chain: [opus] })
})

/** Whether another call may ask at once. */
const isFree = Effect.map(
  Effect.flatMap(ProviderHealth, (health) => health.standing(opus)),
  (standing) => standing === undefined
)

describe("an attempt of a ladder that fails", () => {
  it.effect("is held and told of once, though the program handles the failure by itself", () =>
    Effect.gen(function* () {
      const failures = yield* told
      const failure = yield* Effect.flip(readmeLadder({ chain: [opus, gpt] }, fails(overloaded())))
      assert.strictEqual(Failover.failureOf(failure).reason._tag, "Overloaded")
      assert.deepStrictEqual(yield* held, ["anthropic/claude-opus-4-7 Overloaded 1"])
      assert.deepStrictEqual(failures(), ["1 Overloaded Safe"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is held and told of once where it is asked what follows", () =>
    Effect.gen(function* () {
      const failures = yield* told
      const ladder = yield* open({ chain: [opus, gpt] })
      yield* Failover.next(ladder, yield* Effect.filterOrFail(failed(ladder, truncated()), Failure.isFailure))
      assert.deepStrictEqual(yield* held, ["api.anthropic.com:443 StreamTruncated 1"])
      assert.deepStrictEqual(failures(), ["1 StreamTruncated Ambiguous"])
      const answer = yield* Failover.attempt(ladder, () => Effect.succeed("hello"))
      assert.deepStrictEqual(answer.answered, gpt)
      assert.deepStrictEqual(
        answer.failed.map(({ attempt, reason }) => `${attempt} ${reason._tag}`),
        ["1 StreamTruncated"]
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is told of again as the program sees it, and counts once", () =>
    Effect.gen(function* () {
      const failures = yield* told
      const ladder = yield* open({ chain: [opus, gpt] })
      const assumed = yield* Effect.flip(
        ReplaySafety.assumeRepeatable(Failover.attempt(ladder, fails(truncated({ declaration: "unknown" }))))
      )
      yield* Failover.next(ladder, assumed)
      assert.deepStrictEqual(failures(), ["1 StreamTruncated Ambiguous", "1 StreamTruncated Safe"])
      assert.deepStrictEqual(yield* held, ["api.anthropic.com:443 StreamTruncated 1"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is held for the reason that the program finds, too", () =>
    Effect.gen(function* () {
      const ladder = yield* open({ chain: [opusAtHome, gpt] })
      const failure = yield* failed(ladder, truncated({ candidate: opusAtHome }))
      yield* Failover.next(ladder, Failure.amend(failure, { reason: reasons.BillingExhausted }))
      assert.deepStrictEqual(yield* held, [
        "api.anthropic.com:443 StreamTruncated 1",
        "anthropic@home BillingExhausted 1"
      ])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is on the record of the call that goes on without asking what follows", () =>
    Effect.gen(function* () {
      const ladder = yield* open({ chain: [opus, gpt] })
      yield* failed(ladder, truncated())
      const { answered, failed: before } = yield* Failover.attempt(ladder, () => Effect.succeed("hello"))
      assert.deepStrictEqual(answered, opus)
      assert.deepStrictEqual(
        before.map(({ attempt, reason }) => `${attempt} ${reason._tag}`),
        ["1 StreamTruncated"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("is held each time that the program tries by itself", () =>
    Effect.gen(function* () {
      const ladder = yield* open({ chain: [opus] })
      for (let times = 1; times <= 4; times++) yield* failed(ladder, truncated())
      assert.deepStrictEqual(yield* held, ["api.anthropic.com:443 StreamTruncated 4"])
    }).pipe(Effect.provide(layer))
  )
})

describe("an answer that the program does not want", () => {
  it.effect("is held as what the program makes of it", () =>
    Effect.gen(function* () {
      const ladder = yield* open({ chain: [opus, gpt] })
      yield* Failover.attempt(ladder, () => Effect.succeed(""))
      yield* Failover.next(ladder, overloaded())
      assert.deepStrictEqual(yield* held, ["anthropic/claude-opus-4-7 Overloaded 1"])
    }).pipe(Effect.provide(layer))
  )
})

describe("a probe of a ladder", () => {
  it.effect("that is interrupted lets the next one probe at once", () =>
    Effect.gen(function* () {
      const failures = yield* told
      const ladder = yield* openedAsProbe
      const fiber = yield* Effect.forkChild(Failover.attempt(ladder, () => Effect.never))
      yield* Effect.yieldNow
      assert.isFalse(yield* isFree)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* isFree)
      assert.deepStrictEqual(failures(), ["1 Overloaded Safe"], "of the call before")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("that fails of something else than the provider does so, too", () =>
    Effect.gen(function* () {
      for (const attempt of [
        () => Effect.fail("no such file"),
        () => Effect.die(new Error("a defect")),
        () => {
          throw new Error("thrown")
        }
      ]) {
        const ladder = yield* openedAsProbe
        yield* Effect.exit(Failover.attempt(ladder, attempt))
        assert.isTrue(yield* isFree)
        yield* Effect.flatMap(ProviderHealth, (health) => health.reset())
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("whose answer nobody waits to be told of does so, too", () =>
    Effect.gen(function* () {
      yield* failed(yield* open({ chain: [gpt] }), overloaded({ candidate: gpt }))
      yield* TestClock.adjust("31 seconds")
      const ladder = yield* open({ chain: [opus, gpt], onSwap: () => Effect.never })
      yield* Failover.next(ladder, yield* failed(ladder, unreachable()))
      const fiber = yield* Effect.forkChild(Failover.attempt(ladder, () => Effect.succeed("hello")))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      const health = yield* ProviderHealth
      assert.isUndefined(yield* health.standing(gpt))
    }).pipe(Effect.provide(layer))
  )

  it.effect("that fails opens the window again, without being asked what follows", () =>
    Effect.gen(function* () {
      yield* failed(yield* openedAsProbe, overloaded())
      const entries = yield* Effect.flatMap(ProviderHealth, (health) => health.snapshot)
      assert.deepStrictEqual(
        entries.map(({ openings, state }) => `${state} ${openings}`),
        ["open 2"]
      )
    }).pipe(Effect.provide(layer))
  )
})

describe("a ladder whose credential is refused", () => {
  const unwelcome = unauthorized({ candidate: opusAtHome })

  it.effect("holds it once there is no other, and asks again where there is", () =>
    Effect.gen(function* () {
      const renewed = yield* refused(true)
      yield* Failover.next(renewed, yield* failed(renewed, unwelcome))
      assert.deepStrictEqual(renewed.candidate, opusAtHome)
      assert.deepStrictEqual(yield* held, [])
      const stays = yield* refused(false)
      yield* Failover.next(stays, yield* failed(stays, unwelcome))
      assert.deepStrictEqual(stays.candidate, gpt)
      assert.deepStrictEqual(yield* held, ["anthropic@home AuthenticationFailed 1"])
    }).pipe(patiently, Effect.provide(layer))
  )

  it.effect("lets others try meanwhile, and for good where it is not asked what follows", () =>
    Effect.gen(function* () {
      const first = yield* refused(false)
      yield* Failover.next(first, yield* failed(first, unwelcome))
      yield* TestClock.adjust("31 seconds")
      yield* failed(yield* refused(false), unwelcome)
      const health = yield* ProviderHealth
      assert.isUndefined(yield* health.standing(opusAtHome))
    }).pipe(Effect.provide(layer))
  )
})
