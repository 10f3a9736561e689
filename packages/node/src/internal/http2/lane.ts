/**
 * The HTTP/2 connections to one origin, and who waits for a stream on one. Where the peer lets a connection carry fewer
 * streams than there are, more connections are made, up to the limit; beyond it attempts wait for others to end.
 */
import type { Attempt } from "../attempt.ts"
import type { Place } from "../carrier.ts"
import type { Connection } from "../connection.ts"
import { Dial } from "./dial.ts"
import type { Dialling } from "./dial.ts"
import type { Outgoing } from "./exchange.ts"
import type { Session } from "./session.ts"

/** How a lane is kept. */
export interface Options {
  readonly dialling: Omit<Dialling, "keeper"> & {
    readonly keeper: Omit<Dialling["keeper"], "free" | "gone" | "leaving">
  }
  /** The most connections at a time, or no limit. */
  readonly connections: number
  /** The peer speaks HTTP/1.1: what waits goes that way, and what was connected is not wasted. */
  readonly http1: (waiting: ReadonlyArray<Outgoing>, connection: Connection) => void
}

// RFC 9113 section 6.5.2: no smaller than 100 is what a peer is advised to allow.
const usualCapacity = 100

/** How long a connection may still take to be made for which nobody waits any more, in milliseconds. */
const orphanMs = 10_000

/** The HTTP/2 connections to one origin. */
export class Lane {
  private readonly options: Options
  private readonly sessions = new Set<Session>()
  /** Those that take no more streams. */
  private readonly leaving = new Set<Session>()
  private readonly dials = new Map<Dial, Set<Waiter>>()
  private readonly waiters = new Set<Waiter>()
  /** How many streams a connection is likely to carry. */
  private likely = usualCapacity
  private whenEmpty: (() => void) | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Whether the next attempt would go on a connection that has been waiting for one. */
  get isResting(): boolean {
    return this.pick()?.isIdle === true
  }

  get isEmpty(): boolean {
    return this.waiters.size === 0 && !this.all.some(({ isBusy }) => isBusy)
  }

  /** Puts an attempt on a connection, at once or when there is room. */
  send(outgoing: Outgoing): void {
    const session = this.waiters.size === 0 ? this.pick() : undefined
    if (session !== undefined) return session.start(outgoing)
    const { attempt } = outgoing
    const waiter = new Waiter(
      outgoing,
      (error) => this.drop(waiter, error),
      () => this.expire(waiter)
    )
    this.waiters.add(waiter)
    attempt.assign(waiter)
    this.cover()
  }

  /** Waits until nothing is on the way, and closes. */
  async close(): Promise<void> {
    if (!this.isEmpty) await new Promise<void>((resolve) => (this.whenEmpty = resolve))
    const sessions = this.all
    for (const session of sessions) session.retire("local-abort")
    await Promise.all(sessions.map(({ closed }) => closed))
  }

  /** Ends everything. */
  destroy(error: Error): void {
    for (const { outgoing } of this.waiters) outgoing.attempt.abort(error)
    for (const dial of this.dials.keys()) this.abandon(dial, error)
    for (const session of this.all) session.destroy("local-abort", error)
  }

  private get all(): ReadonlyArray<Session> {
    return [...this.sessions, ...this.leaving]
  }

  private pick(): Session | undefined {
    for (const session of this.sessions) {
      session.connection.prepare()
      if (session.isSpent) session.retire("local-limit")
      if (session.room > 0) return session
    }
    return undefined
  }

  /** Gives those who wait to the connections that have room. */
  private pump(): void {
    for (const waiter of this.waiters) {
      const session = this.pick()
      if (session === undefined) break
      this.forget(waiter)
      session.start(waiter.outgoing)
    }
    this.cover()
    if (this.isEmpty) this.whenEmpty?.()
  }

  /** Makes as many connections as those who wait are likely to need. */
  private cover(): void {
    for (const waiter of this.waiters) {
      if (waiter.dial !== undefined) continue
      const found = [...this.dials].find(([, waiting]) => waiting.size < Math.max(1, this.likely))
      const { connectMs } = waiter.outgoing.attempt.limits
      const dial = found?.[0] ?? this.dial(connectMs > 0 ? connectMs : undefined)
      if (dial === undefined) return
      this.dials.get(dial)?.add(waiter)
      waiter.follow(dial)
    }
  }

  private dial(limitMs: number | undefined): Dial | undefined {
    const made = this.sessions.size + this.dials.size
    // A peer that lets its connections carry nothing is not asked for another.
    if (made >= this.options.connections || (this.likely === 0 && made > 0)) return undefined
    const { dialling, http1 } = this.options
    const keeper = {
      ...dialling.keeper,
      free: () => this.pump(),
      leaving: (session: Session) => this.retire(session),
      gone: (session: Session) => void this.leaving.delete(session)
    }
    const dial = new Dial({ ...dialling, keeper }, limitMs, {
      session: (session) => {
        for (const waiter of this.settle(dial)) waiter.follow(undefined)
        this.sessions.add(session)
        this.likely = session.capacity
        this.pump()
      },
      http1: (connection) => {
        this.settle(dial)
        const waiting = [...this.waiters]
        for (const waiter of waiting) this.forget(waiter)
        http1(
          waiting.map(({ outgoing }) => outgoing),
          connection
        )
      },
      failed: (error) => {
        for (const waiter of this.settle(dial)) {
          this.forget(waiter)
          waiter.outgoing.attempt.onResponseError(undefined, error)
        }
        this.pump()
      }
    })
    this.dials.set(dial, new Set())
    return dial
  }

  /** A connection is made, or will not be; ends with those who waited for it. */
  private settle(dial: Dial): ReadonlySet<Waiter> {
    const waiting = this.dials.get(dial) ?? new Set()
    this.dials.delete(dial)
    return waiting
  }

  /** Others take its place. */
  private retire(session: Session): void {
    if (!this.sessions.delete(session)) return
    this.leaving.add(session)
    this.pump()
  }

  private forget(waiter: Waiter): void {
    this.waiters.delete(waiter)
    waiter.stop()
    const { dial } = waiter
    if (dial === undefined) return
    const waiting = this.dials.get(dial)
    waiting?.delete(waiter)
    // Somebody else may use it; that it comes about is no longer anybody's limit.
    if (waiting?.size === 0) setTimeout(() => this.abandon(dial, new Error("nobody waits for it")), orphanMs).unref()
  }

  /** One who waits is gone. A connection that nobody else waits for need not be made. */
  private drop(waiter: Waiter, error: Error): void {
    if (!this.waiters.has(waiter)) return
    this.forget(waiter)
    if (waiter.dial !== undefined) this.abandon(waiter.dial, error)
    if (this.isEmpty) this.whenEmpty?.()
  }

  /** Gives a connection up that nobody waits for. Forgotten first: who comes now is not to wait for it. */
  private abandon(dial: Dial, error: Error): void {
    if (this.dials.get(dial)?.size !== 0) return
    this.dials.delete(dial)
    dial.abandon(error)
  }

  /** Its connect limit has passed. Those who wait for others to end are not held up by a connection. */
  private expire(waiter: Waiter): void {
    const behindOthers = waiter.dial === undefined && [...this.sessions].some(({ isBusy }) => isBusy)
    if (behindOthers) waiter.wait()
    else waiter.outgoing.attempt.abort(new this.options.dialling.undici.errors.ConnectTimeoutError())
  }
}

/** An attempt that waits for a stream. */
class Waiter implements Place {
  readonly outgoing: Outgoing
  readonly connection = undefined
  dial: Dial | undefined
  private readonly gone: (error: Error) => void
  private readonly due: () => void
  private timer: NodeJS.Timeout | undefined

  constructor(outgoing: Outgoing, gone: (error: Error) => void, due: () => void) {
    this.outgoing = outgoing
    this.gone = gone
    this.due = due
    this.wait()
  }

  get connecting() {
    return this.dial?.connecting
  }

  enter(): void {}

  leave(_: Attempt, error?: Error): void {
    if (error !== undefined) this.gone(error)
  }

  /** Waits for this connection now. */
  follow(dial: Dial | undefined): void {
    this.dial = dial
    this.outgoing.attempt.connecting = dial?.connecting
  }

  /** Waits for as long as a connection may take. */
  wait(): void {
    const { connectMs } = this.outgoing.attempt.limits
    if (connectMs > 0) this.timer = setTimeout(this.due, connectMs)
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
