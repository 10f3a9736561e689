/** A key that many calls ask for anew at one moment. */
import { assert, it } from "@effect/vitest"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import type { Configuration } from "@holdfast/providers/Configuration"
import { empty } from "@holdfast/providers/Configuration"
import { ConfigurationSource } from "@holdfast/providers/ConfigurationSource"
import * as Providers from "@holdfast/providers/Providers"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"

const configuration: Configuration = {
  ...empty,
  providers: { anthropic: { keySource: { _tag: "Command", command: "print-key", args: [] } } }
}

/** A registry whose key a command prints, in a second. */
const commanded = (state: { key: string; runs: number }) =>
  Providers.layer().pipe(
    Layer.provide(
      Layer.succeed(ConfigurationSource, {
        load: Effect.succeed({
          configuration,
          place: "holdfast.json5"
        }),
        changes: Stream.never,
        readKey: () =>
          Effect.suspend(() => {
            state.runs++
            const printed = Redacted.make(state.key)
            return Effect.delay(Effect.succeed(printed), "1 second")
          })
      })
    )
  )

const started = Effect.gen(function* () {
  const { provider, reread } = yield* ProviderRegistry
  if (reread === undefined) return assert.fail("it cannot be read again")
  const read = Effect.suspend(() => provider("anthropic"))
  const first = yield* Effect.forkChild(read, { startImmediately: true })
  yield* TestClock.adjust("1 second")
  yield* Fiber.join(first)
  const again = Effect.forkChild(reread("anthropic"), { startImmediately: true })
  return { again, read }
})

const first = "sk-ant-api03-first"
const second = "sk-ant-api03-second"

it.effect("is read once for all who asked before it was begun, and each hears that it is another", () => {
  const state = { key: first, runs: 0 }
  return Effect.gen(function* () {
    const { again } = yield* started
    state.key = second
    const asked = yield* Effect.all(Array.from({ length: 5 }, () => again))
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(yield* Fiber.joinAll(asked), [true, true, true, true, true])
    // The first of them began at once; the others had asked by the time the second was begun.
    assert.strictEqual(state.runs, 3)
  }).pipe(Effect.provide(commanded(state)))
})

it.effect("is read anew for those who ask while it is being read: it may have been replaced since", () => {
  const state = { key: first, runs: 0 }
  return Effect.gen(function* () {
    const { again, read } = yield* started
    const early = yield* again
    state.key = second
    const late = yield* again
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(yield* Fiber.joinAll([early, late]), [false, true])
    const { headers } = yield* read
    assert.strictEqual(Redacted.value(headers["x-api-key"] as Redacted.Redacted), second)
  }).pipe(Effect.provide(commanded(state)))
})

it.effect("is read by the next who asked, where the one who read it has gone", () => {
  const state = { key: first, runs: 0 }
  return Effect.gen(function* () {
    const { again } = yield* started
    state.key = second
    const gone = yield* again
    const waiting = yield* again
    yield* TestClock.adjust("500 millis")
    yield* Fiber.interrupt(gone)
    yield* TestClock.adjust("1 second")
    assert.isTrue(yield* Fiber.join(waiting))
  }).pipe(Effect.provide(commanded(state)))
})
