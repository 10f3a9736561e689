/** The numbers of health: defaults, checks and how long a window lasts. */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Problem } from "../../InvalidInput.ts"
import { InvalidInput } from "../../InvalidInput.ts"
import type { Cooldown, Entry, Kind, Options } from "../../ProviderHealth.ts"
import type * as Reason from "../../Reason.ts"

/** Numbers of one kind, as they are used. */
export interface Windows {
  readonly after: number
  /** The n-th window in a row; the last one repeats. */
  readonly windowsMs: Arr.NonEmptyReadonlyArray<number>
}

/** All numbers, as they are used. */
export interface Settings {
  readonly kinds: { readonly [K in Entry["kind"]]: Windows }
  readonly longestRetryAfterMs: number
  readonly idleTimeToLiveMs: number
}

const seconds = 1000
const minutes = 60 * seconds
const hours = 60 * minutes

const short: Windows = { after: 1, windowsMs: [30 * seconds, minutes, 5 * minutes] }

/** The defaults. */
export const defaults: Settings = {
  kinds: {
    limit: short,
    capacity: short,
    refusal: short,
    billing: { after: 1, windowsMs: [5 * hours, 10 * hours, 20 * hours, 24 * hours] },
    access: { after: 1, windowsMs: [hours, 5 * hours, 24 * hours] },
    fault: { after: 5, windowsMs: Arr.makeBy(10, (n) => (n + 1) * 30 * seconds) }
  },
  longestRetryAfterMs: 24 * hours,
  idleTimeToLiveMs: hours
}

// More in a row than anybody waits for.
const mostFailures = 1_000_000

// Four weeks: longer than any provider's window, short enough for every store.
const longestMs = 28 * 24 * hours

/** The options with the defaults filled in, or everything that is wrong with them. */
export const resolve = (options: Options = {}): Result.Result<Settings, InvalidInput> => {
  const wrong: Array<Problem> = []
  const windowsOf = (kind: Kind): Windows => {
    const given = options[kind]
    const byDefault = defaults.kinds[kind]
    if (given === undefined) return byDefault
    const { after = byDefault.after } = given
    if (!(Number.isSafeInteger(after) && after >= 1 && after <= mostFailures)) {
      wrong.push(problem(`${kind}.after`, `a whole number of failures from 1 to ${mostFailures}`, String(after)))
    }
    return { after, windowsMs: windowsMsOf(kind, given, byDefault.windowsMs) }
  }
  const windowsMsOf = (kind: Kind, { windows }: Cooldown, byDefault: Windows["windowsMs"]): Windows["windowsMs"] => {
    if (windows === undefined) return byDefault
    const given = windows.map((window, n) => msOf(`${kind}.windows[${n}]`, window, 1))
    if (!Arr.isArrayNonEmpty(given)) {
      wrong.push(problem(`${kind}.windows`, "at least one duration", "none"))
      return byDefault
    }
    const shrinks = given.findIndex((ms, n) => n > 0 && ms < (given[n - 1] ?? 0))
    if (shrinks !== -1) {
      wrong.push(
        problem(`${kind}.windows[${shrinks}]`, "a window no shorter than the one before it", found(windows[shrinks]))
      )
    }
    return given
  }
  const msOf = (place: string, input: Duration.Input, fromMs: number): number => {
    const ms = Option.match(Duration.fromInput(input), { onNone: () => Number.NaN, onSome: Duration.toMillis })
    if (!(ms >= fromMs && ms <= longestMs)) {
      const from = fromMs === 0 ? "0" : "1 millisecond"
      wrong.push(problem(place, `a duration from ${from} to 28 days`, found(input)))
    }
    return Math.ceil(ms)
  }
  const capacity = windowsOf("capacity")
  const settings: Settings = {
    kinds: {
      limit: capacity,
      capacity,
      refusal: windowsOf("refusal"),
      billing: windowsOf("billing"),
      access: windowsOf("access"),
      fault: windowsOf("fault")
    },
    longestRetryAfterMs:
      options.longestRetryAfter === undefined
        ? defaults.longestRetryAfterMs
        : msOf("longestRetryAfter", options.longestRetryAfter, 0),
    idleTimeToLiveMs:
      options.idleTimeToLive === undefined
        ? defaults.idleTimeToLiveMs
        : msOf("idleTimeToLive", options.idleTimeToLive, 1)
  }
  return Arr.isArrayNonEmpty(wrong) ? Result.fail(new InvalidInput({ problems: wrong })) : Result.succeed(settings)
}

const problem = (place: string, expected: string, what: string): Problem => ({
  kind: "InvalidOption",
  place: `health.${place}`,
  expected,
  found: what
})

const found = (input: Duration.Input | undefined): string => {
  if (typeof input === "string") return JSON.stringify(input.slice(0, 40))
  return Duration.isDuration(input) ? Duration.format(input) : String(input)
}

/** How long the n-th window in a row lasts, counted from 1, in milliseconds, without what the provider asked for. */
export const windowMs = (settings: Settings, kind: Entry["kind"], n: number): number => {
  const { windowsMs } = settings.kinds[kind]
  return windowsMs[Math.min(n, windowsMs.length) - 1] ?? windowsMs[0]
}

/** How long the provider asked to be left alone, in milliseconds and within reason; 0 where it did not say. */
export const askedMs = ({ longestRetryAfterMs }: Settings, reason: Reason.Reason): number => {
  const asked = reason._tag === "RateLimited" || reason._tag === "Overloaded" ? (reason.retryAfterMs ?? 0) : 0
  return asked > 0 ? Math.min(Math.ceil(asked), longestRetryAfterMs) : 0
}

/** The longest that anything can be held without a further failure, in milliseconds. */
export const longestHeldMs = (settings: Settings): number =>
  Math.max(settings.longestRetryAfterMs, ...Object.values(settings.kinds).flatMap(({ windowsMs }) => windowsMs))
