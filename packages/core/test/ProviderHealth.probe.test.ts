/** What happens when a window is over, and what forgets. */
import { assert, describe, it } from "@effect/vitest"
import type { Candidate } from "@holdfast/core/Candidate"
import type { Outcome } from "@holdfast/core/ProviderHealth"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import { Telemetry } from "@holdfast/core/Telemetry"
import type { TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { gpt, opus, opusAtHome, opusOlder } from "./fixtures.ts"
import {
  failed,
  fails,
  hours,
  limited,
  patient,
  minutes,
  permitted,
  refusalOf,
  seconds,
  start,
  succeeds,
  waitMs,
  withHealth
} from "./healthWorld.ts"
import { reasons } from "./reasons.ts"

const ignored: Outcome = { _tag: "Ignored" }
const succeeded: Outcome = { _tag: "Succeeded" }

describe("a probe", () => {
  it.effect("is one at a time, for everybody who shares what is probed", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude((yield* health.snapshot)[0], { state: "half-open", failures: 1, openings: 1 })
      const probe = yield* permitted()
      assert.isTrue(probe.probe)
      for (const other of [opus, opusAtHome]) {
        assert.deepInclude(yield* refusalOf(other), { reason: "Overloaded", untilMs: start + 31 * seconds })
      }
      assert.isUndefined(yield* refusalOf(opusOlder))
      assert.deepInclude((yield* health.snapshot)[0], { state: "half-open" })
      yield* probe.settle(succeeded)
      assert.isFalse((yield* permitted()).probe)
    }).pipe(withHealth())
  )

  it.effect("that succeeds closes and forgets: the next window is the first again", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (const ms of [30 * seconds, minutes, 5 * minutes]) {
        yield* fails(reasons.Overloaded)
        yield* TestClock.adjust(ms)
      }
      assert.isTrue(yield* succeeds())
      assert.isTrue(health.isQuiet())
      assert.deepStrictEqual(yield* health.snapshot, [])
      yield* fails(reasons.Overloaded)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth())
  )

  for (const reason of [
    reasons.HeadersTimeout,
    reasons.FirstOutputTimeout,
    reasons.StreamStalled,
    reasons.TotalTimeout
  ]) {
    it.effect(`that ends in our own ${reason._tag} leaves things as they are, for the next to probe`, () =>
      Effect.gen(function* () {
        const health = yield* ProviderHealth
        yield* fails(reasons.Overloaded)
        yield* TestClock.adjust("30 seconds")
        const before = yield* health.snapshot
        for (let n = 0; n < 3; n++) assert.isTrue(yield* fails(reason))
        assert.deepStrictEqual(yield* health.snapshot, before)
        assert.isUndefined(yield* waitMs())
      }).pipe(withHealth())
    )
  }

  it.effect("that is interrupted leaves things as they are, for the next to probe", () =>
    Effect.gen(function* () {
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      const probing = yield* Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(permitted(), (permit) => Effect.onExit(restore(Effect.never), () => permit.settle(ignored)))
      ).pipe(Effect.forkChild({ startImmediately: true }))
      assert.strictEqual(yield* waitMs(), seconds)
      yield* Fiber.interrupt(probing)
      assert.isTrue((yield* permitted()).probe)
    }).pipe(withHealth())
  )

  it.effect("that fails for something else says nothing of what it probed", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(yield* fails(reasons.AuthenticationFailed))
      assert.deepInclude(yield* refusalOf(), { scope: "credential", reason: "AuthenticationFailed" })
      assert.isTrue((yield* permitted(opusAtHome)).probe)
      assert.strictEqual((yield* health.snapshot).find(({ scope }) => scope === "model")?.openings, 1)
    }).pipe(withHealth())
  )

  it.effect("that meets a limit on its credential's use of a model says nothing of the model", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(yield* fails(limited(), opusAtHome))
      assert.deepInclude(yield* refusalOf(opusAtHome), { key: "anthropic/claude-opus-4-7@home" })
      assert.isTrue(yield* succeeds(opus), "the next probe is somebody else's")
      assert.deepStrictEqual(
        (yield* health.snapshot).map(({ kind, openings }) => [kind, openings]),
        [["limit", 1]]
      )
    }).pipe(withHealth())
  )

  it.effect("of a limit that finds the model overloaded says nothing of the limit", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (const candidate of [opus, opusAtHome]) {
        yield* fails(limited(), candidate)
        yield* TestClock.adjust("30 seconds")
        assert.isTrue(yield* fails(reasons.Overloaded, candidate))
        assert.strictEqual(yield* waitMs(candidate), 30 * seconds)
        assert.deepStrictEqual(
          (yield* health.snapshot).map(({ kind, openings, state }) => [kind, openings, state]),
          [
            ["limit", 1, "half-open"],
            ["capacity", 1, "open"]
          ]
        )
        yield* health.reset()
      }
    }).pipe(withHealth())
  )

  it.effect("that meets another kind of trouble with the same thing opens for longer", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(yield* fails(reasons.ServerError))
      assert.strictEqual(yield* waitMs(), minutes)
      const entries = yield* health.snapshot
      assert.deepStrictEqual(
        entries.map(({ kind, openings, state }) => [kind, state, openings]),
        [
          ["capacity", "open", 2],
          ["fault", "closed", 0]
        ]
      )
    }).pipe(withHealth())
  )

  it.effect("tries out everything at once whose window is over, and a success closes it all", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const early = [yield* permitted(), yield* permitted(), yield* permitted()]
      for (const [n, reason] of [reasons.Overloaded, reasons.AuthenticationFailed, limited(0, "provider")].entries()) {
        yield* early[n]?.settle({ _tag: "Failed", failure: failed(reason) }) ?? Effect.void
      }
      assert.lengthOf(yield* health.snapshot, 3)
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(yield* succeeds())
      assert.isTrue(health.isQuiet())
    }).pipe(withHealth())
  )

  it.effect("is not taken by an attempt that something else refuses", () =>
    Effect.gen(function* () {
      const early = yield* permitted()
      yield* fails(reasons.Overloaded)
      yield* early.settle({ _tag: "Failed", failure: failed(reasons.BillingExhausted) })
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(yield* refusalOf(), { reason: "BillingExhausted" })
      assert.isTrue((yield* permitted(opusAtHome)).probe, "the model's probe is free for another credential")
    }).pipe(withHealth())
  )

  it.effect("is not what an attempt is that began before the window, whatever becomes of it", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const early = [yield* permitted(), yield* permitted()]
      yield* fails(reasons.Overloaded)
      yield* early[0]?.settle(succeeded) ?? Effect.void
      assert.strictEqual(yield* waitMs(), 30 * seconds, "an older success does not undo a newer failure")
      yield* TestClock.adjust("40 seconds")
      yield* early[1]?.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) }) ?? Effect.void
      assert.deepInclude((yield* health.snapshot)[0], { state: "half-open", openings: 1, failures: 2 })
    }).pipe(withHealth())
  )

  it.effect("that is never settled gives way after ten minutes, and its outcome then counts for nothing", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      const lost = yield* permitted()
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual(yield* waitMs(), seconds)
      yield* TestClock.adjust("1 minute")
      const next = yield* permitted()
      assert.isTrue(next.probe)
      yield* lost.settle(succeeded)
      assert.strictEqual(yield* waitMs(), seconds, "the next probe is under way still")
      yield* next.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      assert.strictEqual(yield* waitMs(), minutes)
      assert.strictEqual((yield* health.snapshot)[0]?.openings, 2)
    }).pipe(withHealth())
  )
})

describe("a permit", () => {
  it.effect("takes the first outcome only", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const permit = yield* permitted()
      yield* permit.settle(succeeded)
      yield* permit.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      assert.isTrue(health.isQuiet())
      const other = yield* permitted()
      yield* other.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      yield* other.settle(succeeded)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("that was ignored counts neither for nor against", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (let n = 0; n < 3; n++) yield* fails(reasons.ServerError)
      const before = yield* health.snapshot
      const permit = yield* permitted()
      yield* permit.settle(ignored)
      assert.deepStrictEqual(yield* health.snapshot, before)
    }).pipe(withHealth())
  )
})

describe("reset", () => {
  it.effect("forgets a key in every scope, and nobody else", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const { endpoint: _, ...unknown } = opus
      for (let n = 0; n < 5; n++) yield* fails(reasons.ConnectFailure, unknown)
      const other = { ...unknown, model: "claude-haiku-4-5", endpoint: "x:443" }
      yield* fails(limited(0, "provider"), other)
      yield* fails(reasons.Overloaded, gpt)
      yield* health.reset("anthropic")
      assert.isUndefined(yield* waitMs(unknown))
      assert.isUndefined(yield* waitMs(other))
      assert.strictEqual(yield* waitMs(gpt), 30 * seconds)
      yield* health.reset("no such key")
      assert.strictEqual(yield* waitMs(gpt), 30 * seconds)
    }).pipe(withHealth())
  )

  it.effect("forgets everybody, and what comes after counts from the beginning", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      yield* fails(reasons.Overloaded)
      for (let n = 0; n < 4; n++) yield* fails(reasons.ServerError, gpt)
      yield* health.reset()
      assert.isTrue(health.isQuiet())
      assert.isFalse(yield* fails(reasons.ServerError, gpt))
      assert.isUndefined(yield* waitMs(gpt))
      assert.isFalse(yield* fails(reasons.Overloaded))
      assert.strictEqual(yield* waitMs(), 30 * seconds)
      yield* TestClock.adjust("30 seconds")
      yield* health.reset("anthropic/claude-opus-4-7")
      assert.isFalse((yield* permitted()).probe)
    }).pipe(withHealth())
  )

  it.effect("leaves a probe under way without a say", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (const outcome of ["success", "other", "same"]) {
        yield* health.reset()
        yield* fails(reasons.Overloaded)
        yield* TestClock.adjust("30 seconds")
        const probe = yield* permitted()
        yield* health.reset("anthropic/claude-opus-4-7")
        assert.isUndefined(yield* waitMs())
        if (outcome === "same") {
          yield* probe.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
          assert.strictEqual(yield* waitMs(), 30 * seconds, "it is a failure like any other now")
        } else {
          yield* probe.settle(outcome === "success" ? succeeded : ignored)
          assert.isTrue(health.isQuiet())
        }
      }
    }).pipe(withHealth())
  )
})

describe("what was reset", () => {
  it.effect("stays so, though the store remembers what was there before", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.BillingExhausted)
      yield* TestClock.adjust("4 hours")
      yield* health.reset("anthropic@")
      yield* fails(reasons.ServerError, gpt)
      yield* TestClock.adjust("40 minutes")
      yield* succeeds(gpt)
      yield* fails(reasons.BillingExhausted)
      assert.strictEqual(yield* waitMs(), 5 * hours)
    }).pipe(withHealth())
  )

  it.effect("and failed anew is not cleared by a probe from before", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("30 seconds")
      const probe = yield* permitted()
      yield* health.reset()
      yield* fails(reasons.Overloaded)
      yield* probe.settle(succeeded)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
    }).pipe(withHealth())
  )
})

describe("memory", () => {
  it.effect("what has been idle for long is forgotten, without anybody asking for it", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (let n = 0; n < 500; n++) yield* fails(reasons.Overloaded, { ...opus, model: `m${n}` })
      for (let n = 0; n < 500; n++) yield* fails(reasons.ServerError, { ...opus, model: `n${n}` })
      assert.lengthOf(yield* health.snapshot, 1000)
      yield* TestClock.adjust("61 minutes")
      yield* succeeds(gpt)
      assert.isTrue(health.isQuiet())
      assert.deepStrictEqual(yield* health.snapshot, [])
    }).pipe(withHealth())
  )

  it.effect("nothing is forgotten before its window is over and the idle time has passed", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.BillingExhausted)
      yield* TestClock.adjust(5 * hours + hours - 1)
      yield* succeeds(gpt)
      assert.deepInclude((yield* health.snapshot)[0], { state: "half-open", openings: 1 })
      yield* TestClock.adjust(1)
      assert.isFalse((yield* permitted()).probe)
      assert.isTrue(health.isQuiet())
    }).pipe(withHealth())
  )

  it.effect("what was forgotten counts from the beginning", () =>
    Effect.gen(function* () {
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("2 hours")
      yield* fails(reasons.Overloaded)
      assert.strictEqual(yield* waitMs(), 30 * seconds)
      for (let n = 0; n < 4; n++) yield* fails(reasons.ServerError, gpt)
      yield* TestClock.adjust("2 hours")
      yield* fails(reasons.ServerError, gpt)
      assert.isUndefined(yield* waitMs(gpt))
    }).pipe(withHealth())
  )
})

describe("last use", () => {
  it.effect("tells the least recently used credential, within a millisecond too", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      const keys: ReadonlyArray<Candidate> = ["a", "b", "c"].map((credential) => ({ ...opus, credential }))
      const order: Array<string | undefined> = []
      for (let n = 0; n < 7; n++) {
        const [least] = keys.toSorted((x, y) => (health.lastUsed(x) ?? 0) - (health.lastUsed(y) ?? 0))
        if (least === undefined) continue
        order.push(least.credential)
        yield* succeeds(least)
      }
      assert.deepStrictEqual(order, ["a", "b", "c", "a", "b", "c", "a"])
      yield* TestClock.adjust("1 minute")
      yield* succeeds(keys[1])
      assert.strictEqual(
        health.lastUsed({ ...opusOlder, credential: "b" }),
        start + minutes,
        "of the credential, whatever the model"
      )
      assert.isUndefined(health.lastUsed(gpt))
    }).pipe(withHealth())
  )

  it.effect("is not moved by an attempt that was refused", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      const before = health.lastUsed(opus)
      yield* TestClock.adjust("1 second")
      assert.isDefined(yield* refusalOf())
      assert.strictEqual(health.lastUsed(opus), before)
    }).pipe(withHealth())
  )

  it.effect("is remembered for a bounded number of credentials, the longest unused first forgotten", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      for (let n = 0; n < 4000; n++) yield* succeeds({ ...opus, credential: `k${n}` })
      yield* succeeds({ ...opus, credential: "k0" })
      for (let n = 4000; n < 5000; n++) yield* succeeds({ ...opus, credential: `k${n}` })
      assert.isDefined(health.lastUsed({ ...opus, credential: "k0" }))
      assert.isUndefined(health.lastUsed({ ...opus, credential: "k1" }))
      assert.isDefined(health.lastUsed({ ...opus, credential: "k4999" }))
    }).pipe(withHealth())
  )
})

describe("events", () => {
  const told = Effect.gen(function* () {
    const telemetry = yield* Telemetry
    const events: Array<TelemetryEvent> = []
    yield* telemetry.listen((event) => events.push(event))
    return events
  })

  it.effect("a cooldown is told when it starts, when it gets longer and when it ends", () =>
    Effect.gen(function* () {
      const events = yield* told
      const early = yield* permitted()
      yield* fails(reasons.Overloaded, opusAtHome)
      yield* early.settle({ _tag: "Failed", failure: failed(patient(45 * seconds)) })
      yield* TestClock.adjust("45 seconds")
      yield* fails(reasons.Overloaded)
      yield* TestClock.adjust("1 minute")
      yield* succeeds()
      const stamp = { version: 1, key: "anthropic/claude-opus-4-7", scope: "model" } as const
      const started = { ...stamp, _tag: "CooldownStarted" } as const
      assert.deepStrictEqual(events, [
        { ...started, at: start, reason: "Overloaded", untilMs: start + 30 * seconds, candidate: opusAtHome },
        { ...started, at: start, reason: "Overloaded", untilMs: start + 45 * seconds, candidate: opus },
        { ...started, at: start + 45 * seconds, reason: "Overloaded", untilMs: start + 105 * seconds, candidate: opus },
        { ...stamp, _tag: "CooldownEnded", at: start + 105 * seconds, reason: "Overloaded" }
      ])
    }).pipe(Effect.scoped, withHealth())
  )

  it.effect("a reset and what is forgotten end cooldowns, once each", () =>
    Effect.gen(function* () {
      const health = yield* ProviderHealth
      yield* fails(reasons.Overloaded)
      yield* fails(reasons.Overloaded, gpt)
      for (let n = 0; n < 4; n++) yield* fails(reasons.ServerError, opusOlder)
      const events = yield* told
      yield* health.reset("openai/gpt-5.5")
      yield* health.reset("openai/gpt-5.5")
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(yield* health.snapshot, [])
      assert.deepStrictEqual(
        events.map((event) => [event._tag, "key" in event ? event.key : ""]),
        [
          ["CooldownEnded", "openai/gpt-5.5"],
          ["CooldownEnded", "anthropic/claude-opus-4-7"]
        ]
      )
    }).pipe(Effect.scoped, withHealth())
  )
})
