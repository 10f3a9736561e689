/**
 * A rate limit of which a provider has said that nothing remains, and when what it counts is there again.
 *
 * Where its size is known it fills up evenly until the reset: OpenAI's and Anthropic's resets both tell when the limit is
 * full again, so the first of 60 requests is there after a sixtieth of that time. Where it is not, all is there at the
 * reset.
 */
import type { RateLimit } from "../../RateLimits.ts"

/** When it is there again. */
export class Spent {
  /** When it is full; nothing is to be waited for from then on. */
  readonly fullAt: number
  private readonly unitMs: number
  /** When it was empty, counting those that have begun since. */
  private emptyAt: number
  /** When the next may begin, where that was said. */
  private nextAt: number | undefined

  constructor({ limit, nextMs, resetMs }: RateLimit, at: number) {
    const isSized = limit !== undefined && limit > 0
    this.emptyAt = at
    this.unitMs = isSized ? resetMs / limit : 0
    this.nextAt = nextMs === undefined ? (isSized ? undefined : at + resetMs) : at + nextMs
    this.fullAt = Math.max(at + resetMs, this.nextAt ?? 0)
  }

  /** When somebody who needs so much may begin, once those before it have taken what they need. */
  readyAt(need: number, before: number): number {
    const at =
      this.nextAt === undefined ? this.emptyAt + (before + need) * this.unitMs : this.nextAt + before * this.unitMs
    return Math.min(at, this.fullAt)
  }

  /** Somebody who needs so much begins. */
  take(need: number): void {
    this.emptyAt = this.nextAt ?? this.emptyAt + need * this.unitMs
    this.nextAt = undefined
  }
}
