/** A credential that is not accepted, and may be another by now. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type { Attempt, CallOptions } from "@holdfast/core/Failover"
import { FailoverPolicy } from "@holdfast/core/FailoverPolicy"
import type { Overrides } from "@holdfast/core/FailoverPolicy"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import {
  answers,
  eventsFromHere,
  fails,
  givenUp,
  layer,
  meta,
  patiently,
  received,
  says,
  script,
  streamScript
} from "./failoverScript.ts"
import { broke, opus, opusAtHome, overloaded, unauthorized } from "./fixtures.ts"

const stays = () => Effect.succeed(false)
const renews = () => Effect.succeed(true)

/** Failover that holds failures against credentials. */
const withHealth = (budget: Layer.Layer<RetryBudget> = RetryBudget.layerOff, policy?: Overrides) =>
  Layer.orDie(
    Failover.layer.pipe(
      Layer.provideMerge(Layer.mergeAll(FailoverPolicy.layer(policy), ProviderHealth.layer(), budget)),
      Layer.provideMerge(Telemetry.layer)
    )
  )

const refusedOnce = () => script<string, ReturnType<typeof unauthorized>>(fails(unauthorized), answers("hello")).attempt

const tellings = (events: ReadonlyArray<TelemetryEvent>) =>
  events.flatMap((event) => {
    if (event._tag === "Decided") return [event.decision._tag]
    return event._tag === "CredentialReread" ? [`changed: ${event.changed}`] : []
  })

const heldAgainst = Effect.map(
  Effect.flatMap(ProviderHealth, (health) => health.snapshot),
  (entries) => entries.map(({ key }) => key)
)

describe("a credential that is not accepted", () => {
  it.effect("is renewed once, and the candidate asked again with it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const refused: Array<Attempt> = []
      const refresh = (attempt: Attempt) => Effect.sync(() => refused.push(attempt) > 0)
      const { attempt, made } = script(fails(unauthorized), fails(unauthorized), answers("hello"))
      const { answered, failed } = yield* failover.run({ chain: [opus, opusAtHome], refresh, attempt })
      assert.strictEqual(answered, opusAtHome)
      assert.deepStrictEqual(
        refused.map(({ attempt, candidate }) => [attempt, candidate]),
        [[1, opus]]
      )
      assert.lengthOf(made, 3)
      assert.lengthOf(failed, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is left at once where it cannot be renewed, and nothing is counted twice", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(unauthorized), answers("hello"))
      const { answered, failed } = yield* failover.run({ chain: [opus, opusAtHome], refresh: stays, attempt })
      assert.strictEqual(answered, opusAtHome)
      assert.lengthOf(made, 2)
      assert.lengthOf(failed, 1)
      const alone = script(fails(unauthorized))
      const failure = yield* givenUp(failover.run({ chain: [opus], refresh: stays, attempt: alone.attempt }))
      assert.lengthOf(failure.attempts, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is renewed for a stream that has given out nothing", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, exposure, made } = streamScript(
        { chunks: [[meta("head")]], ends: fails(unauthorized) },
        { chunks: [[says("hello")]] }
      )
      const { texts } = yield* received(failover.stream({ chain: [opus], refresh: renews, attempt, exposure }))
      assert.deepStrictEqual(texts, ["hello"])
      assert.lengthOf(made, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is told of, as is that it was asked for", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const tell = (refresh: NonNullable<CallOptions["refresh"]>) => {
        events.length = 0
        const call = failover.run({ chain: [opus], refresh, attempt: refusedOnce() })
        return Effect.map(Effect.exit(call), () => tellings(events))
      }
      assert.deepStrictEqual(yield* tell(renews), ["changed: true", "RefreshCredential"])
      assert.deepStrictEqual(yield* tell(stays), ["changed: false", "Surface"])
      assert.deepStrictEqual(yield* tell(() => undefined), ["Surface"], "it cannot be renewed")
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("is not renewed where who renews it throws, fails or dies", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const broken: ReadonlyArray<NonNullable<CallOptions["refresh"]>> = [
        () => {
          throw new Error("the store is gone")
        },
        () => Effect.fail("the store is gone"),
        () => Effect.die(new Error("the store is gone"))
      ]
      for (const refresh of broken) {
        const { attempt, made } = script(fails(unauthorized))
        const failure = yield* givenUp(failover.run({ chain: [opus], refresh, attempt }))
        assert.strictEqual(failure.reason._tag, "AuthenticationFailed")
        assert.lengthOf(made, 1)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is waited for no longer than a minute, or the call's time", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const [totalMs, waited] of [
        [0, 60_000],
        [5_000, 5_000]
      ] as const) {
        const { attempt } = script(fails(unauthorized))
        const call = failover.run({ chain: [opus], refresh: () => Effect.never, totalMs, attempt })
        const fiber = yield* Effect.forkChild(givenUp(call))
        yield* TestClock.adjust(waited - 1)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "AuthenticationFailed")
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is no longer asked for once the call is interrupted", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      let ended = false
      const refresh = () =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            ended = true
          })
        )
      const { attempt } = script(fails(unauthorized))
      const fiber = yield* Effect.forkChild(failover.run({ chain: [opus], refresh, attempt }))
      yield* TestClock.adjust(1)
      const exit = yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))
      assert.isTrue(Exit.isFailure(exit) && ended)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("has nothing held against it before it is known that there is no other", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const known = yield* Deferred.make<boolean>()
      const { attempt } = script(fails(unauthorized), answers("beside"), answers("again"))
      const call = { chain: [opus] as const, attempt }
      const first = yield* Effect.forkChild(failover.run({ ...call, refresh: () => Deferred.await(known) }))
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* failover.run(call)).value, "beside")
      yield* Deferred.succeed(known, true)
      assert.strictEqual((yield* Fiber.join(first)).value, "again")
      assert.deepStrictEqual(yield* heldAgainst, [])
    }).pipe(Effect.provide(withHealth()))
  )

  it.effect("cools down where there is no other, and is forgiven what it cooled down for where there is", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      for (const candidate of [opus, opusAtHome]) {
        const late = Effect.andThen(Effect.sleep("1 second"), renews())
        const renewing = failover.run({ chain: [candidate], refresh: () => late, attempt: refusedOnce() })
        const fiber = yield* Effect.forkChild(renewing)
        yield* TestClock.adjust(1)
        yield* Effect.flip(failover.run({ chain: [candidate], refresh: stays, attempt: refusedOnce() }))
        assert.deepStrictEqual(yield* heldAgainst, [`anthropic@${candidate.credential ?? ""}`])
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber)).value, "hello")
        assert.deepStrictEqual(yield* heldAgainst, [])
      }
    }).pipe(Effect.provide(withHealth()))
  )

  it.effect("is not asked with again where the bounds are reached, and the new one is held for nothing", () =>
    Effect.gen(function* () {
      const refusedAt = Effect.fnUntraced(function* () {
        const failover = yield* Failover
        let renewals = 0
        const refresh = () => Effect.sync(() => ++renewals > 0)
        const { attempt, made } = script(fails(unauthorized), answers("hello"))
        const failure = yield* patiently(givenUp(failover.run({ chain: [opus], refresh, attempt })))
        assert.strictEqual(failure.reason._tag, "AuthenticationFailed")
        assert.deepStrictEqual([made.length, renewals, yield* heldAgainst], [1, 1, []])
      })
      const spent = Layer.orDie(RetryBudget.layer({ ratio: 0, floorPerSecond: 0 }))
      yield* Effect.provide(refusedAt(), withHealth(spent))
      yield* Effect.provide(refusedAt(), withHealth(RetryBudget.layerOff, { maxAttempts: 1 }))
    })
  )

  it.effect("leaves what is held against the new one alone where somebody else has renewed it before", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const known = yield* Deferred.make<void>()
      const late = script(fails(unauthorized), answers("again"))
      const refresh = () => Effect.as(Deferred.await(known), "already" as const)
      const call = { chain: [opus] as const, totalMs: 10_000 }
      const slow = yield* Effect.forkChild(givenUp(failover.run({ ...call, refresh, attempt: late.attempt })))
      yield* TestClock.adjust(1)
      // With the new one.
      yield* Effect.flip(failover.run({ chain: [opus], attempt: script(fails(broke)).attempt }))
      yield* Deferred.succeed(known, undefined)
      yield* Fiber.join(slow)
      assert.lengthOf(late.made, 1)
      assert.deepStrictEqual(yield* heldAgainst, ["anthropic@"])
    }).pipe(Effect.provide(withHealth()))
  )

  it.effect("is not tried at a model that has begun to cool down meanwhile", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const known = yield* Deferred.make<boolean>()
      const { attempt, made } = script(fails(unauthorized), answers("again"))
      const refresh = () => Deferred.await(known)
      const first = yield* Effect.forkChild(failover.run({ chain: [opus], refresh, attempt }))
      yield* TestClock.adjust(1)
      const busy = script(fails(overloaded, { retryAfterMs: 20_000 }), answers("later"))
      const beside = yield* Effect.forkChild(failover.run({ chain: [opus], attempt: busy.attempt }))
      yield* TestClock.adjust(1)
      yield* Deferred.succeed(known, true)
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(made, 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(first)).value, "again")
      yield* Fiber.interrupt(beside)
    }).pipe(Effect.provide(withHealth()))
  )

  it.effect("resets nothing where nothing is held against it: a fleet's circuits are left as they are", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const reset: Array<string | undefined> = []
      const spied = {
        ...health,
        isQuiet: () => false,
        reset: (key?: string) => Effect.sync(() => void reset.push(key))
      }
      const spy = Layer.provide(Layer.fresh(Failover.layer), Layer.succeed(ProviderHealth, spied))
      const answered = Effect.flatMap(Failover, (failover) =>
        failover.run({ chain: [opus], refresh: renews, attempt: refusedOnce() })
      )
      assert.strictEqual((yield* Effect.provide(answered, spy)).value, "hello")
      assert.deepStrictEqual(reset, [])
    }).pipe(Effect.provide(withHealth()))
  )
})
