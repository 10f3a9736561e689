/** Streams under watch at one clock: each is ended by its own limit, and nothing is left behind by those that are over. */
import { assert, describe, it } from "@effect/vitest"
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { ContentWatch } from "../src/internal/answer/contentWatch.ts"
import * as ContentWatches from "../src/internal/answer/contentWatches.ts"

/** A stream that waits for its first content, and the moment at which it was ended for that. */
const watched = Effect.fnUntraced(function* (
  firstContentMs: number,
  end: (endedAt: number) => Effect.Effect<void> = () => Effect.void
) {
  const clock = yield* Clock.Clock
  const scope = Scope.makeUnsafe()
  const seen: { endedAt: number | undefined } = { endedAt: undefined }
  const response = {
    elapsedMs: () => 0,
    end: () =>
      Effect.suspend(() => {
        seen.endedAt = clock.currentTimeMillisUnsafe()
        return end(seen.endedAt)
      })
  }
  const watch = new ContentWatch(response as unknown as HttpResponse, { firstContentMs, stallMs: 0 }, clock)
  watch.waits()
  const over = yield* ContentWatches.add(watch, clock, scope)
  return { seen, over, scope }
})

/** A clock of its own that says how many sleep. */
const counting = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const sleeping = { now: 0 }
  const sleep = (duration: Duration.Duration) =>
    Effect.suspend(() => {
      sleeping.now++
      return Effect.ensuring(
        clock.sleep(duration),
        Effect.sync(() => sleeping.now--)
      )
    })
  const own: Clock.Clock = Object.create(clock, { sleep: { value: sleep } })
  return { sleeping, own }
})

describe("streams under watch", () => {
  it.effect("are each ended by their own limit, in whatever order they came", () =>
    Effect.gen(function* () {
      const limits = [500, 100, 300, 100, 900, 200]
      const streams = yield* Effect.forEach(limits, (ms) => watched(ms))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        streams.map(({ seen }) => seen.endedAt),
        limits
      )
    })
  )

  it.effect("are watched from when they came, while others are on the way", () =>
    Effect.gen(function* () {
      const first = yield* watched(1000)
      yield* TestClock.adjust(400)
      const second = yield* watched(1000)
      const third = yield* watched(100)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([first.seen.endedAt, second.seen.endedAt, third.seen.endedAt], [1000, 1400, 500])
    })
  )

  it.effect("are not watched any more once they are over, or their scope is closed", () =>
    Effect.gen(function* () {
      const [told, closed, other] = yield* Effect.all([watched(100), watched(100), watched(100)])
      told.over()
      yield* Scope.close(closed.scope, Exit.void)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([told.seen.endedAt, closed.seen.endedAt, other.seen.endedAt], [undefined, undefined, 100])
    })
  )

  it.effect("do not suffer from what becomes of ending another", () =>
    Effect.gen(function* () {
      const dies = yield* watched(100, () => Effect.die(new Error("cannot be ended")))
      const hangs = yield* watched(100, () => Effect.never)
      const other = yield* watched(200)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([dies.seen.endedAt, hangs.seen.endedAt, other.seen.endedAt], [100, 100, 200])
    })
  )

  it.effect("share one timer, which is gone when the last is over", () =>
    Effect.gen(function* () {
      const { own, sleeping } = yield* counting
      const streams = yield* Effect.forEach([500, 100, 300, 100], (ms) => watched(ms)).pipe(
        Effect.provideService(Clock.Clock, own)
      )
      assert.strictEqual(sleeping.now, 1)
      yield* TestClock.adjust(200)
      assert.strictEqual(sleeping.now, 1)
      for (const { over } of streams) over()
      assert.strictEqual(sleeping.now, 0)
      const again = yield* Effect.provideService(watched(100), Clock.Clock, own)
      assert.strictEqual(sleeping.now, 1)
      yield* Scope.close(again.scope, Exit.void)
      assert.strictEqual(sleeping.now, 0)
    })
  )
})
