/** What Failover publishes of a call, in order, and that every event is what its schema says. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as TestFailover from "@holdfast/testing/TestFailover"
import * as TelemetryEvent from "@holdfast/core/TelemetryEvent"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { StreamStep } from "./failoverScript.ts"
import {
  answers,
  eventsFromHere,
  fails,
  layer,
  meta,
  patiently,
  received,
  says,
  script,
  streamScript,
  unheard
} from "./failoverScript.ts"
import { gpt, opus, opusOlder, overloaded, stale, truncated, unauthorized, unreachable, unsafe } from "./fixtures.ts"

/** An event in a line: its name and what is particular to it. */
const line = (event: TelemetryEvent.TelemetryEvent): string => {
  switch (event._tag) {
    case "AttemptStarted":
      return `${event.attempt} started ${event.candidate.model} ${event.connection}`
    case "AttemptSucceeded":
      return `${event.attempt} succeeded ${event.candidate.model} in ${event.elapsedMs}`
    case "AttemptFailed":
      return `${event.attempt} failed ${event.reason} ${event.verdict}`
    case "Decided":
      return `${event.attempt} decided ${event.decision._tag}${event.decision._tag === "Surface" ? ` ${event.decision.why}` : ""}`
    case "ReplayAssumed":
      return `assumed ${event.reason} by ${event.by}`
    case "Swapped":
      return `swapped ${event.requested.model} -> ${event.answered.model}, ${event.why}`
    case "CallSucceeded":
      return `call succeeded ${event.answered.model} after ${event.attempts} in ${event.elapsedMs}`
    case "CallFailed":
      return `call failed ${event.reason} ${event.verdict} after ${event.attempts} in ${event.elapsedMs}`
    case "AttemptAborted":
    case "ConnectionOpened":
    case "ConnectionUnverified":
    case "ConnectionClosed":
    case "IdleLimitLearnt":
    case "IdleLimitForgotten":
    case "ConfigurationTaken":
    case "ConfigurationRefused":
    case "CredentialReread":
    case "CooldownStarted":
    case "CooldownEnded":
      return event._tag
  }
}

const codec = Schema.toCodecJson(TelemetryEvent.TelemetryEvent)
const strict = { onExcessProperty: "error" } as const

/** Asserts that every event survives JSON, holding nothing that its schema does not name. */
const known = (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>): void => {
  for (const event of events) {
    const read = Schema.decodeUnknownSync(codec, strict)(JSON.parse(JSON.stringify(event)))
    assert.deepStrictEqual(read, event)
  }
}

const repaired = [
  "1 started claude-opus-4-7 any",
  "1 failed StaleConnection Ambiguous",
  "1 decided RetryHere",
  "assumed StaleConnection by declaration",
  "2 started claude-opus-4-7 fresh",
  "2 succeeded claude-opus-4-7 in 0",
  "call succeeded claude-opus-4-7 after 2 in 0"
]

const swapped = [
  "1 started claude-opus-4-7 any",
  "1 failed ConnectFailure Safe",
  "1 decided NextCandidate",
  "2 started gpt-5.5 any",
  "swapped claude-opus-4-7 -> gpt-5.5, ConnectFailure",
  "2 succeeded gpt-5.5 in 0",
  "call succeeded gpt-5.5 after 2 in 0"
]

const givenUp = [
  "1 started claude-opus-4-7 any",
  "1 failed StaleConnection Ambiguous",
  "1 decided RetryHere",
  "assumed StaleConnection by declaration",
  "2 started claude-opus-4-7 fresh",
  "2 failed StaleConnection Ambiguous",
  "2 decided NextCandidate",
  "assumed StaleConnection by declaration",
  "3 started gpt-5.5 any",
  "3 failed AuthenticationFailed Safe",
  "3 decided Surface chain-exhausted",
  "call failed AuthenticationFailed Ambiguous after 3 in 0"
]

const unsafeAtOnce = [
  "1 started claude-opus-4-7 any",
  "1 failed ConnectionLost Unsafe",
  "1 decided Surface unsafe",
  "call failed ConnectionLost Unsafe after 1 in 0"
]

const scripts = {
  repaired: { steps: [fails(stale)], answered: true, expected: repaired },
  swapped: { steps: [fails(unreachable)], answered: true, expected: swapped },
  "given up": { steps: [fails(stale), fails(stale), fails(unauthorized)], answered: false, expected: givenUp },
  "unsafe at once": { steps: [fails(unsafe)], answered: false, expected: unsafeAtOnce }
}

describe("a call publishes", () => {
  for (const [name, { steps, answered, expected }] of Object.entries(scripts)) {
    it.effect(`what happened to it, in order, where it is ${name}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const events = yield* eventsFromHere
        const { attempt } = script(...steps, ...(answered ? [answers("hello")] : []))
        yield* Effect.exit(failover.run({ chain: [opus, gpt], attempt }))
        assert.deepStrictEqual(events.map(line), expected)
        known(events)
      }).pipe(Effect.provide(layer()))
    )

    it.effect(`the same where it is streamed and ${name}, with content or without`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        for (const part of [says("Hello"), meta("finish")]) {
          yield* Effect.scoped(
            Effect.gen(function* () {
              const events = yield* eventsFromHere
              const failing = steps.map((ends) => ({ chunks: [[meta("head")]], ends }))
              const call = streamScript(...failing, ...(answered ? [{ chunks: [[meta("head")], [part]] }] : []))
              yield* received(failover.stream({ chain: [opus, gpt], ...call }))
              assert.deepStrictEqual(events.map(line), expected)
              known(events)
            })
          )
        }
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("the failure of a stream after its content as unsafe, with what was exposed", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const call = streamScript({ chunks: [[meta("head")], [says("Hel")]], ends: fails(truncated) })
      yield* received(failover.stream({ chain: [opus, gpt], ...call }))
      assert.deepStrictEqual(events.map(line), [
        "1 started claude-opus-4-7 any",
        "1 failed StreamTruncated Unsafe",
        "1 decided Surface unsafe",
        "call failed StreamTruncated Unsafe after 1 in 0"
      ])
      const failed = events.find((event) => event._tag === "AttemptFailed")
      assert.strictEqual(failed?.exposure, "output")
      assert.strictEqual(failed?.rule, "exposed")
      known(events)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a swap when the first content comes, before the app has it", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const log: Array<string> = []
      const call = streamScript(
        { chunks: [], ends: fails(unreachable) },
        { chunks: [[meta("head")], [says("Hel")], [says("lo")]] }
      )
      const onSwap = () => Effect.sync(() => log.push(...events.slice(4).map(line)))
      yield* Stream.runForEach(failover.stream({ chain: [opus, gpt], ...call, onSwap }), ({ text }) =>
        Effect.sync(() => log.push(`${text}, ${events.length} events`))
      )
      assert.deepStrictEqual(log, [
        "swapped claude-opus-4-7 -> gpt-5.5, ConnectFailure",
        "head, 5 events",
        "Hel, 5 events",
        "lo, 5 events"
      ])
      assert.strictEqual(events.length, 7)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("how long each attempt and the whole call took, by the clock, backoff included in the call's", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const { attempt } = script(
        (candidate) => Effect.delay(fails(overloaded, { retryAfterMs: 7_000 })(candidate), 250),
        () => Effect.delay(Effect.succeed("hello"), 40)
      )
      yield* patiently(failover.run({ chain: [opus], attempt }))
      assert.deepStrictEqual(
        events.map((event) => event.at),
        [0, 250, 250, 7_250, 7_290, 7_290]
      )
      assert.strictEqual(events[1]?._tag === "AttemptFailed" ? events[1].elapsedMs : undefined, 250)
      assert.deepStrictEqual(events.slice(4).map(line), [
        "2 succeeded claude-opus-4-7 in 40",
        "call succeeded claude-opus-4-7 after 2 in 7290"
      ])
      known(events)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("whom it passed over, and why", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const { attempt } = script(fails(unreachable))
      yield* Effect.flip(failover.run({ chain: [opus, opusOlder, gpt], attempt }))
      const decided = events.find((event) => event._tag === "Decided")
      assert.deepStrictEqual(decided?.decision, {
        _tag: "Surface",
        why: "swap-denied",
        skipped: [
          { candidate: opusOlder, why: "same-scope" },
          { candidate: gpt, why: "swap-denied" }
        ]
      })
      known(events)
    }).pipe(Effect.provide(layer({ swap: { start: "same-family" } })))
  )

  it.effect("its own name and its turn's on every event of its own", () =>
    Effect.gen(function* () {
      const failover = yield* Failover
      const events = yield* eventsFromHere
      const call = () => failover.run({ chain: [opus, gpt], attempt: script(fails(unreachable), answers("x")).attempt })
      yield* Turn.run(call(), { id: "monday" })
      yield* call()
      const names = events.map((event) => ("call" in event ? event.call : undefined))
      const turns = events.map((event) => ("turn" in event ? event.turn : undefined))
      assert.strictEqual(new Set(names.slice(0, 7)).size, 1)
      assert.strictEqual(new Set(names.slice(7)).size, 1)
      assert.notStrictEqual(names[0], names[7])
      assert.deepStrictEqual(
        turns.slice(0, 7),
        Array.from({ length: 7 }, () => "monday")
      )
      assert.isTrue(turns.slice(7).every((turn) => turn === undefined))
      known(events)
    }).pipe(Effect.provide(layer()))
  )
})

describe("when nobody listens", () => {
  const deaf = Layer.orDie(TestFailover.layer({ retry: { reach: Schedule.recurs(0) } })).pipe(Layer.provide(unheard))

  for (const [name, { steps, answered }] of Object.entries(scripts)) {
    it.effect(`no event is built for a call that is ${name}`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover
        const { attempt, made } = script(...steps, ...(answered ? [answers("hello")] : []))
        const exit = yield* Effect.exit(failover.run({ chain: [opus, gpt], attempt }))
        assert.strictEqual(exit._tag, answered ? "Success" : "Failure")
        const failing: ReadonlyArray<StreamStep<unknown>> = steps.map((ends) => ({ chunks: [], ends }))
        const call = streamScript(...failing, ...(answered ? [{ chunks: [[says("Hello")]] }] : []))
        const streamed = yield* received(failover.stream({ chain: [opus, gpt], ...call }))
        assert.strictEqual(streamed.exit._tag, exit._tag)
        assert.strictEqual(Failure.isFailure(streamed.failure), !answered)
        assert.strictEqual(call.made.length, made.length)
      }).pipe(Effect.provide(deaf))
    )
  }
})
