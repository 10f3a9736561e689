/** Waiting in line: one after another, each until its moment has come. */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/** The one that waits has no time for it. */
export interface TooLate {
  readonly _tag: "TooLate"
}

/** What somebody waits for in a line. */
export interface Wait {
  /** The moment at which it may begin, as far as is known now; a moment that is past: at once. */
  readonly readyAt: () => number
  /** It begins. */
  readonly begin: () => void
  readonly now: () => number
  /** Nobody waits for a moment that is not before this one. */
  readonly endsAt: number
}

/** Who waits, in the order of asking. Who gives up makes room for those behind. */
export class Line {
  waiting = 0
  private readonly turn = Semaphore.makeUnsafe(1)

  wait({ begin, endsAt, now, readyAt }: Wait): Effect.Effect<void, TooLate> {
    // What is waited for may have moved meanwhile.
    const ready: Effect.Effect<void, TooLate> = Effect.suspend(() => {
      const at = readyAt()
      if (at >= endsAt) return Effect.fail<TooLate>({ _tag: "TooLate" })
      const ms = Math.ceil(at - now())
      return ms > 0 ? Effect.andThen(Effect.sleep(ms), ready) : Effect.sync(begin)
    })
    return Effect.suspend(() => {
      this.waiting += 1
      return Effect.ensuring(
        this.turn.withPermit(ready),
        Effect.sync(() => (this.waiting -= 1))
      )
    })
  }
}
