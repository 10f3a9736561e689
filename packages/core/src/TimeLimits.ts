/**
 * The time limits of a call and of its attempts. Each has a reason of its own; none is a "timeout" in general, and none
 * counts against a provider's health.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Problem } from "./InvalidInput.ts"
import type { Reason } from "./Reason.ts"

/** Limits as an app writes them; `false` switches one off. */
export interface TimeLimits {
  /** From name look-up to the end of the TLS handshake, per attempt. Default 10 s. */
  readonly connect?: Duration.Input | false
  /**
   * Until the response head has come. Default 60 s for streaming calls. The head of any other comes with its answer, which
   * may take minutes: those have this limit only where it is set.
   */
  readonly headers?: Duration.Input | false
  /** Between any two bytes of the answer; pings count. Default 90 s. */
  readonly liveness?: Duration.Input | false
  /**
   * From the beginning of an attempt to its first content, where content is known: streams of a model. Pings do not
   * count. Default off, because models that reason think behind pings for minutes; 2 minutes fit most others.
   */
  readonly firstContent?: Duration.Input | false
  /** Between two contents of a stream; pings do not count. Default 10 min. */
  readonly stall?: Duration.Input | false
  /** The whole call, all its attempts and the waits between them. Default off. */
  readonly total?: Duration.Input | false
}

/** Limits in milliseconds; 0 is no limit. */
export interface Resolved {
  readonly connectMs: number
  readonly headersMs: number
  /** Until the head of an answer that does not stream, which comes when all of it has been made. */
  readonly answerMs: number
  readonly livenessMs: number
  readonly firstContentMs: number
  readonly stallMs: number
  readonly totalMs: number
}

/** The defaults, in milliseconds. */
export const defaults: Resolved = {
  connectMs: 10_000,
  headersMs: 60_000,
  answerMs: 0,
  livenessMs: 90_000,
  firstContentMs: 0,
  stallMs: 600_000,
  totalMs: 0
}

/** The longest that a timer can be set to, about 25 days (HTML, "timer initialization steps": a 32-bit integer). */
export const longestMs = 2 ** 31 - 1

/** Milliseconds as a timer takes them: whole, 0 for no limit, which is also what no timer can wait for. */
export const bound = (ms: number): number => (ms === 0 || ms > longestMs ? 0 : Math.max(1, Math.round(ms)))

const names = ["connect", "headers", "liveness", "firstContent", "stall", "total"] as const

const toMs = (limit: Duration.Input | false | undefined, fallback: number): number => {
  if (limit === undefined) return fallback
  if (limit === false) return 0
  const ms = Option.match(Duration.fromInput(limit), { onNone: () => fallback, onSome: Duration.toMillis })
  return bound(Math.max(ms, 1))
}

/**
 * Fills in the defaults. A limit that no timer can be set to, `Duration.infinity` or more than 24 days, is none; what
 * {@link problems} complains of is taken as not set, or as the shortest.
 */
export const resolve = (limits: TimeLimits = {}): Resolved => ({
  connectMs: toMs(limits.connect, defaults.connectMs),
  headersMs: toMs(limits.headers, defaults.headersMs),
  answerMs: toMs(limits.headers, defaults.answerMs),
  livenessMs: toMs(limits.liveness, defaults.livenessMs),
  firstContentMs: toMs(limits.firstContent, defaults.firstContentMs),
  stallMs: toMs(limits.stall, defaults.stallMs),
  totalMs: toMs(limits.total, defaults.totalMs)
})

/**
 * Whether an attempt ended because a limit of ours was reached. That says what we would not wait for, and nothing of the
 * provider's health: no cooldown and no circuit may count it.
 */
export const isLimit = (reason: Reason): boolean => ours[reason._tag] === true

/** The limits of one answer, by whether it streams: `headersMs` is then the one that holds for its head. */
export const ofAnswer = (limits: Resolved, streaming: boolean): Resolved =>
  streaming || limits.headersMs === limits.answerMs ? limits : { ...limits, headersMs: limits.answerMs }

const ours: { readonly [T in Reason["_tag"]]?: true } = {
  ConnectTimeout: true,
  HeadersTimeout: true,
  FirstOutputTimeout: true,
  StreamStalled: true,
  TotalTimeout: true
}

/** The limits, with what is left for the whole in place of theirs. */
export const within = (limits: Resolved, totalMs: number): Resolved =>
  totalMs === limits.totalMs ? limits : { ...limits, totalMs }

/** What is wrong with limits that an app or an operator wrote: text that is no duration, or none that is above zero. */
export const problems = (limits: TimeLimits = {}, place = "limits"): ReadonlyArray<Problem> =>
  names.flatMap((name): ReadonlyArray<Problem> => {
    const limit = limits[name]
    if (limit === undefined || limit === false) return []
    const duration = Duration.fromInput(limit)
    if (Option.isSome(duration) && Duration.toMillis(duration.value) > 0) return []
    const found = typeof limit === "string" ? JSON.stringify(limit.slice(0, 40)) : String(limit)
    return [{ kind: "InvalidOption", place: `${place}.${name}`, expected: "a duration above zero, or false", found }]
  })

/** Limits that somebody made by hand, as timers take them: whole milliseconds, and none where no timer can wait so long. */
export const bounded = (limits?: Resolved): Resolved =>
  limits === undefined
    ? defaults
    : {
        connectMs: bound(limits.connectMs),
        headersMs: bound(limits.headersMs),
        answerMs: bound(limits.answerMs),
        livenessMs: bound(limits.livenessMs),
        firstContentMs: bound(limits.firstContentMs),
        stallMs: bound(limits.stallMs),
        totalMs: bound(limits.totalMs)
      }

/** What is wrong with limits that somebody made by hand: a number below zero, or none. */
export const boundedProblems = (limits: Resolved = defaults): ReadonlyArray<Problem> =>
  isBounded(limits) ? noProblems : problemsIn(limits)

const noProblems: ReadonlyArray<Problem> = []

const isBounded = (limits: Resolved): boolean =>
  limits.connectMs >= 0 &&
  limits.headersMs >= 0 &&
  limits.answerMs >= 0 &&
  limits.livenessMs >= 0 &&
  limits.firstContentMs >= 0 &&
  limits.stallMs >= 0 &&
  limits.totalMs >= 0

const problemsIn = (limits: Resolved): ReadonlyArray<Problem> =>
  ([...names, "answer"] as const).flatMap((name): ReadonlyArray<Problem> => {
    const ms = limits[`${name}Ms`]
    if (ms >= 0) return []
    return [
      {
        kind: "InvalidOption",
        place: `limits.${name}Ms`,
        expected: "milliseconds, 0 for no limit",
        found: String(ms)
      }
    ]
  })
