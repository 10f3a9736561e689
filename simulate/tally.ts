/** What a fleet's turns and calls came to. */
import * as Candidate from "@holdfast/core/Candidate"
import { chain } from "./chain.ts"
import type { CallTruth, TurnTruth } from "./truth.ts"

/** Counts while the fleet runs. */
export class Tally {
  turns = 0
  completed = 0
  /** Times that a turn was run again from its beginning. */
  reruns = 0
  duplicateSideEffects = 0
  calls = 0
  answeredCalls = 0
  attempts = 0
  swaps = 0
  /** Swaps of which the agent was told nothing. */
  silentSwaps = 0
  /** Swaps that the agent was told of and that were none. */
  falseAlarms = 0
  /** Why calls were given up, by the name of the last attempt's reason. */
  readonly gaveUp = new Map<string, number>()
  private readonly durations: Array<number> = []

  /** A call was answered by `by`, as the answer itself says, and the agent was told of a swap to `told`. */
  answered(call: CallTruth, now: number, by: Candidate.Candidate, told: Candidate.Candidate | undefined): void {
    this.answeredCalls++
    this.over(call, now)
    if (Candidate.closeness(chain[0], by) === "same-model") {
      if (told !== undefined) this.falseAlarms++
      return
    }
    this.swaps++
    if (told === undefined || Candidate.label(told) !== Candidate.label(by)) this.silentSwaps++
  }

  /** A call was given up. */
  failed(call: CallTruth, now: number, why: string): void {
    this.over(call, now)
    this.gaveUp.set(why, (this.gaveUp.get(why) ?? 0) + 1)
  }

  /** A turn is over, and will not be run again. */
  ended(turn: TurnTruth, completed: boolean): void {
    this.turns++
    if (completed) this.completed++
    this.duplicateSideEffects += turn.duplicates
  }

  /** The time that a share of the calls stays below, in milliseconds; 0 where there was none. */
  percentile(share: number): number {
    this.durations.sort((a, b) => a - b)
    return this.durations[Math.floor((this.durations.length - 1) * share)] ?? 0
  }

  private over(call: CallTruth, now: number): void {
    this.calls++
    this.attempts += call.attempts
    this.durations.push(now - call.startedAt)
  }
}
