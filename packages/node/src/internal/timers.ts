/** Time limits as timers take them, whoever made them. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as TimeLimits from "@holdfast/core/TimeLimits"

/** The longest that a Node timer waits, about 25 days; one set to more strikes at once. */
export const longestTimerMs = 2 ** 31 - 1

const names = ["connectMs", "headersMs", "livenessMs"] as const

/** Limits that every timer can be set to: whole milliseconds, 0 for none. What no timer can wait for is no limit. */
export const bounded = (limits: TimeLimits.Resolved = TimeLimits.defaults): TimeLimits.Resolved => ({
  connectMs: bound(limits.connectMs),
  headersMs: bound(limits.headersMs),
  livenessMs: bound(limits.livenessMs)
})

const bound = (ms: number): number => (ms === 0 || ms > longestTimerMs ? 0 : Math.max(1, Math.round(ms)))

/** What is wrong with limits that were made by hand: a number below zero, or none. */
export const problems = (limits: TimeLimits.Resolved = TimeLimits.defaults): ReadonlyArray<Problem> =>
  names.flatMap((name): ReadonlyArray<Problem> =>
    limits[name] >= 0
      ? []
      : [
          {
            kind: "InvalidOption",
            place: `limits.${name}`,
            expected: "milliseconds, 0 for no limit",
            found: String(limits[name])
          }
        ]
  )
