import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import * as ReplaySafety from "@holdfast/core/ReplaySafety"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { gpt, stale, truncated, unreachable, unsafe } from "./fixtures.ts"

const ambiguous = stale({ declaration: "unknown", candidate: gpt })

describe("assumeRepeatable", () => {
  it.effect("makes an ambiguous failure safe and marks it as assumed, without any service", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(ReplaySafety.assumeRepeatable(Effect.fail(ambiguous)))
      assert.isTrue(Failure.isReplaySafe(failure))
      assert.isTrue(failure.assumed)
      assert.strictEqual(failure.reason, ambiguous.reason)
      assert.deepStrictEqual(failure.attempts, ambiguous.attempts)
    })
  )

  it.effect("lets a retry follow that would not follow without it", () =>
    Effect.gen(function* () {
      let runs = 0
      const effect = Effect.suspend(() => (++runs === 1 ? Effect.fail(ambiguous) : Effect.succeed(runs)))
      const retry = ReplaySafety.retryWhenSafe(Schedule.recurs(1))
      assert.strictEqual(yield* effect.pipe(ReplaySafety.assumeRepeatable, retry), 2)
      runs = 0
      assert.strictEqual(yield* Effect.flip(retry(effect)), ambiguous)
    })
  )

  it.effect("leaves an unsafe failure unsafe and untouched", () =>
    Effect.gen(function* () {
      const exposed = Failure.amend(truncated(), { exposure: "output" })
      for (const failure of [unsafe(), exposed]) {
        assert.strictEqual(yield* Effect.flip(ReplaySafety.assumeRepeatable(Effect.fail(failure))), failure)
      }
    })
  )

  it.effect("leaves a safe failure, other errors, defects and interruptions as they are", () =>
    Effect.gen(function* () {
      const safe = unreachable()
      const left = yield* Effect.flip(ReplaySafety.assumeRepeatable(Effect.fail(safe)))
      assert.strictEqual(left, safe)
      assert.isFalse(safe.assumed)
      for (const cause of [Cause.fail("other"), Cause.die("defect"), Cause.interrupt(7)]) {
        const exit = yield* Effect.exit(ReplaySafety.assumeRepeatable(Effect.failCause(cause)))
        assert.deepStrictEqual(exit, Exit.failCause(cause))
      }
    })
  )

  it.effect("does not make a retry follow where an unsafe failure came together with the ambiguous one", () =>
    Effect.gen(function* () {
      let runs = 0
      const effect = Effect.suspend(() => {
        runs++
        return Effect.failCause(Cause.fromReasons([Cause.makeFailReason(ambiguous), Cause.makeFailReason(unsafe())]))
      })
      yield* effect.pipe(ReplaySafety.assumeRepeatable, ReplaySafety.retryWhenSafe(Schedule.recurs(3)), Effect.exit)
      assert.strictEqual(runs, 1)
    })
  )

  it.effect("tells a listening telemetry on whose word the call counts as repeatable", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => events.push(event))
      yield* Effect.flip(ReplaySafety.assumeRepeatable(Effect.fail(ambiguous)))
      assert.deepStrictEqual(events, [
        {
          _tag: "ReplayAssumed",
          version: 1,
          at: 0,
          candidate: gpt,
          reason: "StaleConnection",
          rule: "stale-connection",
          by: "app"
        }
      ])
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("tells nothing of failures that it leaves as they are", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => events.push(event))
      yield* Effect.exit(ReplaySafety.assumeRepeatable(Effect.fail(unsafe())))
      yield* Effect.exit(ReplaySafety.assumeRepeatable(Effect.fail(unreachable())))
      assert.deepStrictEqual(events, [])
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("builds no event when nobody listens", () =>
    ReplaySafety.assumeRepeatable(Effect.fail(ambiguous)).pipe(
      Effect.flip,
      Effect.map((failure) => assert.isTrue(failure.assumed)),
      Effect.provideService(Telemetry.Telemetry, {
        isActive: () => false,
        publishUnsafe: () => assert.fail("published"),
        listen: () => Effect.void,
        events: () => assert.fail("subscribed")
      })
    )
  )
})
