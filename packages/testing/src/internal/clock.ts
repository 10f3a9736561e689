/**
 * The only place of the server process that touches real time.
 */

/** A pending timer. */
export type Timer = NodeJS.Timeout

/** Milliseconds since the process started, to the microsecond. */
export const now = (): number => Math.round(performance.now() * 1000) / 1000

/** Runs `run` once, after `ms` milliseconds. */
export const after = (ms: number, run: () => void): Timer => setTimeout(run, ms)

/** Stops a timer; what has run already stays run. */
export const cancel = (timer: Timer | undefined): void => clearTimeout(timer)

/** A date `days` from today, for certificates. */
export const daysFromNow = (days: number): Date => new Date(Date.now() + days * 86_400_000)

/**
 * Lets the event loop turn `turns` times: what the kernel had already received when this was called, an accept included, has then been
 * seen. It stands before every look at the truth.
 */
export const settle = (turns: number, done: () => void): void => {
  if (turns === 0) done()
  else setImmediate(() => settle(turns - 1, done))
}
