import { assert, describe, it } from "@effect/vitest"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Turn from "@holdfast/core/Turn"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

const opusRef = ModelRef.make("anthropic", "claude-opus-4-7")
const gptRef = ModelRef.make("openai", "gpt-5.5")

/** A turn in which nothing has happened. */
const fresh = (id: string): Turn.State => ({
  id,
  sideEffects: 0,
  tools: { begun: 0, finished: 0, interrupted: 0 },
  replayInvalid: undefined,
  abandoned: undefined,
  answered: undefined
})

/** The state of the turn that this must be run in. */
const now = Effect.map(Turn.state, Option.getOrThrow)

/** Lets a model answer in the turn that this must be run in, as `Failover` does. */
const answer = (model: ModelRef.ModelRef) =>
  Effect.map(Turn.Current, (turn) => {
    assert.isDefined(turn)
    if (turn !== undefined) Turn.recordAnswer(turn, opusRef, model)
  })

const momentNow = Effect.map(Turn.Current, (turn) =>
  turn === undefined ? assert.fail("no turn") : Turn.momentOf(turn, opusRef)
)

describe("an explicit turn", () => {
  it.effect("starts with no side effect, no answer and the right to be run again", () =>
    Turn.run(
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* now, fresh("monday"))
        assert.isTrue(yield* Turn.mayRunAgain)
        assert.deepStrictEqual(yield* momentNow, Turn.atStart)
      }),
      { id: "monday" }
    )
  )

  it.effect("gives back what the effect gives, success and failure alike", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Turn.run(Effect.succeed(1)), 1)
      assert.deepStrictEqual(yield* Effect.exit(Turn.run(Effect.fail("no"))), Exit.fail("no"))
    })
  )

  it.effect("has a name of its own where the app gives none", () =>
    Effect.gen(function* () {
      const names = yield* Effect.all(Array.from({ length: 20 }, () => Turn.run(now)))
      assert.strictEqual(new Set(names.map(({ id }) => id)).size, 20)
    })
  )

  it.effect("is a new one each time it is run", () =>
    Effect.gen(function* () {
      const turn = Turn.run(Effect.andThen(Turn.sideEffect(Effect.void), now))
      assert.strictEqual((yield* turn).sideEffects, 1)
      assert.strictEqual((yield* turn).sideEffects, 1)
    })
  )

  it.effect("ends with the effect: what follows it has no turn", () =>
    Effect.gen(function* () {
      yield* Turn.run(Turn.sideEffect(Effect.void))
      assert.deepStrictEqual(yield* Turn.state, Option.none())
    })
  )

  it.effect("can be carried by hand", () =>
    Effect.gen(function* () {
      const turn = yield* Turn.make({ id: "by hand" })
      yield* Effect.provideService(Turn.sideEffect(Effect.void), Turn.Current, turn)
      assert.strictEqual(Turn.snapshot(turn).sideEffects, 1)
      assert.strictEqual(Turn.snapshot(turn).id, "by hand")
    })
  )

  it.effect("is in its middle once a model has answered, and remembers the latest", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* answer(opusRef)
        yield* answer(gptRef)
        assert.deepStrictEqual(yield* momentNow, { at: "mid", answered: gptRef })
        assert.isTrue(yield* Turn.mayRunAgain, "an answer alone changes nothing outside")
      })
    )
  )

  it.effect("is in its middle once tools have run, even where no answer is on record", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.sideEffect(Effect.void)
        assert.deepStrictEqual(yield* momentNow, { at: "mid", answered: undefined })
      })
    )
  )
})

describe("sideEffect", () => {
  it.effect("is on record before the effect starts", () =>
    Turn.run(
      Effect.gen(function* () {
        const seen = yield* Turn.sideEffect(now)
        assert.strictEqual(seen.sideEffects, 1)
        assert.deepStrictEqual(seen.replayInvalid, { why: "a side effect ran" })
      })
    )
  )

  it.effect("is not on record for an effect that was made but never run", () =>
    Turn.run(
      Effect.gen(function* () {
        const never = Turn.sideEffect(Effect.void)
        assert.isTrue(Effect.isEffect(never))
        assert.isTrue(yield* Turn.mayRunAgain)
      })
    )
  )

  it.effect("counts when it is interrupted", () =>
    Turn.run(
      Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          Turn.sideEffect(Effect.andThen(Deferred.succeed(started, undefined), Effect.never))
        )
        yield* Deferred.await(started)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* now).sideEffects, 1)
        assert.isFalse(yield* Turn.mayRunAgain)
      })
    )
  )

  it.effect("counts when it fails and when it dies", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Effect.exit(Turn.sideEffect(Effect.fail("no")))
        yield* Effect.exit(Turn.sideEffect(Effect.die("defect")))
        assert.strictEqual((yield* now).sideEffects, 2)
      })
    )
  )

  it.effect("counts every time it runs", () =>
    Turn.run(
      Effect.gen(function* () {
        const effect = Turn.sideEffect(Effect.void)
        yield* Effect.all([effect, effect, effect], { concurrency: "unbounded" })
        assert.strictEqual((yield* now).sideEffects, 3)
      })
    )
  )
})

describe("markReplayInvalid", () => {
  it.effect("forbids to run the turn again, and sticks with its first reason", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.markReplayInvalid("a message was delivered")
        yield* Turn.markReplayInvalid("something later")
        yield* Turn.sideEffect(Effect.void)
        assert.isFalse(yield* Turn.mayRunAgain)
        assert.deepStrictEqual((yield* now).replayInvalid, { why: "a message was delivered" })
        assert.strictEqual((yield* now).sideEffects, 1)
      })
    )
  )

  it.effect("does not replace the reason that a side effect gave before", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.sideEffect(Effect.void)
        yield* Turn.markReplayInvalid("something later")
        assert.deepStrictEqual((yield* now).replayInvalid, { why: "a side effect ran" })
      })
    )
  )
})

describe("a child turn", () => {
  it.effect("passes its side effects up to every turn above it", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.sideEffect(Effect.void)
        const middle = yield* Turn.run(Effect.andThen(Turn.run(Turn.sideEffect(Effect.void)), now))
        assert.strictEqual(middle.sideEffects, 1)
        assert.strictEqual((yield* now).sideEffects, 2)
        assert.isFalse(yield* Turn.mayRunAgain)
      })
    )
  )

  it.effect("passes up that it may not be run again, and why", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.run(Turn.markReplayInvalid("a message was delivered"))
        assert.deepStrictEqual((yield* now).replayInvalid, { why: "a message was delivered" })
      })
    )
  )

  it.effect("keeps its answers to itself", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* answer(opusRef)
        yield* Turn.run(answer(gptRef))
        assert.deepStrictEqual(yield* momentNow, { at: "mid", answered: opusRef })
      })
    )
  )

  it.effect("starts afresh: neither answers nor side effects of its parent come down", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* answer(opusRef)
        yield* Turn.sideEffect(Effect.void)
        yield* Turn.run(
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* momentNow, Turn.atStart)
            assert.strictEqual((yield* now).sideEffects, 0)
            assert.isTrue(yield* Turn.mayRunAgain)
          })
        )
      })
    )
  )
})

describe("without an explicit turn", () => {
  it.effect("nothing is known, so the work may not be run again", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Turn.state, Option.none())
      assert.isFalse(yield* Turn.mayRunAgain)
    })
  )

  it.effect("a side effect runs and binds nobody", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Turn.sideEffect(Effect.succeed("sent")), "sent")
      yield* Turn.markReplayInvalid("delivered")
      assert.deepStrictEqual(yield* Turn.state, Option.none())
      assert.isTrue(yield* Turn.run(Turn.mayRunAgain))
    })
  )
})

describe("two turns at the same time", () => {
  it.effect("do not see each other's side effects, marks or answers", () =>
    Effect.gen(function* () {
      const bothBegan = yield* Deferred.make<void>()
      const busy = Effect.gen(function* () {
        yield* Turn.sideEffect(Effect.void)
        yield* Turn.markReplayInvalid("busy")
        yield* answer(gptRef)
        yield* Deferred.succeed(bothBegan, undefined)
        return yield* now
      })
      const quiet = Effect.andThen(Deferred.await(bothBegan), now)
      const [ofBusy, ofQuiet] = yield* Effect.all([Turn.run(busy, { id: "a" }), Turn.run(quiet, { id: "b" })], {
        concurrency: "unbounded"
      })
      assert.strictEqual(ofBusy.sideEffects, 1)
      assert.deepStrictEqual(ofQuiet, fresh("b"))
    })
  )

  it.effect("are each seen by the fibers they fork", () =>
    Turn.run(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(Turn.sideEffect(now))
        assert.strictEqual((yield* Fiber.join(fiber)).id, "parent")
        assert.strictEqual((yield* now).sideEffects, 1)
      }),
      { id: "parent" }
    )
  )
})
