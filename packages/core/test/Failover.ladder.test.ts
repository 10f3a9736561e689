/** Programs that take a call along its chain by themselves. */
import { assert, describe, it } from "@effect/vitest"
import * as Failover from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import * as Effect from "effect/Effect"
import { answers, eventsFromHere, fails, layer, patiently, script } from "./failoverScript.ts"
import { gpt, opus, overloaded, stale, unreachable, unsafe } from "./fixtures.ts"

const climb = <A>(
  call: Failover.CallOptions & Partial<Failover.Timed>,
  f: (attempt: Failover.Attempt) => Effect.Effect<A, Failure.Failure>
) =>
  Effect.gen(function* () {
    const failover = yield* Failover.Failover
    const ladder = yield* failover.open(call)
    const step: Effect.Effect<Failover.Answer<A>, Failover.GivenUp> = Failover.attempt(ladder, f).pipe(
      Effect.catchIf(Failure.isFailure, (failure) => Effect.andThen(Failover.next(ladder, failure), step))
    )
    return yield* step
  })

describe("a ladder of one's own", () => {
  const scripts = {
    "that answers": [answers("hello")],
    "that is repaired": [fails(stale), answers("hello")],
    "that swaps": [fails(unreachable), answers("hello")],
    "that backs off": [fails(overloaded), fails(overloaded), answers("hello")],
    "that is given up": [fails(unsafe)]
  }

  for (const [name, steps] of Object.entries(scripts)) {
    it.effect(`does of a call ${name} what run does, and tells the same`, () =>
      Effect.gen(function* () {
        const failover = yield* Failover.Failover
        const events = yield* eventsFromHere
        const told = (from: number) => events.slice(from).map((event) => ({ ...event, at: 0, call: "" }))
        const one = script(...steps)
        const ran = yield* Effect.exit(patiently(failover.run({ chain: [opus, gpt], attempt: one.attempt })))
        const ofRun = told(0)
        const two = script(...steps)
        const climbed = yield* Effect.exit(patiently(climb({ chain: [opus, gpt] }, two.attempt)))
        assert.strictEqual(climbed._tag, ran._tag)
        assert.deepStrictEqual(two.made, one.made)
        assert.deepStrictEqual(
          told(ofRun.length).map(({ _tag }) => _tag),
          ofRun.map(({ _tag }) => _tag)
        )
      }).pipe(Effect.scoped, Effect.provide(layer()))
    )
  }

  it.effect("says whom it asks next and how often it has", () =>
    Effect.gen(function* () {
      const failover = yield* Failover.Failover
      const ladder = yield* failover.open({ chain: [opus, gpt] })
      assert.deepStrictEqual([ladder.candidate, ladder.attempts], [opus, 0])
      const failure = yield* Effect.flip(Failover.attempt(ladder, () => Effect.fail(unreachable())))
      yield* Failover.next(ladder, failure)
      assert.deepStrictEqual([ladder.candidate, ladder.attempts], [gpt, 1])
      const { value, answered } = yield* Failover.attempt(ladder, () => Effect.succeed(7))
      assert.deepStrictEqual([value, answered], [7, gpt])
    }).pipe(Effect.provide(layer()))
  )
})
