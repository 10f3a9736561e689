/**
 * A policy of one's own, held to the laws that every policy keeps: it never replays what must not be, never leaves the
 * swap rule, and always ends. The laws are tried on hundreds of arbitrary calls; what breaks one is shown as the smallest.
 */
import { assert, it } from "@effect/vitest"
import { PolicyLaws } from "@holdfast/testing"
import * as PolicySuite from "@holdfast/testing/PolicySuite"
import { Effect } from "effect"
import { FailoverPolicy } from "holdfast"

/** Stays close to the model that was asked for, and gives up sooner than the default. */
const ours = FailoverPolicy.make({
  swap: { start: "same-family", midTurn: "same-model" },
  maxAttempts: 6
})

PolicySuite.suite("our policy", ours)

it.effect("a policy that trusts itself more than the verdict is found", () =>
  Effect.gen(function* () {
    const reckless = FailoverPolicy.make({
      decide: (_policy, _state, failure, otherwise) =>
        failure.reason._tag === "StreamTruncated"
          ? { _tag: "RetryHere", delayMs: 0, fresh: true, ground: "proven" }
          : otherwise()
    })
    const violations = yield* PolicyLaws.check(reckless)
    assert.include(
      violations.map(({ law }) => law),
      "keeps the bounds by itself"
    )
  })
)
