/**
 * All streams under watch at one clock. One fiber looks after them: one for each would take about a tenth of the CPU of a
 * stream that is over in a moment.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { ContentWatch } from "./contentWatch.ts"

const watchesAt = new WeakMap<Clock.Clock, ContentWatches>()

/** Watches a stream until it is told that it is over, and for no longer than a scope is open. */
export const add = (watch: ContentWatch, clock: Clock.Clock, scope: Scope.Scope): Effect.Effect<() => void> =>
  Effect.suspend(() => {
    const watches = watchesAt.get(clock) ?? new ContentWatches(clock)
    watchesAt.set(clock, watches)
    // Its own, closed when the stream is over: a scope with a single finalizer left closes several times faster.
    const watching = Scope.forkUnsafe(scope)
    const remove = () => {
      watches.remove(watch)
      return Effect.void
    }
    // Once it is certain to be removed: between two steps of an effect it may be interrupted.
    return Effect.map(Scope.addFinalizerExit(watching, remove), () => {
      watches.add(watch)
      return () => void Scope.closeUnsafe(watching, Exit.void)
    })
  })

class ContentWatches {
  private readonly clock: Clock.Clock
  private readonly watched = new Set<ContentWatch>()
  private rounds: Fiber.Fiber<void> | undefined
  /** When the next round is due, in milliseconds. */
  private dueAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  add(watch: ContentWatch): void {
    this.watched.add(watch)
    if (this.clock.currentTimeMillisUnsafe() + watch.lookAfterMs() < this.dueAt) this.begin()
  }

  remove(watch: ContentWatch): void {
    this.watched.delete(watch)
    // A timer that nobody needs would keep the process from ending.
    if (this.watched.size === 0) this.stop()
  }

  private begin(): void {
    this.stop()
    this.rounds = Effect.runForkWith(Context.make(Clock.Clock, this.clock))(this.round)
  }

  private stop(): void {
    this.rounds?.interruptUnsafe()
    this.rounds = undefined
    this.dueAt = Number.POSITIVE_INFINITY
  }

  /** Ends what is due, and comes again when the next may be. */
  private readonly round: Effect.Effect<void> = Effect.suspend(() => {
    const struck: Array<Effect.Effect<unknown>> = []
    let afterMs = Number.POSITIVE_INFINITY
    for (const watch of this.watched) {
      const ms = watch.lookAfterMs()
      if (ms > 0) afterMs = Math.min(afterMs, ms)
      else {
        this.watched.delete(watch)
        // Of its own: whatever becomes of it is nothing to the others.
        struck.push(Effect.forkDetach(watch.strike))
      }
    }
    this.dueAt = this.clock.currentTimeMillisUnsafe() + afterMs
    const all = Effect.all(struck, { discard: true })
    return afterMs === Number.POSITIVE_INFINITY
      ? all
      : Effect.andThen(Effect.andThen(all, Effect.sleep(afterMs)), this.round)
  })
}
