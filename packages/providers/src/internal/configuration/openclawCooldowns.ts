/** `auth.cooldowns` in OpenClaw's configuration: for how long profiles are left alone. */
import type { Problem } from "@holdfast/core/InvalidInput"
import type { Options } from "@holdfast/core/ProviderHealth"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { healthOf } from "./health.ts"

/** A number of hours or minutes: four weeks are the longest that anything is held. */
const upTo = (most: number, unit: string) => {
  const expected = `a number of ${unit} above 0, up to ${most}`
  return Schema.optionalKey(
    Schema.Finite.annotate({ expected }).check(
      Schema.isBetween({ minimum: 0, maximum: most, exclusiveMinimum: true }, { expected })
    )
  )
}

const Hours = upTo(672, "hours")
const Minutes = upTo(40_320, "minutes")

/** The section. What it says of single providers, and of rotations, is not taken. */
export const Cooldowns = Schema.Struct({
  billingBackoffHours: Hours,
  billingMaxHours: Hours,
  authPermanentBackoffMinutes: Minutes,
  authPermanentMaxMinutes: Minutes,
  failureWindowHours: Hours
})

/** Windows that begin as they say and double; where one end is left out, it is OpenClaw's own. */
export const cooldownsOf = (
  cooldowns: typeof Cooldowns.Type | undefined,
  problems: Array<Problem>
): { readonly health?: Options | false } => {
  if (cooldowns === undefined) return {}
  const { authPermanentBackoffMinutes, authPermanentMaxMinutes, billingBackoffHours, billingMaxHours } = cooldowns
  const { failureWindowHours } = cooldowns
  const isBilling = billingBackoffHours !== undefined || billingMaxHours !== undefined
  const isAccess = authPermanentBackoffMinutes !== undefined || authPermanentMaxMinutes !== undefined
  const health: Options = {
    ...(isBilling
      ? { billing: { windows: doubling(billingBackoffHours ?? 5, billingMaxHours ?? 24, Duration.hours) } }
      : undefined),
    ...(isAccess
      ? {
          access: {
            windows: doubling(authPermanentBackoffMinutes ?? 10, authPermanentMaxMinutes ?? 60, Duration.minutes)
          }
        }
      : undefined),
    ...(failureWindowHours === undefined ? undefined : { idleTimeToLive: Duration.hours(failureWindowHours) })
  }
  return Object.keys(health).length === 0 ? {} : healthOf(health, problems)
}

// From a millisecond to four weeks it doubles 32 times.
const mostWindows = 33

const doubling = (
  first: number,
  most: number,
  of: (n: number) => Duration.Duration
): ReadonlyArray<Duration.Duration> => {
  const windows = [Math.min(first, most)]
  for (let next = first * 2; (windows.at(-1) ?? most) < most && windows.length < mostWindows; next *= 2) {
    windows.push(Math.min(next, most))
  }
  return windows.map(of)
}
