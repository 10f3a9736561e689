/**
 * HTTP/2 for one provider, over Node's own client sessions: nothing is sent twice here, evidence is the stream's, and an
 * answer is whole only where the peer ended the stream. Origins that turn out to speak HTTP/1.1 go to undici.
 */
import type { TellingConnector } from "../connecting.ts"
import type { Connection, Observer, Site } from "../connection.ts"
import type { Undici } from "../undici.ts"
import type { Outgoing } from "./exchange.ts"
import { HandOver } from "./handOver.ts"
import { Lane } from "./lane.ts"
import type { Pace } from "./pulse.ts"
import { defaultPace } from "./pulse.ts"

/** What HTTP/2 is built from. */
export interface Options {
  readonly undici: Undici
  /** Connectors that offer HTTP/2, by origin. */
  readonly connectorOf: (origin: string) => TellingConnector
  readonly siteOf: (origin: string) => Site
  readonly observer: Observer
  /** How long an idle connection is kept, in milliseconds; 0: none is. */
  readonly keepAliveMs: number
  /** The most connections per origin, or no limit. */
  readonly connections: number | undefined
  /** The most requests that one connection carries, or no limit. */
  readonly maxRequests?: number | undefined
  /** Runs something once the turns of the event loop have passed that an idle connection is given before it is used. */
  readonly afterTurns: (then: () => void) => void
  readonly pace?: Pace
  /** Sends over HTTP/1.1. */
  readonly http1: (outgoing: Outgoing) => void
}

/** The connections to one origin: those that are shared, and those that are made for one request. */
interface Origin {
  readonly shared: Lane
  readonly single: Lane
}

/** The HTTP/2 connections of one provider. */
export class Http2 {
  readonly handOver = new HandOver()
  private readonly options: Options
  private readonly origins = new Map<string, Origin>()
  private readonly http1 = new Set<string>()
  private closed: Error | undefined
  private destroyed = false

  constructor(options: Options) {
    this.options = options
  }

  /** Whether an origin is one to try HTTP/2 with. */
  serves(origin: string): boolean {
    return origin.startsWith("https:") && !this.http1.has(origin)
  }

  send(outgoing: Outgoing): void {
    if (this.closed !== undefined) return outgoing.attempt.abort(this.closed)
    const { attempt, sent } = outgoing
    const { shared, single } = this.originOf(sent.origin)
    if (sent.fresh) return single.send(outgoing)
    if (!shared.isResting) return shared.send(outgoing)
    this.options.afterTurns(() => {
      if (attempt.ending !== undefined) return
      if (this.destroyed) attempt.abort(new this.options.undici.errors.ClientDestroyedError())
      else shared.send(outgoing)
    })
  }

  /** Waits for the requests that are on the way. */
  async close(): Promise<void> {
    this.closed ??= new this.options.undici.errors.ClientClosedError()
    await Promise.all(this.lanes().map((lane) => lane.close()))
    this.handOver.close()
  }

  /** Ends them. */
  destroy(): void {
    const error = new this.options.undici.errors.ClientDestroyedError()
    this.closed = error
    this.destroyed = true
    for (const lane of this.lanes()) lane.destroy(error)
    this.handOver.close()
  }

  private lanes(): ReadonlyArray<Lane> {
    return [...new Set([...this.origins.values()].flatMap(({ shared, single }) => [shared, single]))]
  }

  private originOf(origin: string): Origin {
    const known = this.origins.get(origin)
    if (known !== undefined) return known
    const single = this.lane(origin, 0)
    const shared = this.options.keepAliveMs > 0 ? this.lane(origin, this.options.keepAliveMs) : single
    const made = { shared, single }
    this.origins.set(origin, made)
    return made
  }

  private lane(origin: string, keepAliveMs: number): Lane {
    const { connections, connectorOf, http1, maxRequests, observer, pace, siteOf, undici } = this.options
    return new Lane({
      connections: connections ?? Number.POSITIVE_INFINITY,
      dialling: {
        undici,
        connector: connectorOf(origin),
        site: siteOf(origin),
        observer,
        keeper: {
          now: observer.now,
          errors: undici.errors,
          pace: pace ?? defaultPace,
          keepAliveMs,
          maxRequests: keepAliveMs === 0 ? 1 : (maxRequests ?? Number.POSITIVE_INFINITY),
          wantsHttp1: () => this.http1.add(origin)
        }
      },
      http1: (waiting: ReadonlyArray<Outgoing>, connection: Connection) => {
        this.http1.add(origin)
        this.handOver.put(connection)
        for (const outgoing of waiting) http1(outgoing)
      }
    })
  }
}
