/**
 * How long a server keeps an idle connection, learnt from the connections that it closed. Pure: what was seen goes in,
 * and the limit is read off the state that comes out.
 *
 * A server that closes because a time has passed does so at the same idle time again and again; one that restarts closes
 * connections of all idle times at one moment. So moments are counted and not connections, a moment at which idle times
 * differ tells nothing, and a connection that was used beyond the supposed limit takes one moment back.
 */

/** A moment at which the server closed idle connections. */
interface Moment {
  /** Of the first close, in milliseconds. */
  readonly at: number
  /** The shortest and the longest time for which one of them had been idle. */
  readonly leastMs: number
  readonly mostMs: number
}

/** What has been seen of one origin, the oldest first. */
export type State = ReadonlyArray<Moment>

/** Nothing has been seen. */
export const empty: State = []

/** The limit that moments agree on. */
export interface Limit {
  /** The shortest idle time at which the server closed. */
  readonly limitMs: number
  /** The longest, of those that agree with it. */
  readonly mostMs: number
  /** How many moments agree. */
  readonly observed: number
  /** When the newest of them was. */
  readonly newestAt: number
  /** When too few of them will be left to tell. */
  readonly until: number
}

// Two may agree by chance.
const enough = 3

// A server is configured anew, or replaced, without a word.
const memoryMs = 30 * 60_000

// What keeps moments apart: a restart closes all connections within milliseconds, and a busy loop hears of it late.
const togetherMs = 100

// No server is told to keep connections for less. What closes sooner restarts, crashes, or does not announce its close.
const leastLimitMs = 100

// A limit that a few moments more would not make surer; a change is noticed the sooner.
const kept = 8

/**
 * How far apart idle times of the same limit may lie, in milliseconds. nginx and haproxy, told to close after 1000 ms,
 * were seen to after 991 to 1005 (bench/stale): their timers are that exact. A process that is kept from running hears of
 * answers and of closes late, and sees other times by as much; a tenth is for that, and for servers that look for idle
 * connections now and then.
 */
export const slackMs = (idleMs: number): number => Math.max(50, idleMs / 10)

/** The server closed a connection that had been idle. */
export const closed = (state: State, at: number, idleMs: number): State => {
  const together = state.find((moment) => Math.abs(at - moment.at) <= togetherMs)
  const moment = {
    at: together?.at ?? at,
    leastMs: Math.min(idleMs, together?.leastMs ?? idleMs),
    mostMs: Math.max(idleMs, together?.mostMs ?? idleMs)
  }
  const others = state.filter((other) => other !== together && isRemembered(other, at))
  return trim([...others, moment].toSorted(byTime), at)
}

/** A request was answered on a connection that had been idle, or a connection was idle for so long and is still open. */
export const survived = (state: State, idleMs: number): State => {
  const refuted = state.findIndex((moment) => idleMs > refutedBy(moment))
  return refuted === -1 ? state : state.toSpliced(refuted, 1)
}

/** What a connection must survive to have said anything: the least, in milliseconds. */
export const refutableMs = (state: State): number => Math.min(...state.map(refutedBy))

/** The limit that is in force: the lowest that enough moments agree on. */
export const limitAt = (state: State, now: number): Limit | undefined => {
  const moments = state.filter((moment) => isTelling(moment) && isRemembered(moment, now))
  const ascending = moments.map(({ leastMs }) => leastMs).toSorted((a, b) => a - b)
  const limitMs = ascending.find((idleMs, index) => {
    const last = ascending[index + enough - 1]
    return last !== undefined && agree(idleMs, last)
  })
  if (limitMs === undefined) return undefined
  const agreeing = moments.filter(({ leastMs }) => leastMs >= limitMs && agree(limitMs, leastMs))
  const newest = agreeing.map(({ at }) => at).toSorted((a, b) => b - a)
  return {
    limitMs,
    mostMs: Math.max(...agreeing.map(({ leastMs }) => leastMs)),
    observed: agreeing.length,
    newestAt: newest[0] ?? now,
    until: (newest[enough - 1] ?? now) + memoryMs
  }
}

/**
 * How long a connection may be idle under a limit. The server counts from when it has sent its answer and until it has
 * the next request: a round trip more than is counted here. The rest is for timers and busy loops on both sides.
 */
export const evictAfterMs = ({ limitMs }: Limit, roundTripMs: number): number =>
  Math.max(0, limitMs - roundTripMs - slackMs(limitMs))

/** How long a connection must be idle to refute a limit. */
export const refutesMs = ({ mostMs }: Limit): number => mostMs + slackMs(mostMs) + 1

const agree = (leastMs: number, idleMs: number): boolean => idleMs - leastMs <= slackMs(leastMs)

const refutedBy = ({ leastMs }: Moment): number => leastMs + slackMs(leastMs)

const isTelling = ({ leastMs, mostMs }: Moment): boolean => leastMs >= leastLimitMs && agree(leastMs, mostMs)

const isRemembered = (moment: Moment, now: number): boolean => now - moment.at < memoryMs

const byTime = (a: Moment, b: Moment): number => a.at - b.at

/** Keeps the newest: of those that agree with the limit, and of the others, which may agree on another one day. */
const trim = (state: State, now: number): State => {
  const limit = limitAt(state, now)
  const isAgreeing = ({ leastMs }: Moment): boolean =>
    limit !== undefined && leastMs >= limit.limitMs && leastMs <= limit.mostMs
  const telling = state.filter((moment) => isTelling(moment) || now - moment.at <= togetherMs)
  const agreeing = telling.filter(isAgreeing).slice(-kept)
  const others = telling.filter((moment) => !isAgreeing(moment)).slice(-kept)
  return [...agreeing, ...others].toSorted(byTime)
}
