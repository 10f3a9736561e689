import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Reason from "@holdfast/core/Reason"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { gpt, opus, opusAtHome, opusOlder } from "./fixtures.ts"
import {
  failed,
  fails,
  hours,
  limited,
  minutes,
  now,
  patient,
  permitted,
  refusalOf,
  seconds,
  start,
  succeeds,
  waitMs,
  withHealth
} from "./healthWorld.ts"
import { reasons } from "./reasons.ts"

/** What each reason is held against, after how many failures in a row, and for how long at first. */
const table: { readonly [name: string]: readonly [scope: string, key: string, after: number, ms: number] } = {
  DnsFailure: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  ConnectFailure: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  TlsFailure: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  ProxyFailure: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  ConnectionLost: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  StreamTruncated: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  MalformedResponse: ["endpoint", "api.anthropic.com:443", 5, 30 * seconds],
  ServerError: ["model", "anthropic/claude-opus-4-7", 5, 30 * seconds],
  "RateLimited of the model": ["model", "anthropic/claude-opus-4-7", 1, 30 * seconds],
  "RateLimited of the credential": ["credential", "anthropic@", 1, 30 * seconds],
  Overloaded: ["model", "anthropic/claude-opus-4-7", 1, 30 * seconds],
  AuthenticationFailed: ["credential", "anthropic@", 1, 30 * seconds],
  ModelNotFound: ["model", "anthropic/claude-opus-4-7", 1, 30 * seconds],
  BillingExhausted: ["credential", "anthropic@", 1, 5 * hours],
  CredentialRevoked: ["credential", "anthropic@", 1, hours],
  PermissionDenied: ["credential", "anthropic@", 1, hours],
  RegionBlocked: ["provider", "anthropic", 1, hours]
}

describe("what a reason does", () => {
  for (const [name, reason] of Object.entries(reasons)) {
    const row = table[name]
    if (row === undefined) {
      it.effect(`${name} is never held against anybody`, () =>
        Effect.gen(function* () {
          const health = yield* ProviderHealth
          for (let n = 0; n < 20; n++) yield* fails(reason)
          assert.isTrue(health.isQuiet())
          assert.isUndefined(yield* waitMs())
        }).pipe(withHealth())
      )
      continue
    }
    const [scope, key, after, ms] = row
    it.effect(`${name} cools the ${scope} down after ${after} in a row`, () =>
      Effect.gen(function* () {
        const health = yield* ProviderHealth
        for (let n = 1; n < after; n++) yield* fails(reason)
        assert.isUndefined(yield* waitMs())
        yield* fails(reason)
        const refusal = yield* refusalOf()
        assert.deepStrictEqual(refusal, {
          _tag: "CoolingDown",
          untilMs: start + ms,
          scope: reason.scope,
          key,
          reason: reason._tag
        })
        assert.strictEqual(refusal?.scope, scope)
        const [entry, ...others] = yield* health.snapshot
        assert.deepInclude(entry, { key, state: "open", untilMs: start + ms, failures: after, openings: 1 })
        assert.deepStrictEqual(others, [])
      }).pipe(withHealth())
    )
  }

  it("holds no limit of ours, no request and no stale connection against anybody", () => {
    const held = Object.entries(reasons).filter(([name]) => name in table)
    assert.strictEqual(held.length, Object.keys(table).length)
    for (const [name, reason] of held) {
      assert.isFalse(TimeLimits.isLimit(reason), name)
      assert.notStrictEqual(reason.scope, "request", name)
      assert.notStrictEqual(reason._tag, "StaleConnection", name)
    }
  })

  it.effect("a connection that we have closed ourselves counts against nobody, one that the peer closed does", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const lost = new Reason.ConnectionLost({ how: "unknown", during: "head" })
      const attempt = { _tag: "Observed", phase: "waiting", bytesWritten: 800, bytesRead: 0 } as const
      for (const closed of ["local-abort", "local-limit"] as const) {
        const permit = yield* permitted()
        yield* permit.settle({ _tag: "Failed", failure: failed(lost, opus, { ...attempt, closed }) })
      }
      const unsent = yield* permitted()
      const poolClosed = new Reason.ConnectionLost({ how: "unknown", during: "request" })
      yield* unsent.settle({ _tag: "Failed", failure: failed(poolClosed, opus, { ...attempt, phase: "queued" }) })
      const size = new Reason.MalformedResponse({ what: "size", detail: "more than we read" })
      yield* fails(size)
      assert.deepStrictEqual(yield* health.snapshot, [])
      const permit = yield* permitted()
      yield* permit.settle({ _tag: "Failed", failure: failed(lost, opus, { ...attempt, closed: "peer-reset" }) })
      assert.strictEqual((yield* health.snapshot)[0]?.failures, 1)
    }).pipe(withHealth())
  )
})

describe("scopes", () => {
  const elsewhere: Candidate = { ...opus, endpoint: "eu.api.anthropic.com:443" }
  const other: Candidate = { ...opusOlder, credential: "home", endpoint: "eu.api.anthropic.com:443" }

  const refused = Effect.fnUntraced(function* (candidates: { readonly [name: string]: Candidate }) {
    const names: Array<string> = []
    for (const [name, candidate] of Object.entries(candidates)) {
      if ((yield* refusalOf(candidate)) !== undefined) names.push(name)
    }
    return names
  })
  const all = { opus, opusAtHome, opusOlder, elsewhere, other, gpt }

  it.effect("an overloaded model does not take its provider along", () =>
    Effect.gen(function* () {
      yield* fails(reasons.Overloaded)
      assert.deepStrictEqual(yield* refused(all), ["opus", "opusAtHome", "elsewhere"])
    }).pipe(withHealth())
  )

  it.effect("a limit on a model takes along its use with the same credential alone", () =>
    Effect.gen(function* () {
      yield* fails(limited())
      assert.deepStrictEqual(yield* refused(all), ["opus", "elsewhere"])
      assert.deepInclude(yield* refusalOf(), { scope: "model", key: "anthropic/claude-opus-4-7" })
    }).pipe(withHealth())
  )

  it.effect("a limit on a model is held against a credential that has a name, and by that name", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(limited(2 * minutes), opusAtHome)
      assert.deepStrictEqual(yield* refused(all), ["opusAtHome"])
      const key = "anthropic/claude-opus-4-7@home"
      const until = { untilMs: start + 2 * minutes, scope: "model", reason: "RateLimited" } as const
      assert.deepStrictEqual(yield* refusalOf(opusAtHome), { _tag: "CoolingDown", key, ...until })
      assert.deepStrictEqual(yield* health.snapshot, [
        { key, ...until, kind: "limit", state: "open", failures: 1, openings: 1 }
      ])
      yield* health.reset(key)
      assert.deepStrictEqual(yield* refused(all), [])
    }).pipe(withHealth())
  )

  it.effect("a credential takes along what uses it, wherever that is", () =>
    Effect.gen(function* () {
      yield* fails(reasons.BillingExhausted)
      assert.deepStrictEqual(yield* refused(all), ["opus", "opusOlder", "elsewhere"])
      yield* fails(reasons.AuthenticationFailed, other)
      assert.deepStrictEqual(yield* refused(all), ["opus", "opusAtHome", "opusOlder", "elsewhere", "other"])
    }).pipe(withHealth())
  )

  it.effect("an endpoint takes along what is asked there", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 5; n++) yield* fails(reasons.ConnectFailure)
      assert.deepStrictEqual(yield* refused(all), ["opus", "opusAtHome", "opusOlder"])
    }).pipe(withHealth())
  )

  it.effect("an endpoint that is not known is the provider's own", () =>
    Effect.gen(function* () {
      const { endpoint: _, ...unknown } = opus
      const { endpoint: __, ...older } = opusOlder
      for (let n = 0; n < 5; n++) yield* fails(reasons.ConnectFailure, unknown)
      assert.deepInclude(yield* refusalOf(unknown), { scope: "endpoint", key: "anthropic" })
      assert.deepStrictEqual(yield* refused({ ...all, older }), ["older"])
    }).pipe(withHealth())
  )

  it.effect("a provider takes along everything of its own", () =>
    Effect.gen(function* () {
      yield* fails(limited(undefined, "provider"))
      assert.deepStrictEqual(yield* refused(all), ["opus", "opusAtHome", "opusOlder", "elsewhere", "other"])
    }).pipe(withHealth())
  )

  it.effect("of several things that cool down, the one that does so longest is named", () =>
    Effect.gen(function* () {
      const first = yield* permitted()
      const second = yield* permitted()
      yield* first.settle({ _tag: "Failed", failure: failed(reasons.BillingExhausted) })
      yield* second.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      assert.deepInclude(yield* refusalOf(), { reason: "BillingExhausted", untilMs: start + 5 * hours })
    }).pipe(withHealth())
  )
})

describe("windows", () => {
  const rows = [
    ["a rate limit", reasons["RateLimited of the model"], [30 * seconds, minutes, 5 * minutes, 5 * minutes]],
    ["overload", reasons.Overloaded, [30 * seconds, minutes, 5 * minutes, 5 * minutes]],
    ["a refused credential", reasons.AuthenticationFailed, [30 * seconds, minutes, 5 * minutes, 5 * minutes]],
    ["billing", reasons.BillingExhausted, [5 * hours, 10 * hours, 20 * hours, 24 * hours, 24 * hours]],
    ["a revoked credential", reasons.CredentialRevoked, [hours, 5 * hours, 24 * hours, 24 * hours]],
    [
      "server errors",
      reasons.ServerError,
      [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300].map((each) => each * seconds)
    ]
  ] as const

  for (const [name, reason, windows] of rows) {
    it.effect(`${name}: each probe that fails opens for longer, up to a most`, () =>
      Effect.gen(function* () {
        const health = yield* ProviderHealth
        const after = reason._tag === "ServerError" ? 5 : 1
        for (let n = 1; n < after; n++) yield* fails(reason)
        for (const [n, ms] of windows.entries()) {
          assert.strictEqual(yield* fails(reason), n > 0, "every attempt after the first window is a probe")
          assert.strictEqual(yield* waitMs(), ms)
          assert.strictEqual((yield* health.snapshot)[0]?.openings, n + 1)
          yield* TestClock.adjust(ms - 1)
          assert.strictEqual(yield* waitMs(), 1)
          yield* TestClock.adjust(1)
          assert.isUndefined(yield* waitMs())
        }
      }).pipe(withHealth())
    )
  }

  it.effect("a primary that is down is probed every 30 s at most", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      for (let n = 0; n < 3600; n++) {
        yield* TestClock.adjust("1 second")
        const answer = yield* health.admit(opus)
        if (answer._tag === "CoolingDown") continue
        at.push(yield* now)
        yield* answer.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      }
      assert.isAbove(at.length, 5)
      assert.isTrue(at.every((ms, n) => ms - (at[n - 1] ?? start) >= 30 * seconds))
    }).pipe(withHealth())
  )

  it.effect("failures in a row are counted in the order in which they end, and a success ends the row", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const early = yield* permitted()
      for (let n = 0; n < 4; n++) yield* fails(reasons.ServerError)
      assert.deepInclude((yield* health.snapshot)[0], { state: "closed", failures: 4, openings: 0, untilMs: 0 })
      yield* early.settle({ _tag: "Succeeded" })
      assert.isTrue(health.isQuiet())
      for (let n = 0; n < 4; n++) yield* fails(reasons.ServerError)
      assert.isUndefined(yield* waitMs())
      yield* fails(reasons.ServerError)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("a success elsewhere does not end the row", () =>
    Effect.gen(function* () {
      for (let n = 0; n < 4; n++) yield* fails(reasons.ServerError)
      yield* succeeds(gpt)
      yield* succeeds(opusOlder)
      yield* fails(reasons.ServerError)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("different failures on the way to one endpoint count in one row", () =>
    Effect.gen(function* () {
      for (const name of ["DnsFailure", "ConnectFailure", "ConnectionLost", "StreamTruncated"] as const) {
        yield* fails(reasons[name])
      }
      assert.isUndefined(yield* waitMs())
      yield* fails(reasons.ProxyFailure, opusOlder)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("a window in force is not extended by failures of attempts that began before it", () =>
    Effect.gen(function* () {
      const early = [yield* permitted(), yield* permitted(), yield* permitted()]
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("20 seconds")
      for (const permit of early) yield* permit.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      assert.strictEqual(yield* waitMs(), 10 * seconds)
    }).pipe(withHealth())
  )
})

describe("Retry-After", () => {
  it.effect("opens for as long as the provider asks, where that is longer than the window", () =>
    Effect.gen(function* () {
      yield* fails(limited(2 * minutes))
      assert.strictEqual(yield* waitMs(), 2 * minutes)
      yield* fails(limited(5 * seconds), gpt)
      assert.strictEqual(yield* waitMs(gpt), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("a later one extends a window in force, an earlier one does not shorten it", () =>
    Effect.gen(function* () {
      const early = [yield* permitted(), yield* permitted()]
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("10 seconds")
      yield* early[0]?.settle({ _tag: "Failed", failure: failed(patient(90 * seconds)) }) ?? Effect.void
      assert.strictEqual(yield* waitMs(), 90 * seconds)
      yield* early[1]?.settle({ _tag: "Failed", failure: failed(patient(seconds)) }) ?? Effect.void
      assert.strictEqual(yield* waitMs(), 90 * seconds)
      yield* TestClock.adjust("90 seconds")
      assert.isTrue((yield* permitted()).probe)
    }).pipe(withHealth())
  )

  it.effect("is heeded within reason", () =>
    Effect.gen(function* () {
      yield* fails(limited(1e300))
      assert.strictEqual(yield* waitMs(), 24 * hours)
      yield* fails(limited(0), gpt)
      assert.strictEqual(yield* waitMs(gpt), 30 * seconds)
      yield* fails(limited(-1), opusOlder)
      assert.strictEqual(yield* waitMs(opusOlder), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("of days is remembered past the idle time, and ends in one probe", () =>
    Effect.gen(function* () {
      const early = yield* permitted()
      yield* fails(reasons.Overloaded)
      yield* early.settle({ _tag: "Failed", failure: failed(patient(20 * hours)) })
      yield* TestClock.adjust(20 * hours - 1)
      assert.strictEqual(yield* waitMs(), 1)
      yield* TestClock.adjust(1)
      assert.isTrue((yield* permitted()).probe)
      assert.strictEqual(yield* waitMs(), seconds, "nobody else meanwhile")
    }).pipe(withHealth())
  )
})
