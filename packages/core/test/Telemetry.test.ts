import { assert, describe, it } from "@effect/vitest"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TelemetryEvent from "@holdfast/core/TelemetryEvent"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { gpt, opus } from "./fixtures.ts"

const swapped = (call: string): TelemetryEvent.Draft => ({
  _tag: "Swapped",
  call,
  requested: opus,
  answered: gpt,
  why: "Overloaded"
})

const callOf = (event: TelemetryEvent.TelemetryEvent): string | undefined => ("call" in event ? event.call : undefined)

describe("publishUnsafe", () => {
  it.effect("stamps an event with version and time and hands it to every listener before it returns", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const a: Array<TelemetryEvent.TelemetryEvent> = []
      const b: Array<TelemetryEvent.TelemetryEvent> = []
      yield* telemetry.listen((event) => a.push(event))
      yield* telemetry.listen((event) => b.push(event))
      yield* TestClock.adjust("3 seconds")
      telemetry.publishUnsafe(swapped("call-1"))
      assert.deepStrictEqual(a, [{ ...swapped("call-1"), version: 1, at: 3000 }])
      assert.deepStrictEqual(b, a)
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("keeps the order of events", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const calls: Array<string | undefined> = []
      yield* telemetry.listen((event) => calls.push(callOf(event)))
      for (const call of ["1", "2", "3"]) telemetry.publishUnsafe(swapped(call))
      assert.deepStrictEqual(calls, ["1", "2", "3"])
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("does nothing when nobody listens", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      telemetry.publishUnsafe(swapped("unheard"))
      const calls: Array<string | undefined> = []
      yield* telemetry.listen((event) => calls.push(callOf(event)))
      assert.deepStrictEqual(calls, [], "what was published before is gone")
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("is not hurt by a listener that throws, nor are the others", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const calls: Array<string | undefined> = []
      yield* telemetry.listen(() => assert.fail("a listener's own defect"))
      yield* telemetry.listen((event) => calls.push(callOf(event)))
      yield* telemetry.listen(() => assert.fail("another's"))
      telemetry.publishUnsafe(swapped("1"))
      telemetry.publishUnsafe(swapped("2"))
      assert.deepStrictEqual(calls, ["1", "2"])
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("is not hurt by a listener that fails later", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const unhandled: Array<unknown> = []
      const note = (reason: unknown) => unhandled.push(reason)
      process.on("unhandledRejection", note)
      yield* telemetry.listen(async () => Promise.reject(new Error("later")))
      telemetry.publishUnsafe(swapped("call-1"))
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      process.off("unhandledRejection", note)
      assert.deepStrictEqual(unhandled, [])
    }).pipe(Effect.scoped, Effect.provide(Telemetry.layer))
  )

  it.effect("publishes what its schema reads back", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const events: Array<TelemetryEvent.TelemetryEvent> = []
      yield* telemetry.listen((event) => events.push(event))
      telemetry.publishUnsafe(swapped("1"))
      const decoded = Schema.decodeUnknownSync(TelemetryEvent.TelemetryEvent)(JSON.parse(JSON.stringify(events[0])))
      assert.deepStrictEqual(decoded, events[0])
    }).pipe(Effect.provide(Telemetry.layer))
  )
})

describe("listen", () => {
  it.effect("ends with its scope, and isActive tells", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const calls: Array<string | undefined> = []
      assert.isFalse(telemetry.isActive())
      const scope = yield* Scope.make()
      yield* telemetry.listen((event) => calls.push(callOf(event))).pipe(Scope.provide(scope))
      assert.isTrue(telemetry.isActive())
      telemetry.publishUnsafe(swapped("1"))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(telemetry.isActive())
      telemetry.publishUnsafe(swapped("2"))
      assert.deepStrictEqual(calls, ["1"])
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("may be given one function twice, and stops one of the two at a time", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      let heard = 0
      const listener = () => void heard++
      yield* telemetry.listen(listener)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* telemetry.listen(listener)
          telemetry.publishUnsafe(swapped("1"))
        })
      )
      assert.strictEqual(heard, 2)
      telemetry.publishUnsafe(swapped("2"))
      assert.strictEqual(heard, 3)
    }).pipe(Effect.provide(Telemetry.layer))
  )
})

describe("events", () => {
  it.effect("gives the events from the moment the stream runs, and stops listening when it ends", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const stream = telemetry.events().pipe(Stream.map(callOf), Stream.take(2))
      telemetry.publishUnsafe(swapped("too early"))
      assert.isFalse(telemetry.isActive(), "a stream that does not run does not listen")
      const fiber = yield* Effect.forkChild(Stream.runCollect(stream), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isTrue(telemetry.isActive())
      for (const call of ["1", "2", "3"]) telemetry.publishUnsafe(swapped(call))
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["1", "2"])
      assert.isFalse(telemetry.isActive())
    }).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("loses the oldest events for a consumer that falls behind its buffer, and never waits", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const telemetry = yield* Telemetry.Telemetry
        const pull = yield* Stream.toPull(telemetry.events({ bufferSize: 2 }).pipe(Stream.map(callOf), Stream.take(3)))
        const first = yield* Effect.forkChild(pull, { startImmediately: true })
        yield* Effect.yieldNow
        telemetry.publishUnsafe(swapped("0"))
        assert.deepStrictEqual([...(yield* Fiber.join(first))], ["0"])
        for (const call of ["1", "2", "3", "4"]) telemetry.publishUnsafe(swapped(call))
        const got: Array<string | undefined> = []
        while (got.length < 2) got.push(...(yield* pull))
        assert.deepStrictEqual(got, ["3", "4"])
      })
    ).pipe(Effect.provide(Telemetry.layer))
  )

  it.effect("gives two consumers all events each", () =>
    Effect.gen(function* () {
      const telemetry = yield* Telemetry.Telemetry
      const two = telemetry.events().pipe(Stream.map(callOf), Stream.take(2), Stream.runCollect)
      const fibers = [
        yield* Effect.forkChild(two, { startImmediately: true }),
        yield* Effect.forkChild(two, { startImmediately: true })
      ]
      yield* Effect.yieldNow
      for (const call of ["1", "2"]) telemetry.publishUnsafe(swapped(call))
      for (const fiber of fibers) assert.deepStrictEqual(yield* Fiber.join(fiber), ["1", "2"])
    }).pipe(Effect.provide(Telemetry.layer))
  )
})
