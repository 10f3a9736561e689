import { assert, describe, it } from "@effect/vitest"
import * as Failure from "@holdfast/core/Failure"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Repair from "@holdfast/core/Repair"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"

const ask = Effect.gen(function* () {
  const { send } = yield* HttpTransport
  const response = yield* Repair.send(send, (attempt) => ({
    candidate: { provider: "openai", model: "gpt-5" },
    method: "POST",
    url: "https://api.openai.com/v1/chat/completions",
    headers: {},
    body: "{}",
    declaration: "repeatable",
    ...attempt
  }))
  return yield* response.text
}).pipe(Effect.scoped)

const fine = TestTransport.answer({ body: "fine" })
const stale = TestTransport.stale()

describe("repairs", () => {
  it.effect("are paid from the provider's budget, and are not made when it is spent", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent> = []
      yield* telemetry.listen((event) => events.push(event))
      const seen = yield* TestTransport.TestTransport

      assert.strictEqual(yield* ask, "fine")
      assert.deepStrictEqual(budget.snapshot(), [{ provider: "openai", calls: 1, taken: 1, left: 0 }])

      const refused = yield* Effect.flip(ask)
      if (!Failure.isFailure(refused)) return assert.fail(String(refused))
      assert.strictEqual(refused.reason._tag, "StaleConnection")
      assert.strictEqual(refused.attempts.length, 1)
      assert.strictEqual((yield* seen.attempts).length, 3)
      // The replay that was not made is not told of either.
      return assert.strictEqual(events.filter(({ _tag }) => _tag === "ReplayAssumed").length, 1)
    }).pipe(
      Effect.scoped,
      Effect.provide(TestTransport.layer([stale, fine, stale])),
      Effect.provide(RetryBudget.layer({ floorPerSecond: 0.1 })),
      Effect.provide(Telemetry.layer)
    )
  )

  it.effect("are paid for by the requests that went well, too", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      for (let n = 0; n < 4; n++) yield* ask
      assert.strictEqual(budget.left("openai"), 0)
      assert.strictEqual(yield* ask, "fine")
      assert.strictEqual(budget.snapshot()[0]?.taken, 1)
    }).pipe(
      Effect.provide(TestTransport.layer([fine, fine, fine, fine, stale, fine])),
      Effect.provide(RetryBudget.layer({ floorPerSecond: 0 }))
    )
  )

  it.effect("take nothing for what is not repaired anyway", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget
      yield* Effect.flip(ask)
      assert.strictEqual(budget.snapshot()[0]?.taken, 0)
    }).pipe(Effect.provide(TestTransport.layer([TestTransport.refused])), Effect.provide(RetryBudget.layer()))
  )
})
