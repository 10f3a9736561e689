import { assert, describe, it } from "@effect/vitest"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Options } from "@holdfast/core/ProviderHealth"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import { TestClock } from "effect/testing"
import { gpt, opusOlder } from "./fixtures.ts"
import { fails, hours, limited, seconds, succeeds, waitMs, withHealth } from "./healthWorld.ts"
import { reasons } from "./reasons.ts"

/** What is wrong with options, as an operator reads it. */
const wrong = (
  options: Options,
  layer: (options: Options) => Layer.Layer<ProviderHealth, InvalidInput, Telemetry.Telemetry> = ProviderHealth.layer
): Effect.Effect<ReadonlyArray<string>> =>
  Layer.build(layer(options)).pipe(
    Effect.scoped,
    Effect.provide(Telemetry.layer),
    Effect.flip,
    Effect.map((error) => error.message.split("\n")),
    Effect.orDie
  )

const shared = (options: Options) =>
  Layer.provide(ProviderHealth.layerShared(options), CircuitBreaker.layerStoreMemory())

describe("options", () => {
  it.effect("replace the numbers of one kind and leave the others", () =>
    Effect.gen(function* () {
      yield* fails(reasons.Overloaded)
      assert.isUndefined(yield* waitMs())
      yield* fails(reasons.Overloaded)
      assert.strictEqual(yield* waitMs(), 2 * seconds)
      yield* TestClock.adjust("2 seconds")
      yield* fails(reasons.Overloaded)
      assert.strictEqual(yield* waitMs(), 9 * seconds)
      yield* fails(limited(), opusOlder)
      assert.isUndefined(yield* waitMs(opusOlder))
      yield* fails(limited(), opusOlder)
      assert.strictEqual(yield* waitMs(opusOlder), 2 * seconds, "limits on a model have the windows of capacity")
      yield* fails(reasons.BillingExhausted, gpt)
      assert.strictEqual(yield* waitMs(gpt), 5 * hours)
    }).pipe(withHealth({ capacity: { after: 2, windows: ["2 seconds", Duration.seconds(9)] } }))
  )

  it.effect("of a kind may be given in part", () =>
    Effect.gen(function* () {
      yield* fails(reasons.ServerError)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
      yield* fails(reasons.Overloaded, gpt)
      assert.strictEqual(yield* waitMs(gpt), 60 * seconds)
    }).pipe(withHealth({ fault: { after: 1 }, capacity: { windows: ["1 minute"] } }))
  )

  it.effect("may have a Retry-After count for less, or for nothing", () =>
    Effect.gen(function* () {
      yield* fails(limited(5 * hours))
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth({ longestRetryAfter: 0 }))
  )

  it.effect("say how long the idle are remembered", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.ServerError)
      yield* TestClock.adjust("59 seconds")
      yield* succeeds(gpt)
      assert.isFalse(health.isQuiet())
      yield* TestClock.adjust("15 seconds")
      yield* succeeds(gpt)
      assert.isTrue(health.isQuiet())
    }).pipe(withHealth({ idleTimeToLive: "1 minute" }))
  )

  it.effect("that make no sense are refused, all of them at once", () =>
    Effect.gen(function* () {
      // As a configuration file or JavaScript may have it.
      const text = "soon" as Duration.Input
      assert.deepStrictEqual(
        yield* wrong({
          capacity: { after: 0, windows: [] },
          refusal: { after: 1.5, windows: ["1 minute", "30 seconds"] },
          billing: { after: Number.NaN, windows: [0] },
          access: { after: Number.POSITIVE_INFINITY, windows: [text, "1 hour", Duration.infinity] },
          fault: { windows: [-1] },
          longestRetryAfter: "-1 second",
          idleTimeToLive: 0
        }),
        [
          "health.capacity.after: expected a whole number of failures from 1 to 1000000, found 0",
          "health.capacity.windows: expected at least one duration, found none",
          "health.refusal.after: expected a whole number of failures from 1 to 1000000, found 1.5",
          'health.refusal.windows[1]: expected a window no shorter than the one before it, found "30 seconds"',
          "health.billing.after: expected a whole number of failures from 1 to 1000000, found NaN",
          "health.billing.windows[0]: expected a duration from 1 millisecond to 28 days, found 0",
          "health.access.after: expected a whole number of failures from 1 to 1000000, found Infinity",
          'health.access.windows[0]: expected a duration from 1 millisecond to 28 days, found "soon"',
          "health.access.windows[2]: expected a duration from 1 millisecond to 28 days, found Infinity",
          "health.fault.windows[0]: expected a duration from 1 millisecond to 28 days, found -1",
          'health.longestRetryAfter: expected a duration from 0 to 28 days, found "-1 second"',
          "health.idleTimeToLive: expected a duration from 1 millisecond to 28 days, found 0"
        ]
      )
    })
  )

  it.effect("are checked where the store is shared, too", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* wrong({ fault: { after: -1 } }, shared), [
        "health.fault.after: expected a whole number of failures from 1 to 1000000, found -1"
      ])
    })
  )
})
