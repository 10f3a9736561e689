/** Failover.run where a provider is short of capacity: how long it waits, and when it goes on. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { answers, fails, layer, patiently, script } from "./failoverScript.ts"
import { gpt, opus, overloaded, rateLimited } from "./fixtures.ts"

describe("shortage of capacity", () => {
  it.effect("backs off on the same candidate, from about 1 s and doubled each time", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made, at } = script(fails(overloaded), fails(overloaded), fails(overloaded), answers("hello"))
      yield* patiently(failover.run({ chain: [opus, gpt], attempt }))
      assert.isTrue(
        made.every((each) => each.includes("opus-4-7 any")),
        made.join()
      )
      const waits = at.slice(1).map((ms, i) => ms - (at[i] ?? 0))
      for (const [i, wait] of waits.entries()) {
        assert.isAtLeast(wait, 800 * 2 ** i)
        assert.isAtMost(wait, 1200 * 2 ** i)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("goes on to the next candidate when the backoff has ended, within 90 s and 8 retries", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made, at } = script(...Array.from({ length: 40 }, () => fails(overloaded)))
      yield* Effect.flip(patiently(failover.run({ chain: [opus, gpt], attempt })))
      const left = made.findIndex((each) => each.includes("gpt"))
      assert.isAbove(left, 3)
      assert.isAtMost(left, 9)
      assert.isAtMost(at[left] ?? Infinity, 90_000 + 36_000)
      assert.isFalse(
        made.slice(left).some((each) => each.includes("opus")),
        "a candidate that was left is not asked again"
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("waits as long as the provider asks, where that is longer than the backoff", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made, at } = script(fails(rateLimited, { retryAfterMs: 7_000 }), answers("hello"))
      yield* patiently(failover.run({ chain: [opus, gpt], attempt }))
      assert.strictEqual(made[1], "2 anthropic/claude-opus-4-7 any")
      assert.deepStrictEqual(at, [0, 7_000])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not come back before the backoff says, however soon the provider allows it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, at } = script(fails(overloaded, { retryAfterMs: 10 }), answers("hello"))
      yield* patiently(failover.run({ chain: [opus], attempt }))
      assert.isAtLeast(at[1] ?? 0, 800)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("leaves the candidate at once when the provider asks for a longer wait than the policy grants", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made, at } = script(fails(rateLimited, { retryAfterMs: 60_001 }), answers("hello"))
      yield* patiently(failover.run({ chain: [opus, gpt], attempt }))
      assert.strictEqual(made[1], "2 openai/gpt-5.5 any")
      assert.deepStrictEqual(at, [0, 0])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("counts each candidate's backoff for itself", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const { attempt, made } = script(fails(overloaded), fails(overloaded), fails(overloaded), answers("hello"))
      yield* patiently(failover.run({ chain: [opus, gpt], attempt }))
      assert.deepStrictEqual(
        made.map((each) => each.split(" ")[1]),
        ["anthropic/claude-opus-4-7", "anthropic/claude-opus-4-7", "openai/gpt-5.5", "openai/gpt-5.5"]
      )
    }).pipe(Effect.provide(layer({ retry: { capacity: Schedule.recurs(1) } })))
  )
})
