/** One run of a plan: what has failed so far, and whether the next step may be tried. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Attempt } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Turn from "@holdfast/core/Turn"
import * as Verdict from "@holdfast/core/Verdict"
import * as Cause from "effect/Cause"
import * as AiError from "effect/ai/AiError"
import * as AiErrors from "../../AiErrors.ts"

/** What a run remembers from step to step. A step begins anew; what it is told of the steps before stays. */
export class PlannedRun {
  /** What the steps before failed with, all their attempts in it; nothing at the first. */
  last: Failure.Failure | undefined
  /** Models that the swap rule, or the app, kept out. */
  denied: ReadonlyArray<Candidate> = []
  /** A call of this step has its answer, or begins to give it: a replay would ask for it again. */
  answered = false
  /** The step's model was not asked at all, so that there is nothing to judge. */
  passedOver = false
  private turn: Turn.Turn | undefined
  private before = ""

  /** A step begins, in this turn. */
  begins(turn: Turn.Turn | undefined): void {
    this.answered = false
    this.passedOver = false
    this.turn = turn
    this.before = this.done()
  }

  /** The failure of a call of this step, with those of the steps before. */
  whole(failure: Failure.Failure): Failure.Failure {
    const earlier = this.last?.attempts ?? []
    return earlier.length === 0 ? failure : Failure.ofCall(earlier, Failure.amend(failure, { after: earlier.length }))
  }

  /** What was asked in vain before an answer of this step, by the steps before as well. */
  records(failed: ReadonlyArray<Failure.Attempt>): ReadonlyArray<Failure.Attempt> {
    const earlier = this.last?.attempts ?? []
    return [...earlier, ...failed.map((each) => ({ ...each, attempt: each.attempt + earlier.length }))]
  }

  /** The attempt as it is counted across the steps. */
  counted(attempt: Attempt): Attempt {
    return { ...attempt, attempt: attempt.attempt + (this.last?.attempts.length ?? 0) }
  }

  /** Whether what the step failed with lets the next one be tried; it is remembered if so. */
  goesOn<E>(cause: Cause.Cause<E>): boolean {
    if (this.answered || this.done() !== this.before) return false
    const failures = cause.reasons.map((reason) => (Cause.isFailReason(reason) ? failureIn(reason.error) : undefined))
    const [failure] = failures
    if (failure === undefined) return false
    if (this.passedOver) return true
    if (!failures.every((failure) => failure !== undefined && mayBeReplayed(failure))) return false
    this.last = failure
    return true
  }

  /** What was done in the turn besides asking: a replay of the step would do it again. */
  private done(): string {
    if (this.turn === undefined) return ""
    const { sideEffects, tools } = Turn.snapshot(this.turn)
    return `${sideEffects} ${tools.begun}`
  }
}

const mayBeReplayed = ({ declaration, reason, verdict }: Failure.Failure): boolean =>
  reason._tag !== "TotalTimeout" && Verdict.mayReplay(verdict, declaration) !== "no"

const failureIn = (error: unknown): Failure.Failure | undefined => {
  if (Failure.isFailure(error)) return error
  if (isSwapDenied(error)) return error.failure
  return AiError.isAiError(error) ? AiErrors.failureOf(error) : undefined
}
