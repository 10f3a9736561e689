/**
 * How long the connections to one origin may be idle: no longer than the pool's own limit, and less where the server has
 * been seen to close them sooner.
 *
 * A connection that is over the limit is ended before a request would go on it, and by a timer at the latest. One at a
 * time may outlive a limit that has long not been confirmed, still never to be used: what becomes of it tells whether the
 * server still has that limit.
 */
import type { Limit, State } from "./idleLimit.ts"
import * as IdleLimit from "./idleLimit.ts"

/** A connection, as far as its idling goes. */
export interface Idler {
  /** Whether it waits for a next request. */
  readonly isIdle: boolean
  /** Milliseconds. */
  readonly idleSince: number
  /** Closes it because it was idle for too long. */
  readonly evict: () => void
  /** When its idleness is looked at again. */
  timer: NodeJS.Timeout | undefined
}

/** A limit in force. */
export interface InForce extends Limit {
  /** How long a connection may be idle under it, in milliseconds. */
  readonly evictAfterMs: number
}

/** How idling is bounded. */
export interface Options {
  /** The pool's own limit, in milliseconds. */
  readonly keepAliveMs: number
  readonly learn: boolean
  readonly now: () => number
  readonly roundTripMs: () => number
  /** Told when a limit is learnt, changes or is forgotten. */
  readonly onChange: (limit: InForce | undefined, before: InForce | undefined) => void
}

// Six chances to confirm a limit before it is forgotten.
const confirmAfterMs = 5 * 60_000

/** The idling of one origin's connections. */
export class Idling {
  /** The connections that are open. */
  readonly open = new Set<Idler>()
  private readonly options: Options
  private state: State = IdleLimit.empty
  private limit: InForce | undefined
  private allowedMs: number
  private refutableMs = Number.POSITIVE_INFINITY
  /** The connection that outlives the limit. */
  private probe: Idler | undefined

  constructor(options: Options) {
    this.options = options
    this.allowedMs = options.keepAliveMs
  }

  /** The limit that was learnt, while it is in force. */
  get learnt(): InForce | undefined {
    this.refresh()
    return this.limit
  }

  opened(idler: Idler): void {
    this.open.add(idler)
  }

  closed(idler: Idler): void {
    this.open.delete(idler)
    this.disarm(idler)
  }

  /** A connection has become idle. Its timer, once set, runs on through requests: none is set for each. */
  idle(idler: Idler): void {
    if (this.limit !== undefined && idler.timer === undefined) this.arm(idler, this.options.now())
  }

  /** Whether a connection has been idle for too long to be used. */
  isOver(idler: Idler): boolean {
    const idleMs = this.options.now() - idler.idleSince
    if (idleMs <= this.allowedMs) return false
    this.refresh()
    return idleMs > this.allowedMs
  }

  /** The server closed a connection that had been idle for so long. */
  peerClosed(idleMs: number): void {
    if (!this.options.learn) return
    this.learn(IdleLimit.closed(this.state, this.options.now(), idleMs))
  }

  /** A connection that had been idle for so long was good for an answer. */
  survived(idleMs: number): void {
    if (idleMs > this.refutableMs) this.learn(IdleLimit.survived(this.state, idleMs))
  }

  private learn(state: State): void {
    this.state = state
    this.refutableMs = IdleLimit.refutableMs(state)
    this.update()
  }

  /** Forgets what is too old. */
  private refresh(): void {
    if (this.limit !== undefined && this.options.now() >= this.limit.until) this.update()
  }

  private update(): void {
    const { keepAliveMs, now, onChange, roundTripMs } = this.options
    const before = this.limit
    const limit = IdleLimit.limitAt(this.state, now())
    this.limit = limit && { ...limit, evictAfterMs: IdleLimit.evictAfterMs(limit, roundTripMs()) }
    this.allowedMs = Math.min(keepAliveMs, this.limit?.evictAfterMs ?? keepAliveMs)
    if (this.limit !== undefined && this.limit.evictAfterMs !== before?.evictAfterMs) this.armAll()
    if (isNews(before, this.limit)) onChange(this.limit, before)
  }

  private armAll(): void {
    const now = this.options.now()
    for (const idler of this.open) {
      if (!idler.isIdle || idler === this.probe) continue
      this.disarm(idler)
      this.arm(idler, now)
    }
  }

  private arm(idler: Idler, now: number): void {
    const leftMs = this.allowedMs - (now - idler.idleSince)
    this.wake(idler, leftMs, () => this.look(idler))
  }

  private wake(idler: Idler, afterMs: number, then: () => void): void {
    const due = () => {
      idler.timer = undefined
      then()
    }
    idler.timer = setTimeout(due, Math.max(0, afterMs) + 1).unref()
  }

  private disarm(idler: Idler): void {
    clearTimeout(idler.timer)
    idler.timer = undefined
    if (this.probe === idler) this.probe = undefined
  }

  private look(idler: Idler): void {
    // It is armed again when it is idle again.
    if (!idler.isIdle) return
    if (!this.isOver(idler)) this.idle(idler)
    else if (this.limit !== undefined && this.isUnconfirmed(this.limit)) this.watch(idler, this.limit)
    else idler.evict()
  }

  private isUnconfirmed(limit: InForce): boolean {
    return this.probe === undefined && this.options.now() - limit.newestAt > confirmAfterMs
  }

  /** Lets a connection outlive the limit. Nothing is sent on it any more: a dispatch would find it over the limit. */
  private watch(idler: Idler, limit: InForce): void {
    this.probe = idler
    const idleMs = () => this.options.now() - idler.idleSince
    const survived = () => {
      if (!this.open.has(idler) || !idler.isIdle) return
      this.probe = undefined
      this.survived(idleMs())
      idler.evict()
    }
    // A close that has arrived is heard after the timers of this turn.
    this.wake(idler, IdleLimit.refutesMs(limit) - idleMs(), () => setImmediate(survived))
  }
}

/** Not the few milliseconds by which one more moment moves a limit. */
const isNews = (before: InForce | undefined, after: InForce | undefined): boolean => {
  if (before === undefined || after === undefined) return before !== after
  return Math.abs(after.limitMs - before.limitMs) > IdleLimit.slackMs(before.limitMs)
}
