import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import { StaleCount } from "../src/internal/demo/stale.ts"

const opus: Candidate = { provider: "anthropic", model: "claude-opus-4-7" }
const gpt: Candidate = { provider: "openai", model: "gpt-5.5" }
const stamp = { version: 1, at: 0 } as const

const failed = (
  call: string,
  reason: "StaleConnection" | "ConnectionLost" | "Overloaded",
  reused: boolean
): TelemetryEvent => ({
  _tag: "AttemptFailed",
  ...stamp,
  call,
  attempt: 1,
  candidate: opus,
  elapsedMs: 1,
  reason,
  scope: "endpoint",
  message: "",
  advice: "",
  verdict: "Ambiguous",
  rule: "stale-connection",
  exposure: "nothing",
  declaration: "repeatable",
  evidence: {
    _tag: "Observed",
    phase: "waiting",
    bytesWritten: 1,
    bytesRead: 0,
    connection: { reused, ageMs: 1, idleMs: 1, requestsServed: 1 }
  }
})

const succeeded = (call: string, answered: Candidate): TelemetryEvent => ({
  _tag: "CallSucceeded",
  ...stamp,
  call,
  requested: opus,
  answered,
  attempts: 2,
  elapsedMs: 1
})

const closed = (by: "peer-fin" | "peer-reset" | "local-limit" | "agreed", idle: boolean): TelemetryEvent => ({
  _tag: "ConnectionClosed",
  ...stamp,
  provider: "anthropic",
  origin: "http://127.0.0.1:1",
  closed: by,
  idle,
  idleMs: 1,
  ageMs: 1,
  requestsServed: 1
})

const count = (...events: ReadonlyArray<TelemetryEvent>) => {
  const stale = new StaleCount()
  for (const event of events) stale.listen(event)
  const { avoided, met, repaired } = stale
  return { avoided, met, repaired }
}

describe("the count of stale connections", () => {
  it("repairs what the same candidate answered, and not what another did or what was given up", () => {
    assert.deepStrictEqual(
      count(
        failed("a", "StaleConnection", true),
        failed("b", "ConnectionLost", true),
        failed("c", "StaleConnection", true),
        succeeded("a", opus),
        succeeded("b", gpt),
        succeeded("d", opus)
      ),
      { met: 3, repaired: 1, avoided: 0 }
    )
  })

  it("does not count other failures, nor a fresh connection that was lost", () => {
    assert.deepStrictEqual(
      count(failed("a", "Overloaded", true), failed("a", "ConnectionLost", false), succeeded("a", opus)),
      { met: 0, repaired: 0, avoided: 0 }
    )
  })

  it("avoids what the provider closed while it was idle, and nothing else that closed", () => {
    assert.strictEqual(count(closed("peer-fin", true), closed("peer-reset", true)).avoided, 2)
    assert.strictEqual(count(closed("peer-fin", false), closed("local-limit", true), closed("agreed", true)).avoided, 0)
  })
})
