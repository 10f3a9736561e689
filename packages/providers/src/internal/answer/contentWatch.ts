/**
 * Watches that the contents of a stream come in time: the first one, and each after another. Pings and metadata are no
 * content; what a model reasons is. Only time in which something was waited for counts: a consumer that is slow to ask
 * is no stall of the provider's.
 */
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import * as Reason from "@holdfast/core/Reason"
import type * as TimeLimits from "@holdfast/core/TimeLimits"
import type * as Clock from "effect/Clock"
import type * as Effect from "effect/Effect"
import type * as Response from "effect/ai/Response"
import { exposure } from "./marks.ts"

/** The limits on contents. */
export type Limits = Pick<TimeLimits.Resolved, "firstContentMs" | "stallMs">

// While nobody asks there is nothing to strike at; this often it is looked whether somebody does again.
const awayMs = 1000

/** One stream under watch. */
export class ContentWatch {
  private readonly response: HttpResponse
  private readonly limits: Limits
  private readonly clock: Clock.Clock
  private begun = false
  private waitingSince: number | undefined
  /** Waited for since the last content or, before the first, since the beginning of the attempt. */
  private waitedMs: number

  constructor(response: HttpResponse, limits: Limits, clock: Clock.Clock) {
    this.response = response
    this.limits = limits
    this.clock = clock
    this.waitedMs = response.elapsedMs()
  }

  /** From now on something is waited for. */
  waits(): void {
    this.waitingSince = this.now()
  }

  /** Something has come. */
  came(parts: ReadonlyArray<Response.StreamPartEncoded>): void {
    const isContent = parts.some(givesOut)
    this.begun ||= isContent
    this.waitedMs = isContent ? 0 : this.waitedMs + this.waitingMs()
    this.waitingSince = undefined
  }

  /** How long until it is to be looked at again, in milliseconds, if ever; zero or below: a limit is reached. */
  lookAfterMs(): number {
    const { firstContentMs, stallMs } = this.limits
    const leftMs = this.leftMs(this.begun ? stallMs : firstContentMs)
    // The first content may come right now, and the next is then waited for.
    return this.begun || stallMs === 0 ? leftMs : Math.min(leftMs, stallMs)
  }

  /** Ends the answer for the limit that is reached. */
  get strike(): Effect.Effect<void> {
    return this.response.end(this.reason())
  }

  /** How long until a limit can be reached; zero or below: it is. */
  private leftMs(limitMs: number): number {
    if (limitMs === 0) return Number.POSITIVE_INFINITY
    const left = limitMs - this.waitedMs - this.waitingMs()
    return this.waitingSince === undefined ? Math.max(left, Math.min(awayMs, limitMs)) : left
  }

  private reason(): Reason.Reason {
    const { firstContentMs, stallMs } = this.limits
    return this.begun
      ? new Reason.StreamStalled({ limitMs: stallMs, waitedFor: "content" })
      : new Reason.FirstOutputTimeout({ limitMs: firstContentMs })
  }

  private waitingMs(): number {
    return this.waitingSince === undefined ? 0 : this.now() - this.waitingSince
  }

  private now(): number {
    return this.clock.currentTimeMillisUnsafe()
  }
}

const givesOut = (part: Response.StreamPartEncoded): boolean => exposure(part) !== "nothing"
