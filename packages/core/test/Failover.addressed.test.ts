/** One retry budget over all layers: what an attempt sends through an adapter of ours is no call of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Failover } from "@holdfast/core/Failover"
import type { Attempt } from "@holdfast/core/Failover"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Repair from "@holdfast/core/Repair"
import { RetryBudget } from "@holdfast/core/RetryBudget"
import * as Telemetry from "@holdfast/core/Telemetry"
import * as TestTransport from "@holdfast/testing/TestTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { patiently, says } from "./failoverScript.ts"
import { opus, overloaded } from "./fixtures.ts"

const calls = 100
const failover = Layer.orDie(
  Failover.layerMemory({ health: false, budget: { ratio: 0.2, floorPerSecond: 0 } }).pipe(
    Layer.provideMerge(Telemetry.layer)
  )
)

/** An attempt that stands on the transport as `client` and `fetch` do, and is refused. */
const refused = (attempts: Array<Attempt>, provider: string) => (attempt: Attempt) =>
  Effect.gen(function* () {
    attempts.push(attempt)
    const { send } = yield* HttpTransport
    yield* Repair.send(send, (repair) => ({
      candidate: { provider, model: opus.model },
      method: "POST",
      url: "https://a.example/v1/messages",
      headers: {},
      body: "{}",
      declaration: "repeatable",
      ...repair
    }))
    return yield* Effect.fail(overloaded())
  }).pipe(Effect.scoped)

const times = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  patiently(Effect.forEach(Array.from({ length: calls }), () => Effect.exit(effect), { concurrency: calls }))

/** How often the calls of an hour were tried, and what the budget counted of the first ten seconds. */
const tried = Effect.fnUntraced(
  function* (call: (attempts: Array<Attempt>) => Effect.Effect<unknown, unknown, Failover | HttpTransport>) {
    const budget = yield* RetryBudget
    const attempts: Array<Attempt> = []
    const counted: Array<number> = []
    const spied = RetryBudget.of({ ...budget, called: (provider) => void (counted.push(1), budget.called(provider)) })
    yield* Effect.provideService(times(call(attempts)), RetryBudget, spied)
    return { attempts: attempts.length, called: counted.length }
  },
  (effect) =>
    Effect.provide(
      effect,
      Layer.merge(failover, TestTransport.layer(Array.from({ length: 10 * calls }, () => TestTransport.answer())))
    )
)

describe("an attempt that stands on an adapter", () => {
  it.effect("is the call that Failover has counted, whole and streamed", () =>
    Effect.gen(function* () {
      const whole = yield* tried((attempts) =>
        Effect.flatMap(Failover, ({ run }) => run({ chain: [opus], attempt: refused(attempts, opus.provider) }))
      )
      assert.strictEqual(whole.called, 0, "the adapter counts nothing")
      const streamed = yield* tried((attempts) =>
        Effect.flatMap(Failover, ({ stream }) =>
          Stream.runDrain(
            stream({
              chain: [opus],
              exposure: () => "output",
              attempt: (attempt) =>
                Stream.fromEffect(Effect.as(refused(attempts, opus.provider)(attempt), says("hello")))
            })
          )
        )
      )
      assert.strictEqual(streamed.called, 0)
      // A fifth more than the calls in every ten seconds, whatever stands below.
      for (const { attempts } of [whole, streamed]) assert.strictEqual(attempts, calls * 1.2)
    })
  )

  it.effect("is a call of its own where it goes to another provider", () =>
    Effect.gen(function* () {
      const { attempts, called } = yield* tried((attempts) =>
        Effect.flatMap(Failover, ({ run }) => run({ chain: [opus], attempt: refused(attempts, "a-gateway") }))
      )
      assert.strictEqual(called, attempts)
    })
  )
})
