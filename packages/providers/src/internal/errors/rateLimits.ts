/**
 * What any answer says of the rate limits it was counted against, in the spellings of OpenAI and those who follow it
 * (`x-ratelimit-remaining-requests`) and of Anthropic (`anthropic-ratelimit-requests-remaining`).
 */
import type { RateLimit, ReadRateLimits } from "@holdfast/core/RateLimits"
import type { Headers } from "./wait.ts"
import { bucketHeaders, nowOf, resetMsIn, retryMsIn } from "./wait.ts"

const spellings = bucketHeaders.map(
  ([counted = "requests", left, reset]) => ({ counted, left, reset, size: left.replace("remaining", "limit") }) as const
)

const nothing: ReadonlyArray<RateLimit> = []

/**
 * Reads them. The times of a limit are read only where nothing of it remains: answers without these headers, and those
 * that say that something does, cost a few look-ups. `retry-after` tells of the next request, where nothing remains.
 */
export const readRateLimits: ReadRateLimits = (headers, at) => {
  let limits: Array<RateLimit> | undefined
  for (const { counted, left, reset, size } of spellings) {
    const remaining = whole(headers[left])
    if (remaining === undefined) continue
    limits ??= []
    if (remaining > 0) limits.push({ counted, remaining, resetMs: 0 })
    else limits.push(...spent(headers, { counted, reset, size }, at))
  }
  return limits ?? nothing
}

const spent = (
  headers: Headers,
  { counted, reset, size }: Pick<(typeof spellings)[number], "counted" | "reset" | "size">,
  at: number
): ReadonlyArray<RateLimit> => {
  const now = nowOf(headers, at)
  const nextMs = retryMsIn(headers, now)
  const resetMs = resetMsIn(headers[reset], now) ?? nextMs
  if (resetMs === undefined) return nothing
  const limit = whole(headers[size])
  return [
    {
      counted,
      remaining: 0,
      resetMs,
      ...(limit === undefined ? undefined : { limit }),
      ...(nextMs === undefined || nextMs === 0 ? undefined : { nextMs })
    }
  ]
}

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : undefined
