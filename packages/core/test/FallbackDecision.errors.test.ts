/** What records tell of an error: its text, cut and scrubbed, and hashes. */
import { assert, describe, it } from "@effect/vitest"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import * as Effect from "effect/Effect"
import * as WebCrypto from "effect/crypto/WebCrypto"
import { known, limited, surfaced } from "./fallbackWorld.ts"
import { stale, unreachable } from "./fixtures.ts"
import { reasons } from "./reasons.ts"

const idle = (idleMs: number) => Failure.amend(stale(), { reason: new Reason.StaleConnection({ idleMs, how: "fin" }) })

describe("a record", () => {
  it.effect("gives the same fingerprint to errors that differ in a request's id or a time alone", () =>
    Effect.gen(function* () {
      const [same, sameToo, other] = yield* Effect.forEach([idle(5000), idle(65_000), unreachable()], (failure) =>
        Effect.map(surfaced(failure), (record) => record?.errorFingerprint)
      )
      assert.match(same ?? "", /^sha256:[0-9a-f]{12}$/)
      assert.strictEqual(same, sameToo)
      assert.notStrictEqual(same, other)
    })
  )

  it.effect("cuts a long error to 400 characters and hashes all that was kept of it", () =>
    Effect.gen(function* () {
      const a = yield* surfaced(limited(`${"x ".repeat(150)}one`, ""))
      const b = yield* surfaced(limited(`${"x ".repeat(150)}two`, ""))
      assert.isAtMost(a?.errorPreview?.length ?? Infinity, 403)
      assert.isAtMost(a?.providerErrorMessagePreview?.length ?? Infinity, 203)
      assert.notStrictEqual(a?.errorHash, b?.errorHash)
    })
  )

  it.effect("hashes what is left of an error without its keys", () =>
    Effect.gen(function* () {
      const a = yield* surfaced(limited("the key sk-ant-api03-aaaaaaaaaaaaaaaaaaaaaaaa is over its limit", ""))
      const b = yield* surfaced(limited("the key sk-ant-api03-bbbbbbbbbbbbbbbbbbbbbbbb is over its limit", ""))
      assert.match(a?.errorHash ?? "", /^sha256:[0-9a-f]{12}$/)
      assert.strictEqual(a?.errorHash, b?.errorHash)
      assert.strictEqual(a?.errorFingerprint, b?.errorFingerprint)
      assert.strictEqual(a?.providerErrorMessagePreview, "the key [redacted] is over its limit")
    })
  )

  it.effect("leaves hashes out where the platform has no SHA-256", () =>
    Effect.gen(function* () {
      // A page from an insecure origin has the object without its `subtle`.
      const insecure = WebCrypto.layer({} as Crypto)
      const record = yield* Effect.provide(surfaced(limited("slow down", "req_1")), insecure)
      assert.strictEqual(record?.providerErrorMessagePreview, "slow down")
      assert.doesNotHaveAnyKeys(record, ["errorHash", "errorFingerprint", "requestIdHash"])
    })
  )

  it.effect("makes a record of every reason", () =>
    Effect.gen(function* () {
      for (const reason of Object.values(reasons)) {
        const failure = Failure.amend(unreachable(), { reason })
        const record = yield* surfaced(failure)
        assert.strictEqual(record?.reason, FallbackDecision.wordOf[reason._tag])
        assert.strictEqual(record?.reasonTag, reason._tag)
        assert.include(record?.errorPreview, reason.message)
        known(record === undefined ? [] : [record])
      }
    })
  )
})
