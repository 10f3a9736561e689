/** How often and when the same candidate is asked again: the schedules of one candidate's stay. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { Failure } from "../../Failure.ts"
import type { Policy, RetryClass } from "../../FailoverPolicy.ts"
import { exitWithin } from "../exitWithin.ts"

// A schedule says how long to wait, and should not take long to say so.
const longestStepMs = 60_000

type Step = (now: number, failure: Failure) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** The schedules that a call has begun at its candidate. */
export class Retries {
  private readonly policy: Policy
  private steps: Map<RetryClass, Step> | undefined
  /** The class of the repair under way: a connection or a response that is being asked for once more. */
  private repair: RetryClass | undefined
  /** The failure whose delay was asked for last: a schedule is stepped once for each. */
  private last: { readonly failure: Failure; readonly delayMs: number | undefined } | undefined

  constructor(policy: Policy) {
    this.policy = policy
  }

  /** The candidate is asked again after a failure. */
  began(failure: Failure): void {
    const { same } = this.policy.table[failure.reason._tag]
    this.repair = same === "connection" || same === "response" ? same : undefined
  }

  /** Another candidate is asked: everything begins anew. */
  reset(): void {
    this.steps = undefined
    this.repair = undefined
  }

  /**
   * The delay that the schedule of the failure's class allows, or nothing if it has ended, or does not say so in what is
   * left of the call's time.
   */
  delay(failure: Failure, now: number, leftMs?: number): Effect.Effect<number | undefined> {
    return this.last?.failure === failure
      ? Effect.succeed(this.last.delayMs)
      : Effect.map(this.nextDelay(failure, now, leftMs), (delayMs) => {
          this.last = { failure, delayMs }
          return delayMs
        })
  }

  private nextDelay(failure: Failure, now: number, leftMs = longestStepMs): Effect.Effect<number | undefined> {
    const { policy } = this
    const { same } = policy.table[failure.reason._tag]
    if (same === "never" || same === "refresh") return Effect.undefined
    // An automatic retry that fails otherwise than what it repairs is not automatically retried.
    if (this.repair !== undefined && same !== "capacity" && same !== this.repair) return Effect.undefined
    const asked = askedWait(failure)
    if (asked > policy.longestRetryAfterMs) return Effect.undefined
    const limitMs = Math.min(leftMs, longestStepMs)
    const stepped = Effect.flatMap(this.step(same), (step) => step(now, failure))
    return Effect.flatMap(exitWithin(stepped, limitMs), (exit) => {
      if (exit === undefined) {
        return Effect.as(
          Effect.logWarning(`The schedule of policy.retry.${same} did not say within ${limitMs} ms when to retry`),
          undefined
        )
      }
      return Effect.succeed(Exit.isSuccess(exit) ? Math.max(Duration.toMillis(exit.value[1]), asked) : undefined)
    })
  }

  private step(same: RetryClass): Effect.Effect<Step> {
    const known = this.steps?.get(same)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(Schedule.toStep(this.policy.retry[same]), (step) => {
      ;(this.steps ??= new Map()).set(same, step)
      return step
    })
  }
}

const askedWait = ({ reason }: Failure): number =>
  reason._tag === "RateLimited" || reason._tag === "Overloaded" ? (reason.retryAfterMs ?? 0) : 0
