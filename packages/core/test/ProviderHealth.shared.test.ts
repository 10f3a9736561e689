/** Several processes over one store, and a store that fails. */
import { assert, describe, it } from "@effect/vitest"
import { ProviderHealth } from "@holdfast/core/ProviderHealth"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import { TestClock } from "effect/testing"
import { gpt, opus, opusAtHome } from "./fixtures.ts"
import {
  failed,
  fails,
  limited,
  patient,
  minutes,
  permitted,
  refusalOf,
  seconds,
  start,
  succeeds,
  waitMs
} from "./healthWorld.ts"
import { reasons } from "./reasons.ts"

type Store = CircuitBreaker.CircuitBreakerStore["Service"]

/** A process of a fleet: a health of its own over the store of all. */
const joined = Effect.gen(function* () {
  const context = yield* Layer.build(ProviderHealth.layerShared())
  const health = Context.get(context, ProviderHealth)
  return <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.provideService(body, ProviderHealth, health)
})

const withStore =
  (store: Layer.Layer<CircuitBreaker.CircuitBreakerStore> = CircuitBreaker.layerStoreMemory()) =>
  <A, E, R>(body: Effect.Effect<A, E, R>) =>
    TestClock.setTime(start).pipe(
      Effect.andThen(Effect.scoped(body)),
      Effect.provide(Layer.merge(store, Telemetry.layer))
    )

const snapshot = Effect.flatMap(ProviderHealth, (health) => health.snapshot)

describe("a fleet", () => {
  it.effect("is never quiet, for others may have opened a circuit", () =>
    Effect.gen(function* () {
      const here = yield* joined
      assert.isFalse((yield* here(ProviderHealth)).isQuiet())
    }).pipe(withStore())
  )

  it.effect("shares windows, and names the commonest reason where it knows none", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      yield* here(fails(reasons.Overloaded))
      assert.deepStrictEqual(yield* there(refusalOf(opusAtHome)), {
        _tag: "CoolingDown",
        untilMs: start + 30 * seconds,
        scope: "model",
        key: "anthropic/claude-opus-4-7",
        reason: "Overloaded"
      })
      assert.deepInclude((yield* there(snapshot))[0], { state: "open", untilMs: start + 30 * seconds })
      assert.isUndefined(yield* there(refusalOf(gpt)))
    }).pipe(withStore())
  )

  it.effect("shares a limit on a model with whoever uses the credential, and with nobody else", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      yield* here(fails(limited(), opusAtHome))
      assert.deepStrictEqual(yield* there(refusalOf(opusAtHome)), {
        _tag: "CoolingDown",
        untilMs: start + 30 * seconds,
        scope: "model",
        key: "anthropic/claude-opus-4-7@home",
        reason: "RateLimited"
      })
      assert.isUndefined(yield* there(refusalOf(opus)))
    }).pipe(withStore())
  )

  it.effect("counts failures in one row, which anybody's success ends", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      for (let n = 0; n < 2; n++) {
        yield* here(fails(reasons.ServerError))
        yield* there(fails(reasons.ServerError))
      }
      yield* there(succeeds())
      for (let n = 0; n < 4; n++) yield* here(fails(reasons.ServerError))
      assert.isUndefined(yield* there(waitMs()))
      yield* there(fails(reasons.ServerError))
      assert.strictEqual(yield* here(waitMs()), 30 * seconds)
    }).pipe(withStore())
  )

  it.effect("probes one at a time, opens for longer together, and is closed by whoever succeeds", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      yield* here(fails(reasons.Overloaded))
      assert.isDefined(yield* there(refusalOf()))
      yield* TestClock.adjust("30 seconds")
      const probe = yield* here(permitted())
      assert.isTrue(probe.probe)
      assert.deepInclude(yield* there(refusalOf()), { untilMs: start + 31 * seconds })
      yield* probe.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      assert.strictEqual(yield* there(waitMs()), minutes)
      yield* TestClock.adjust("1 minute")
      assert.isTrue(yield* there(fails(reasons.Overloaded)))
      assert.strictEqual(yield* here(waitMs()), 5 * minutes)
      yield* TestClock.adjust("5 minutes")
      assert.isTrue(yield* there(succeeds()))
      assert.isFalse(yield* here(succeeds()))
      assert.deepStrictEqual(yield* here(snapshot), [])
      assert.deepStrictEqual(yield* there(snapshot), [])
    }).pipe(withStore())
  )

  it.effect("a process that comes late goes on where the others are", () =>
    Effect.gen(function* () {
      const here = yield* joined
      for (const ms of [30 * seconds, minutes]) {
        yield* here(fails(reasons.Overloaded))
        assert.strictEqual(yield* here(waitMs()), ms)
        yield* TestClock.adjust(ms)
      }
      const late = yield* joined
      assert.isTrue(yield* late(fails(reasons.Overloaded)))
      assert.strictEqual(yield* late(waitMs()), 5 * minutes)
      const later = yield* joined
      assert.isDefined(yield* later(refusalOf()))
      assert.strictEqual((yield* later(snapshot))[0]?.openings, 3)
    }).pipe(withStore())
  )

  it.effect("a failure of an attempt from before a reset counts like any other", () =>
    Effect.gen(function* () {
      const here = yield* joined
      const permit = yield* here(permitted())
      yield* here(Effect.flatMap(ProviderHealth, (health) => health.reset()))
      yield* permit.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      assert.strictEqual(yield* here(waitMs()), 30 * seconds)
    }).pipe(withStore())
  )

  it.effect("a window that begins after another process has closed the last one is held", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      yield* here(fails(reasons.Overloaded))
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(yield* there(succeeds()))
      assert.isFalse(yield* here(fails(reasons.Overloaded)))
      assert.strictEqual(yield* here(waitMs()), 30 * seconds)
      assert.strictEqual(yield* there(waitMs()), 30 * seconds)
    }).pipe(withStore())
  )

  it.effect("a snapshot leaves out what another process has closed", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      yield* here(fails(reasons.Overloaded))
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude((yield* here(snapshot))[0], { state: "half-open" })
      yield* there(succeeds())
      assert.deepStrictEqual(yield* here(snapshot), [])
    }).pipe(withStore())
  )

  it.effect("a probe that is let go is free for the others", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      yield* here(fails(reasons.Overloaded))
      yield* TestClock.adjust("30 seconds")
      const probe = yield* here(permitted())
      yield* probe.settle({ _tag: "Ignored" })
      assert.isTrue(yield* there(succeeds()))
    }).pipe(withStore())
  )

  it.effect("a later Retry-After and a reset hold for the process that has them", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* joined, yield* joined]
      const early = yield* here(permitted())
      yield* here(fails(reasons.Overloaded))
      yield* early.settle({ _tag: "Failed", failure: failed(patient(2 * minutes)) })
      assert.strictEqual(yield* here(waitMs()), 2 * minutes)
      assert.strictEqual(yield* there(waitMs()), 30 * seconds)
      yield* here(Effect.flatMap(ProviderHealth, (health) => health.reset("anthropic/claude-opus-4-7")))
      assert.isUndefined(yield* here(waitMs()))
      assert.strictEqual(yield* there(waitMs()), 30 * seconds)
    }).pipe(withStore())
  )

  it.effect("everything that an attempt holds in the store is given back when it is settled or refused", () =>
    Effect.gen(function* () {
      let open = 0
      const memory = yield* CircuitBreaker.CircuitBreakerStore
      const counting: Store = {
        ...memory,
        admit: (key) =>
          Effect.andThen(
            Effect.acquireRelease(
              Effect.sync(() => open++),
              () => Effect.sync(() => open--)
            ),
            memory.admit(key)
          )
      }
      const here = yield* Effect.provideService(joined, CircuitBreaker.CircuitBreakerStore, counting)
      const there = yield* joined
      const permit = yield* here(permitted())
      assert.isAbove(open, 0)
      yield* permit.settle({ _tag: "Ignored" })
      assert.strictEqual(open, 0)
      yield* there(fails(reasons.BillingExhausted))
      yield* there(fails(reasons.Overloaded, opusAtHome))
      yield* TestClock.adjust("30 seconds")
      const health = yield* here(ProviderHealth)
      assert.deepInclude(yield* health.admit(opus), { _tag: "CoolingDown", reason: "BillingExhausted" })
      assert.strictEqual(open, 0)
      assert.isTrue(yield* there(succeeds(opusAtHome)), "the model's probe was not kept by the one refused")
    }).pipe(withStore())
  )
})

const always = (
  answer: Effect.Effect<never, CircuitBreaker.CircuitBreakerError>
): Layer.Layer<CircuitBreaker.CircuitBreakerStore> =>
  Layer.succeed(
    CircuitBreaker.CircuitBreakerStore,
    CircuitBreaker.CircuitBreakerStore.of({ admit: () => answer, record: () => answer, state: () => answer })
  )

const logged = (logs: Array<string>) => Logger.layer([Logger.make(({ message }) => logs.push(String(message)))])

describe("a store that fails", () => {
  const lost = new CircuitBreaker.CircuitBreakerError({
    reason: new CircuitBreaker.CircuitBreakerStoreError({ message: "connection to redis lost (key sk-abcdefghijkl)" })
  })
  const stores: { readonly [name: string]: Effect.Effect<never, CircuitBreaker.CircuitBreakerError> } = {
    fails: Effect.fail(lost),
    dies: Effect.die(new Error("a defect of the store")),
    "interrupts itself": Effect.interrupt
  }
  for (const [name, answer] of Object.entries(stores)) {
    it.effect(`lets attempts through when it ${name}, and is logged once a minute`, () => {
      const logs: Array<string> = []
      return Effect.gen(function* () {
        const here = yield* joined
        for (let n = 0; n < 10; n++) yield* here(fails(reasons.Overloaded))
        assert.isUndefined(yield* here(waitMs()))
        yield* here(succeeds())
        yield* here(snapshot)
        assert.lengthOf(logs, 1)
        assert.include(logs[0], "the store of circuits failed, attempts are let through")
        assert.notInclude(logs[0], "sk-abcdefghijkl")
        yield* TestClock.adjust("1 minute")
        yield* here(succeeds())
        assert.lengthOf(logs, 2)
      }).pipe(withStore(always(answer)), Effect.provide(logged(logs)))
    })
  }

  it.effect("does not keep attempts waiting when it hangs, in settling neither", () => {
    const logs: Array<string> = []
    return Effect.gen(function* () {
      const here = yield* joined
      const attempt = yield* Effect.forkChild(here(fails(reasons.Overloaded)), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* Effect.timeout(Fiber.join(attempt), "1 milli"))
      assert.lengthOf(logs, 1)
      assert.include(logs[0], "no answer within 1000 ms")
    }).pipe(withStore(always(Effect.never)), Effect.provide(logged(logs)))
  })

  it.effect("holds what it held again when it answers again", () => {
    let down = false
    return Effect.gen(function* () {
      const memory = yield* CircuitBreaker.CircuitBreakerStore
      const gate = <A>(answer: Effect.Effect<A, CircuitBreaker.CircuitBreakerError>) =>
        Effect.suspend(() => (down ? Effect.fail(lost) : answer))
      const flaky: Store = {
        admit: (key) => Effect.suspend(() => (down ? Effect.fail(lost) : memory.admit(key))),
        record: (outcome) => gate(memory.record(outcome)),
        state: (key) => gate(memory.state(key))
      }
      const here = yield* Effect.provideService(joined, CircuitBreaker.CircuitBreakerStore, flaky)
      const stranger = yield* Effect.provideService(joined, CircuitBreaker.CircuitBreakerStore, flaky)
      const there = yield* joined
      yield* there(fails(reasons.Overloaded))
      down = true
      assert.isUndefined(yield* here(waitMs()))
      down = false
      assert.strictEqual(yield* here(waitMs()), 30 * seconds)
      yield* TestClock.adjust("30 seconds")
      down = true
      const unasked = [yield* here(permitted()), yield* stranger(permitted())]
      down = false
      for (const permit of unasked) {
        assert.isFalse(permit.probe)
        yield* permit.settle({ _tag: "Failed", failure: failed(reasons.Overloaded) })
      }
      assert.isUndefined(yield* here(waitMs()), "nobody gave it the probe")
      assert.isTrue(yield* here(succeeds()))
    }).pipe(withStore(), Effect.provide(Logger.layer([])))
  })
})
