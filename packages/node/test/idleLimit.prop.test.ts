/** What the learner keeps to, whatever servers do. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as IdleLimit from "../src/internal/idle/idleLimit.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Something that is seen, `afterMs` after what was seen before it. */
const Seen = Schema.Struct({
  what: Schema.Literals(["closed", "closed", "survived"]),
  afterMs: between(0, 400_000),
  idleMs: between(0, 5000)
})
const Story = Schema.Array(Seen).check(Schema.isMaxLength(40))

interface Told {
  readonly state: IdleLimit.State
  readonly at: number
}

const tell = (story: typeof Story.Type, from: Told = { state: IdleLimit.empty, at: 1_000_000 }): Told =>
  story.reduce<Told>(({ at: before, state }, { afterMs, idleMs, what }) => {
    const at = before + afterMs
    return { at, state: what === "closed" ? IdleLimit.closed(state, at, idleMs) : IdleLimit.survived(state, idleMs) }
  }, from)

const closes = (story: typeof Story.Type) => story.filter(({ what }) => what === "closed")

const runs = { arbitrary: { runs: 2000, seed: 20261121 } }

describe("an idle limit", () => {
  it.prop(
    "is the idle time of a close, is agreed on by three, and ends before half an hour has passed",
    { story: Story },
    ({ story }) => {
      const { at, state } = tell(story)
      const limit = IdleLimit.limitAt(state, at)
      if (limit === undefined) return
      assert.include(
        closes(story).map(({ idleMs }) => idleMs),
        limit.limitMs
      )
      assert.isAtLeast(limit.observed, 3)
      assert.isAtMost(limit.observed, closes(story).length)
      assert.isAtMost(limit.mostMs, limit.limitMs + IdleLimit.slackMs(limit.limitMs))
      assert.isAbove(limit.until, at)
      assert.isAtMost(limit.until, at + 30 * 60_000)
      assert.isDefined(IdleLimit.limitAt(state, limit.until - 1))
      assert.notStrictEqual(IdleLimit.limitAt(state, limit.until)?.until, limit.until)
    },
    runs
  )

  it.prop(
    "is learnt of every server that has one, and leaves its connections less",
    {
      limitMs: between(100, 120_000),
      late: Schema.Array(between(0, 50)).check(Schema.isMinLength(3), Schema.isMaxLength(20)),
      roundTripMs: between(0, 300)
    },
    ({ late, limitMs, roundTripMs }) => {
      const state = late.reduce<IdleLimit.State>(
        (state, lateMs, nth) => IdleLimit.closed(state, nth * 101, limitMs + lateMs),
        IdleLimit.empty
      )
      const limit = IdleLimit.limitAt(state, late.length * 101)
      assert.isDefined(limit)
      if (limit === undefined) return
      assert.isAtLeast(limit.limitMs, limitMs)
      assert.isAtMost(limit.limitMs, limitMs + 50)
      const evictAfterMs = IdleLimit.evictAfterMs(limit, roundTripMs)
      assert.isAtLeast(evictAfterMs, 0)
      // A request sent at the last moment is with the server before it closes, if the limit is no less than the way.
      if (limitMs >= roundTripMs) assert.isAtMost(evictAfterMs + roundTripMs, limitMs)
    },
    runs
  )

  it.prop(
    "is not destroyed by any closes at other moments; it may become lower",
    { limitMs: between(100, 5000), story: Story },
    ({ limitMs, story }) => {
      const sure = [1, 2, 3].reduce<IdleLimit.State>((state, nth) => IdleLimit.closed(state, nth * 1000, limitMs), [])
      const apart = closes(story).map((close) => ({ ...close, afterMs: 101 + (close.afterMs % 10_000) }))
      const { at, state } = tell(apart, { state: sure, at: 3000 })
      assert.isAtMost(IdleLimit.limitAt(state, at)?.limitMs ?? Number.POSITIVE_INFINITY, limitMs)
    },
    runs
  )

  it.prop(
    "is never learnt from moments at which idle times differ",
    { restarts: Schema.Array(between(0, 5000)).check(Schema.isMaxLength(20)) },
    ({ restarts }) => {
      let state = IdleLimit.empty
      for (const [nth, idleMs] of restarts.entries()) {
        const at = nth * 1000
        state = IdleLimit.closed(state, at, idleMs)
        state = IdleLimit.closed(state, at + 60, idleMs + IdleLimit.slackMs(idleMs) + 1)
        assert.isUndefined(IdleLimit.limitAt(state, at + 60))
      }
    },
    runs
  )

  it.prop(
    "comes of states that stay small and are never changed",
    { story: Story, last: Seen },
    ({ last, story }) => {
      const { at, state } = tell(story)
      const before = structuredClone(state)
      const after = tell([last], { at, state })
      assert.deepStrictEqual(state, before)
      assert.isAtMost(after.state.length, 16)
      if (last.what === "survived") assert.isAtLeast(after.state.length, state.length - 1)
      assert.deepStrictEqual(
        after.state.toSorted((a, b) => a.at - b.at),
        after.state
      )
    },
    runs
  )
})
