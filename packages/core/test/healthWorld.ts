/** What the suites of health share: failures by reason, and what somebody who asks sees. */
import { assert } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import type * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import type { CoolingDown, Options, Permit } from "@holdfast/core/ProviderHealth"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Reason from "@holdfast/core/Reason"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { opus } from "./fixtures.ts"

/** Durations in milliseconds. */
export const seconds = 1000
export const minutes = 60 * seconds
export const hours = 60 * minutes

/** When the tests begin: a moment like any other, not the epoch. */
export const start = 1_795_000_000_000

/** A health in memory, at {@link start}. */
export const withHealth =
  (options?: Options) =>
  <A, E, R>(body: Effect.Effect<A, E, R>) =>
    TestClock.setTime(start).pipe(
      Effect.andThen(body),
      Effect.provide(Layer.provideMerge(ProviderHealth.layer(options), Telemetry.layer))
    )

/** A failure for a reason. */
export const failed = (
  reason: Reason.Reason,
  candidate: Candidate = opus,
  evidence: Evidence.Evidence = { _tag: "Unknown" }
): Failure.Failure => Failure.make({ reason, evidence, candidate, declaration: "repeatable" })

/** Rate limited, of the model unless said otherwise. */
export const limited = (
  retryAfterMs?: number,
  limits: "model" | "credential" | "provider" = "model"
): Reason.RateLimited =>
  new Reason.RateLimited({
    rule: "status-429",
    limited: limits,
    ...(retryAfterMs === undefined ? undefined : { retryAfterMs })
  })

/** Overloaded, with a word on how long to wait. */
export const patient = (retryAfterMs: number): Reason.Overloaded =>
  new Reason.Overloaded({ rule: "status-529", retryAfterMs })

/** The right to an attempt, which must not be refused. */
export const permitted = Effect.fnUntraced(function* (candidate: Candidate = opus) {
  const health = yield* ProviderHealth
  const answer = yield* health.admit(candidate)
  if (answer._tag === "CoolingDown") return assert.fail(`refused for ${answer.reason} of ${answer.key}`)
  return answer satisfies Permit
})

/** An attempt that is let through and fails; says whether it was a probe. */
export const fails = Effect.fnUntraced(function* (reason: Reason.Reason, candidate: Candidate = opus) {
  const permit = yield* permitted(candidate)
  yield* permit.settle({ _tag: "Failed", failure: failed(reason, candidate) })
  return permit.probe
})

/** An attempt that is let through and succeeds. */
export const succeeds = Effect.fnUntraced(function* (candidate: Candidate = opus) {
  const permit = yield* permitted(candidate)
  yield* permit.settle({ _tag: "Succeeded" })
  return permit.probe
})

/** How long a candidate has to wait, by its standing and by asking for it; nothing where it may be asked. */
export const waitMs = Effect.fnUntraced(function* (candidate: Candidate = opus) {
  const refusal = yield* refusalOf(candidate)
  return refusal === undefined ? undefined : refusal.untilMs - (yield* now)
})

/** Why a candidate may not be asked; standing and admission must say the same. */
export const refusalOf = Effect.fnUntraced(function* (candidate: Candidate = opus) {
  const health = yield* ProviderHealth
  const standing: CoolingDown | undefined = yield* health.standing(candidate)
  const answer = yield* health.admit(candidate)
  if (answer._tag === "CoolingDown") {
    assert.deepStrictEqual(standing, answer)
    return answer
  }
  yield* answer.settle({ _tag: "Ignored" })
  assert.isUndefined(standing)
  return undefined
})

/** The time. */
export const now = TestClock.testClockWith((clock) => Effect.sync(() => clock.currentTimeMillisUnsafe()))
