/**
 * The time limits of a call and of its attempts. Each has a reason of its own; none is a "timeout" in general, and none
 * counts against a provider's health.
 */
import * as Duration from "effect/Duration"

/** Limits as an app writes them; `false` switches one off. */
export interface TimeLimits {
  /** From name look-up to the end of the TLS handshake, per attempt. Default 10 s. */
  readonly connect?: Duration.Input | false
  /** Until the response head has come, streaming calls only: the head of any other comes with its answer. Default 60 s. */
  readonly headers?: Duration.Input | false
  /** Between any two bytes of the answer; pings count. Default 90 s. */
  readonly liveness?: Duration.Input | false
}

/** Limits in milliseconds; 0 is no limit. */
export interface Resolved {
  readonly connectMs: number
  readonly headersMs: number
  readonly livenessMs: number
}

/** The defaults, in milliseconds. */
export const defaults: Resolved = { connectMs: 10_000, headersMs: 60_000, livenessMs: 90_000 }

const toMs = (limit: Duration.Input | false | undefined, fallback: number): number =>
  limit === undefined ? fallback : limit === false ? 0 : Math.max(1, Duration.toMillis(limit))

/** Fills in the defaults. */
export const resolve = (limits: TimeLimits = {}): Resolved => ({
  connectMs: toMs(limits.connect, defaults.connectMs),
  headersMs: toMs(limits.headers, defaults.headersMs),
  livenessMs: toMs(limits.liveness, defaults.livenessMs)
})
