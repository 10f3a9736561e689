/** What the answers to one candidate have said of one rate limit, and who waits for it. */
import * as Effect from "effect/Effect"
import type { RateLimit } from "../../RateLimits.ts"
import type { TooLate } from "./line.ts"
import { Line } from "./line.ts"
import { Spent } from "./spent.ts"

/** A limit that may be short. */
export class Learnt {
  private readonly now: () => number
  private readonly line = new Line()
  private spent: Spent | undefined
  /** What those in line need. */
  private owed = 0

  constructor(now: () => number) {
    this.now = now
  }

  /** Takes in what an answer says of it, in as many ways as it is counted. The last word holds. */
  heard(limits: ReadonlyArray<RateLimit>): void {
    const said = limits.filter(({ remaining }) => remaining >= 0)
    const [longest] = said.filter(isSpent).toSorted((a, b) => b.resetMs - a.resetMs)
    if (longest !== undefined) this.spent = new Spent(longest, this.now())
    else if (said.length > 0 && said.every(({ remaining }) => remaining > 0)) this.spent = undefined
  }

  /** Until it is full again, in milliseconds; 0 where nothing is short. */
  resetMs(): number {
    return this.spent === undefined ? 0 : Math.max(0, this.spent.fullAt - this.now())
  }

  /** Whether nothing is short, and nobody waits. */
  isOver(): boolean {
    return this.line.waiting === 0 && this.resetMs() === 0
  }

  /** How long somebody who needs so much is going to wait that joins the line now. */
  dueMs(need: number): number {
    return Math.max(0, this.readyAt(need, this.owed) - this.now())
  }

  /** Waits in line, until `lastAt` at most. */
  wait(need: number, lastAt: number, endsAt: number): Effect.Effect<void, TooLate> {
    const readyAt = () => Math.min(this.readyAt(need, 0), lastAt)
    const begin = () => this.spent?.take(need)
    return Effect.suspend(() => {
      if (this.isOver()) return Effect.void
      this.owed += need
      return Effect.ensuring(
        this.line.wait({ readyAt, begin, now: this.now, endsAt }),
        Effect.sync(() => (this.owed -= need))
      )
    })
  }

  private readyAt(need: number, before: number): number {
    return this.spent === undefined || this.resetMs() === 0 ? this.now() : this.spent.readyAt(need, before)
  }
}

// What is no time, or longer than a day, is none: clocks differ, and some write a date where seconds belong.
const longestMs = 86_400_000

const isTime = (ms: number): boolean => ms >= 0 && ms <= longestMs

/** Whether nothing remains, and it is said for how long. Below nothing, it is no number of requests. */
export const isSpent = ({ nextMs, remaining, resetMs }: RateLimit): boolean =>
  remaining === 0 && isTime(resetMs) && (nextMs === undefined ? resetMs > 0 : isTime(nextMs))
