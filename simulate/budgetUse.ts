/** Retries at a provider, held against what a retry budget grants for the calls that came with them. */
import * as RetryBudget from "@holdfast/core/RetryBudget"

const { ratio, windowMs } = RetryBudget.defaults

/**
 * How much of a budget retries use, in a window of 10 s that ends with each of them.
 *
 * It counts what the provider received, and knows nothing of the budget's own count. What comes at one moment counts
 * together, in whatever order it comes.
 */
export class BudgetUse {
  /** The most retries for each that the budget grants. */
  peak = 0
  private readonly floor: number
  private readonly calls = new Recent()
  private readonly retries = new Recent()
  private retriedAt = -Infinity

  /** `floorPerSecond`: retries that are granted without a call. */
  constructor(floorPerSecond: number) {
    this.floor = (floorPerSecond * windowMs) / 1000
  }

  /** An attempt comes in; `isFirst` is whether it is the first of its call here. */
  arrived(isFirst: boolean, now: number): void {
    if (now !== this.retriedAt) this.close()
    if (isFirst) {
      this.calls.add(now)
    } else {
      this.retries.add(now)
      this.retriedAt = now
    }
  }

  /** Takes the last moment into account. */
  close(): void {
    const at = this.retriedAt
    if (at === -Infinity) return
    this.retriedAt = -Infinity
    // As the budget rounds: down, but not for what the sum of decimals falls short by.
    const granted = Math.floor(ratio * this.calls.within(at) + this.floor + 1e-9)
    this.peak = Math.max(this.peak, this.retries.within(at) / granted)
  }
}

/** The times of what came within the window. */
class Recent {
  private times: Array<number> = []
  private first = 0

  add(now: number): void {
    this.times.push(now)
  }

  /** How many came in the window that ends at a moment, the moment included and the window's beginning not. */
  within(at: number): number {
    while ((this.times[this.first] ?? Infinity) <= at - windowMs) this.first++
    // What is over is let go of when it is the larger part.
    if (this.first > this.times.length / 2) {
      this.times = this.times.slice(this.first)
      this.first = 0
    }
    return this.times.length - this.first
  }
}
