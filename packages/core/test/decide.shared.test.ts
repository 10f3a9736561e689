/** What of a failure is not worth trying at others that share it, for the rest of the call. */
import { assert, describe, it } from "@effect/vitest"
import * as Evidence from "@holdfast/core/Evidence"
import * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import * as Failure from "@holdfast/core/Failure"
import { sharedBy } from "../src/internal/decide.ts"
import { opus } from "./fixtures.ts"
import type { Name } from "./reasons.ts"
import { reasons } from "./reasons.ts"

const shared = (name: Name, overrides: FailoverPolicy.Overrides = {}) =>
  sharedBy(
    FailoverPolicy.make(overrides),
    Failure.make({ reason: reasons[name], evidence: Evidence.unsent, declaration: "repeatable", candidate: opus })
  )

describe("what failed", () => {
  it("is what its reason is about, where the table sends the call outside that", () => {
    assert.deepStrictEqual(shared("Overloaded"), { scope: "model", reason: "Overloaded" })
    assert.deepStrictEqual(shared("AuthenticationFailed"), { scope: "credential", reason: "AuthenticationFailed" })
    assert.deepStrictEqual(shared("ConnectFailure"), { scope: "endpoint", reason: "ConnectFailure" })
    assert.deepStrictEqual(shared("RegionBlocked"), { scope: "provider", reason: "RegionBlocked" })
  })

  it("is nothing that others share where the table sends the call anywhere, or nowhere", () => {
    for (const name of ["StreamTruncated", "HeadersTimeout", "TotalTimeout", "InvalidRequest"] as const) {
      assert.isUndefined(shared(name), name)
    }
  })

  it("is nobody's but the request's own where the reason is about that, whatever the table says", () => {
    const row = { same: "never", onward: "outside-scope" } as const
    assert.isUndefined(shared("ContextOverflow", { table: { ContextOverflow: row } }))
    assert.isDefined(shared("StreamTruncated", { table: { StreamTruncated: row } }))
  })
})
