import { assert, describe, it } from "@effect/vitest"
import * as FallbackDecision from "@holdfast/core/FallbackDecision"
import type { Draft, TelemetryEvent } from "@holdfast/core/TelemetryEvent"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Duplicates } from "../src/internal/fallbackDecision/duplicates.ts"
import type { Told } from "./fallbackWorld.ts"
import { eventsOf, goOn, recordsOf, surface } from "./fallbackWorld.ts"
import { gpt, opus, overloaded, unauthorized, unreachable } from "./fixtures.ts"

/** What is logged of events that are published while the layer is there. */
const loggedOf = (events: ReadonlyArray<TelemetryEvent>, options?: FallbackDecision.LogOptions) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const keep = Logger.make<unknown, void>((line) => void lines.push(Logger.formatJson.log(line)))
    const publish = Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      for (const event of events) telemetry.publishUnsafe(event as Draft)
    })
    yield* publish.pipe(
      Effect.provide(FallbackDecision.layerLog(options).pipe(Layer.provideMerge(Telemetry.layer))),
      Effect.provide(Logger.layer([keep]))
    )
    return lines.map((line): Line => decodeLine(JSON.parse(line)))
  })

const Line = Schema.Struct({
  level: Schema.String,
  message: Schema.String,
  annotations: Schema.Record(Schema.String, Schema.Unknown)
})
type Line = typeof Line.Type
const decodeLine = Schema.decodeUnknownSync(Line)

const swap: Told = {
  chain: [opus, gpt],
  steps: [{ at: opus, failure: unreachable(), decision: goOn(gpt, 1) }, { at: gpt }]
}

/** Calls of one session, one a second, whose credential is refused. */
const refusals = (calls: number, everyMs: number): ReadonlyArray<TelemetryEvent> =>
  Array.from({ length: calls }, (_, i) =>
    eventsOf({
      call: `call-${i}`,
      turn: { id: "turn-1", parent: undefined },
      from: i * everyMs,
      chain: [opus],
      steps: [{ at: opus, failure: unauthorized(), decision: surface("chain-exhausted") }]
    })
  ).flat()

describe("layerLog", () => {
  it.effect("logs each record as the annotations of a warning, before it closes", () =>
    Effect.gen(function* () {
      const events = eventsOf(swap)
      const lines = yield* loggedOf(events)
      assert.deepStrictEqual(
        lines.map(({ level, message }) => [level, message]),
        [
          ["WARN", "model fallback decision"],
          ["WARN", "model fallback decision"]
        ]
      )
      assert.deepStrictEqual<unknown>(
        lines.map(({ annotations }) => annotations),
        JSON.parse(JSON.stringify(yield* recordsOf(events)))
      )
    })
  )

  it.effect("writes lines in which log tooling finds the record by its event", () =>
    Effect.gen(function* () {
      const [line] = yield* loggedOf(eventsOf(swap))
      const found = Object.values(line ?? {}).find(
        (value) => typeof value === "object" && "event" in value && value["event"] === "model_fallback_decision"
      )
      const record = Schema.decodeUnknownSync(Schema.toCodecJson(FallbackDecision.FallbackDecision))(found)
      assert.strictEqual(record.decision, "candidate_failed")
      assert.strictEqual(record.fallbackStepToModel, "openai/gpt-5.5")
    })
  )

  it.effect("logs at the level that it is given", () =>
    Effect.gen(function* () {
      const lines = yield* loggedOf(eventsOf(swap), { level: "Info" })
      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["INFO", "INFO"]
      )
    })
  )

  it.effect("logs a refused credential once in 30 s, and then how often it was refused", () =>
    Effect.gen(function* () {
      const lines = yield* loggedOf(refusals(62, 1000))
      assert.deepStrictEqual(
        lines.map(({ annotations }) => [annotations["call"], annotations["suppressedDuplicateCount"]]),
        [
          ["call-0", undefined],
          ["call-30", 29],
          ["call-60", 29]
        ]
      )
      assert.match(
        String(lines[1]?.annotations["consoleMessage"]),
        /reason=auth .*\(29 duplicates suppressed in last 30s\)$/
      )
      assert.strictEqual((yield* loggedOf(refusals(5, 1000), { duplicatesMs: 0 })).length, 5)
    })
  )

  it.effect("keeps counting apart what differs in call, credential or session, up to a bound", () =>
    Effect.gen(function* () {
      const [record] = yield* recordsOf(refusals(1, 0))
      assert.isDefined(record)
      if (record === undefined) return
      const duplicates = new Duplicates(30_000)
      const next = (at: number, sessionId: string) => duplicates.next({ ...record, at, sessionId })
      assert.isDefined(next(0, "a"))
      assert.isUndefined(next(1, "a"))
      assert.isDefined(next(2, "b"))
      assert.isUndefined(next(29_999, "a"))
      assert.strictEqual(next(30_000, "a")?.suppressedDuplicateCount, 2)
      assert.isUndefined(next(29_000, "a"), "a clock that was set back a little")
      assert.isDefined(next(-60_000, "a"), "and one that was set back far")
      for (let i = 0; i < 100; i++) assert.isDefined(next(30_001, `c-${i}`))
      assert.isDefined(next(30_002, "a"), "forgotten, and so logged again")
    })
  )

  it.effect("logs every failure of another kind", () =>
    Effect.gen(function* () {
      const decision = surface("chain-exhausted")
      const events = Array.from({ length: 5 }, (_, i) =>
        eventsOf({ call: `call-${i}`, chain: [opus], steps: [{ at: opus, failure: overloaded(), decision }] })
      ).flat()
      assert.strictEqual((yield* loggedOf(events)).length, 5)
    })
  )

  it.effect("says how many events it has missed where they come too fast", () =>
    Effect.gen(function* () {
      const events = Array.from({ length: 900 }, (_, i) => eventsOf({ ...swap, call: `call-${i}` })).flat()
      const lines = yield* loggedOf(events)
      assert.strictEqual(lines.at(-1)?.message, `${events.length - 4096} events came too fast to be logged`)
      assert.isAbove(lines.length, 1000)
    })
  )

  it.effect("listens for as long as it is there", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      assert.isFalse(telemetry.isActive())
      yield* Effect.provide(
        Effect.sync(() => assert.isTrue(telemetry.isActive())),
        FallbackDecision.layerLog()
      )
      assert.isFalse(telemetry.isActive())
    }).pipe(Effect.provide(Telemetry.layer))
  )
})
