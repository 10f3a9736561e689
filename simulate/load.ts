/** How hard a provider is pressed, as the provider itself counts it. */
import type { Outage } from "./weather.ts"

/** The windows in which attempts are held against calls, counted from the beginning of an outage. */
export const windowMs = 10_000

/** What a provider counted. */
export class Load {
  /** Calls that reached it at least once. */
  calls = 0
  attempts = 0
  /** Attempts while it was down. */
  whileDown = 0
  /** The same, the first window of each outage left out. */
  sustained = 0
  /** Attempts that it answered 429. */
  limited = 0
  /** Attempts that it ran the model for. */
  ran = 0
  /** The most attempts for each call in a window of an outage, its first window left out. */
  peakRatioWhileDown = 0
  private readonly floorShare: number
  private outage: Outage | undefined
  private window = 0
  private windowCalls = 0
  private windowAttempts = 0

  /**
   * `floorShare`: what is added to the calls of a window for the retries that a budget grants without any. Without a
   * budget it is 0, and a window in which retries alone come counts as one call.
   */
  constructor(floorShare: number) {
    this.floorShare = floorShare
  }

  /** An attempt comes in; `isFirst` is whether it is the first of its call here. */
  arrived(isFirst: boolean, now: number, outage: Outage | undefined): void {
    this.attempts++
    if (isFirst) this.calls++
    if (outage === undefined) return
    this.whileDown++
    const window = Math.floor((now - outage.from) / windowMs)
    if (outage !== this.outage || window !== this.window) {
      this.closeWindow()
      this.outage = outage
      this.window = window
    }
    if (isFirst) this.windowCalls++
    this.windowAttempts++
  }

  /** Takes the window under way into account; the last one needs it too. */
  closeWindow(): void {
    // What was on the way when the outage began is nobody's storm.
    if (this.window > 0) {
      const ratio = this.windowAttempts / Math.max(1, this.windowCalls + this.floorShare)
      this.peakRatioWhileDown = Math.max(this.peakRatioWhileDown, ratio)
      this.sustained += this.windowAttempts
    }
    this.windowCalls = 0
    this.windowAttempts = 0
  }
}
