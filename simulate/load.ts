/** How hard a provider is pressed, as the provider itself counts it. */
import * as RetryBudget from "@holdfast/core/RetryBudget"
import { BudgetUse } from "./budgetUse.ts"
import type { Outage } from "./weather.ts"

/** The windows in which attempts are held against calls, as long as a budget's. */
export const { windowMs } = RetryBudget.defaults

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
  /**
   * The most `attempts / (calls + floor / 1.2)` in a window of an outage, its first window left out. At most 1.2 says the
   * same as `attempts <= 1.2 * calls + floor`.
   */
  peakRatioWhileDown = 0
  readonly budgetUse: BudgetUse
  private readonly floorAsCalls: number
  private outage: Outage | undefined
  private window = 0
  private windowCalls = 0
  private windowAttempts = 0

  /** `floorPerSecond`: retries that are allowed without a call. */
  constructor(floorPerSecond: number) {
    this.budgetUse = new BudgetUse(floorPerSecond)
    this.floorAsCalls = (floorPerSecond * windowMs) / 1000 / (1 + RetryBudget.defaults.ratio)
  }

  /** An attempt comes in; `isFirst` is whether it is the first of its call here. */
  arrived(isFirst: boolean, now: number, outage: Outage | undefined): void {
    this.attempts++
    if (isFirst) this.calls++
    this.budgetUse.arrived(isFirst, now)
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

  /** Takes what is under way into account, when the last attempt has come. */
  close(): void {
    this.budgetUse.close()
    this.closeWindow()
  }

  private closeWindow(): void {
    // What was on the way when the outage began is nobody's storm.
    if (this.window > 0) {
      const ratio = this.windowAttempts / (this.windowCalls + this.floorAsCalls)
      this.peakRatioWhileDown = Math.max(this.peakRatioWhileDown, ratio)
      this.sustained += this.windowAttempts
    }
    this.windowCalls = 0
    this.windowAttempts = 0
  }
}
