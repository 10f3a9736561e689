/** Whether a turn may be run again: marks, a turn that was given up, and a turn that several fibers work for. */
import { assert, describe, it } from "@effect/vitest"
import * as Turn from "@holdfast/core/Turn"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const now = Effect.map(Turn.state, Option.getOrThrow)
const replay = Effect.map(Turn.Current, Turn.replayOf)

const happenings: ReadonlyArray<readonly [string, Effect.Effect<void>]> = [
  ["a side effect", Turn.sideEffect(Effect.void)],
  ["a side effect that failed", Effect.ignore(Turn.sideEffect(Effect.fail("no")))],
  ["a tool that nobody calls replayable", Effect.map(Turn.Current, (turn) => void Turn.recordTool(turn, "unknown"))],
  ...Object.values(Turn.marks).map((why) => [why, Turn.markReplayInvalid(why)] as const)
]

describe("replayOf", () => {
  it.effect("is unknown without a turn, and stays so whatever happens", () =>
    Effect.gen(function* () {
      assert.strictEqual(Turn.replayOf(undefined), "unknown")
      for (const [, happens] of happenings) {
        yield* happens
        yield* Turn.abandon("nobody's")
        assert.strictEqual(yield* replay, "unknown")
      }
    })
  )

  it.effect("is allowed for a turn in which nothing happened that must not happen twice", () =>
    Turn.run(
      Effect.gen(function* () {
        assert.strictEqual(yield* replay, "allowed")
        const turn = yield* Turn.Current
        Turn.recordTool(turn, "readonly")("finished")
        Turn.recordTool(turn, "idempotent")("interrupted")
        Turn.recordTool(turn, "readonly")
        assert.strictEqual(yield* replay, "allowed")
      })
    )
  )

  it.effect.each(happenings)("is invalid after %s, for the turn and all above it, and sticks", ([, happens]) =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.run(
          Effect.gen(function* () {
            yield* Turn.run(
              Effect.andThen(
                happens,
                Effect.map(replay, (it) => assert.strictEqual(it, "invalid"))
              )
            )
            assert.strictEqual(yield* replay, "invalid")
            yield* Turn.run(Effect.map(replay, (it) => assert.strictEqual(it, "allowed")))
          })
        )
        assert.strictEqual(yield* replay, "invalid")
        const { why } = (yield* now).replayInvalid ?? { why: "" }
        assert.isNotEmpty(why)
        for (const [, more] of happenings) yield* more
        assert.deepStrictEqual((yield* now).replayInvalid, { why })
        assert.isFalse(yield* Turn.mayRunAgain)
      })
    )
  )
})

describe("a turn that was given up", () => {
  it.effect("is abandoned, with its first reason, whatever else happened in it", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Turn.sideEffect(Effect.void)
        yield* Turn.abandon("the user asked for something else")
        yield* Turn.abandon("later")
        assert.strictEqual(yield* replay, "abandoned")
        assert.deepStrictEqual((yield* now).abandoned, { why: "the user asked for something else" })
        assert.isFalse(yield* Turn.mayRunAgain)
      })
    )
  )

  it.effect("takes its children along, those that began after it too", () =>
    Turn.run(
      Effect.gen(function* () {
        const before = yield* Turn.make()
        yield* Turn.abandon("enough")
        assert.strictEqual(Turn.replayOf(before), "abandoned")
        assert.deepStrictEqual(Turn.snapshot(before).abandoned, { why: "enough" })
        assert.strictEqual(yield* Turn.run(Turn.run(replay)), "abandoned")
      })
    )
  )

  it.effect("leaves the turn that it is a part of, and its other children, as they are", () =>
    Turn.run(
      Effect.gen(function* () {
        const sibling = yield* Turn.make()
        yield* Turn.run(Turn.abandon("enough"))
        assert.strictEqual(yield* replay, "allowed")
        assert.strictEqual(Turn.replayOf(sibling), "allowed")
        assert.isUndefined((yield* now).abandoned)
      })
    )
  )

  it.effect("can be given up from a fiber that does not work for it", () =>
    Effect.gen(function* () {
      const turn = yield* Turn.make()
      yield* Effect.provideService(Turn.abandon("enough"), Turn.Current, turn)
      assert.strictEqual(Turn.replayOf(turn), "abandoned")
    })
  )
})

describe("a turn that many fibers work for at once", () => {
  const fibers = 200
  const steps = 25

  it.effect("loses no count and no mark, and no child's", () =>
    Turn.run(
      Effect.gen(function* () {
        const turn = yield* Turn.Current
        const works = (n: number) =>
          Effect.gen(function* () {
            for (let step = 0; step < steps; step++) {
              yield* Turn.sideEffect(Effect.yieldNow)
              const ended = Turn.recordTool(yield* Turn.Current, "readonly")
              yield* Effect.yieldNow
              ended(step % 5 === 0 ? "interrupted" : "finished")
            }
            yield* Turn.markReplayInvalid(`fiber ${n}`)
          })
        yield* Effect.all(
          Array.from({ length: fibers }, (_, n) => (n % 2 === 0 ? works(n) : Turn.run(works(n)))),
          { concurrency: "unbounded" }
        )
        const { replayInvalid, sideEffects, tools } = yield* now
        assert.strictEqual(sideEffects, fibers * steps)
        assert.deepStrictEqual(tools, {
          begun: fibers * steps,
          finished: (fibers * steps * 4) / 5,
          interrupted: (fibers * steps) / 5
        })
        assert.deepStrictEqual(replayInvalid, { why: Turn.marks.sideEffect })
        assert.strictEqual(Turn.replayOf(turn), "invalid")
      })
    )
  )

  it.effect("keeps the first mark where two fibers make one", () =>
    Turn.run(
      Effect.gen(function* () {
        yield* Effect.all([Turn.markReplayInvalid("one"), Turn.markReplayInvalid("two"), Turn.abandon("three")], {
          concurrency: "unbounded"
        })
        const { abandoned, replayInvalid } = yield* now
        assert.deepStrictEqual([replayInvalid, abandoned], [{ why: "one" }, { why: "three" }])
      })
    )
  )
})
