/**
 * The connections of one provider: a pool per origin that keeps connections alive, and beside it one that makes a
 * connection for a single request. Both share a connector, so that TLS sessions are resumed.
 */
import type { LookupFunction } from "node:net"
import type { Readable } from "node:stream"
import type { Method } from "@holdfast/core/HttpTransport"
import type { Pool as UndiciPool } from "undici"
import type { Attempt } from "./attempt.ts"
import type { Observer, Site } from "./connection.ts"
import { headBytes } from "./headLimit.ts"
import { newSite } from "./connection.ts"
import type { TellingConnector } from "./connecting.ts"
import { makeConnector } from "./connector.ts"
import { Http2 } from "./http2/http2.ts"
import type { HandOver } from "./http2/handOver.ts"
import type { Pace } from "./http2/pulse.ts"
import { makeConnectors } from "./proxy/connector.ts"
import type { Choose } from "./proxy/proxy.ts"
import { route } from "./proxy/route.ts"
import type { attemptKey } from "./tracedClient.ts"
import { ClientTrace, makeClass, trace } from "./tracedClient.ts"
import { extraTurns, makeTurns } from "./turns.ts"
import type { ResolvedTls } from "./tls/options.ts"
import type { Undici } from "./undici.ts"

/** What a pool is made with, every choice made. */
export interface PoolOptions {
  /** How long an idle connection is kept, in milliseconds; 0: none is. */
  readonly keepAliveMs: number
  /** The most connections per origin, or no limit. */
  readonly connections: number | undefined
  /** Whether connections are closed sooner where the server has been seen to. */
  readonly learnIdleLimit: boolean
  /** The most requests that one connection serves, or no limit. */
  readonly maxRequests?: number | undefined
  /** How old a connection may be to be used once more, in milliseconds; infinite: any age. */
  readonly maxAgeMs?: number
  /** How TLS is spoken. */
  readonly tls?: ResolvedTls
  /** Looks host names up, in place of the system. */
  readonly lookup?: LookupFunction | undefined
  /** Whether HTTP/2 is offered. */
  readonly http2?: boolean
  /** When HTTP/2 connections are pinged; for tests. */
  readonly pace?: Pace
  /** Whether somebody else answers for the provider. */
  readonly behindGateway?: boolean
}

/** What is sent. */
export interface Sent {
  readonly origin: string
  readonly path: string
  readonly method: Method
  readonly headers: Array<string>
  readonly body: string | Uint8Array | Readable | null
  readonly fresh: boolean
  /** Milliseconds; 0 is no limit. */
  readonly headersTimeout: number
  readonly bodyTimeout: number
  /** Whose request it is; the pool says so to its clients. */
  [attemptKey]?: Attempt
}

/** The connections of one provider. */
export interface Pool {
  readonly dispatch: (sent: Sent, attempt: Attempt) => void
  /** What is known of the origins now. */
  readonly sites: () => Iterable<Site>
  /** Waits for the requests that are on the way. */
  readonly close: () => Promise<void>
  /** {@link close}, once what was handed over before has begun. */
  readonly finish: () => Promise<void>
  /** Ends them. */
  readonly destroy: () => Promise<void>
}

/** Makes the connections of one provider. Another number of turns is for measurements. */
export const make = (
  undici: Undici,
  options: PoolOptions,
  observer: Observer,
  proxyOf: Choose,
  turns: number = extraTurns
): Pool => {
  const afterTurns = makeTurns(turns)
  const sites = new Map<string, Site>()
  const siteOf = makeSites(sites, options, observer)
  const connect = makeConnector(undici, options)
  const http2 = options.http2 === true ? makeHttp2() : undefined
  const connectorOf = makeConnectors(undici, connect, proxyOf, options)
  const pools = new Pools(undici, makeClients(undici, connectorOf, siteOf, observer, http2?.handOver))
  const agent = (pipelining: 0 | 1) =>
    new undici.Agent({
      connect,
      allowH2: false,
      pipelining,
      maxHeaderSize: headBytes,
      ...(pipelining === 0
        ? undefined
        : { keepAliveTimeout: options.keepAliveMs, keepAliveMaxTimeout: options.keepAliveMs }),
      ...(options.connections === undefined ? undefined : { connections: options.connections }),
      ...(options.maxRequests === undefined ? undefined : { maxRequestsPerClient: options.maxRequests }),
      factory: (origin, poolOptions) => pools.make(origin, poolOptions)
    })
  const keeping = agent(options.keepAliveMs > 0 ? 1 : 0)
  // Without pipelining a connection serves one request.
  const single = options.keepAliveMs > 0 ? agent(0) : keeping

  const dispatch = (sent: Sent, attempt: Attempt): void => {
    if (options.behindGateway === true) attempt.viaGateway()
    const routed = route(sent, attempt, proxyOf(sent.origin))
    if (http2?.serves(sent.origin) === true) return http2.send({ sent: routed, attempt })
    dispatchHttp1(routed, attempt)
  }

  const dispatchHttp1 = (sent: Sent, attempt: Attempt): void => {
    const traced = trace(sent, attempt)
    if (sent.fresh) {
      single.dispatch(traced, attempt)
    } else if (siteOf(sent.origin).idle > 0) {
      afterTurns(() => {
        if (attempt.ending === undefined) keeping.dispatch(traced, attempt)
      })
    } else {
      keeping.dispatch(traced, attempt)
    }
  }

  function makeHttp2(): Http2 {
    const connectorOf = makeConnectors(undici, makeConnector(undici, options, true), proxyOf, options)
    const { connections, keepAliveMs, maxRequests, pace } = options
    return new Http2({
      undici,
      connectorOf,
      siteOf,
      observer,
      keepAliveMs,
      connections,
      maxRequests,
      afterTurns,
      ...(pace === undefined ? undefined : { pace }),
      http1: ({ attempt, sent }) => dispatchHttp1(sent, attempt)
    })
  }

  const close = async (): Promise<void> => {
    await http2?.close()
    await Promise.all([keeping.close(), single.close()])
  }

  return {
    dispatch,
    sites: () => sites.values(),
    close,
    finish: async () => {
      await new Promise<void>((resolve) => afterTurns(resolve))
      await close()
    },
    destroy: async () => {
      http2?.destroy()
      await Promise.all([keeping.destroy(), single.destroy(), pools.destroy()])
    }
  }
}

/** What is known of each origin. */
const makeSites = (
  sites: Map<string, Site>,
  { keepAliveMs, learnIdleLimit, maxAgeMs = Number.POSITIVE_INFINITY }: PoolOptions,
  observer: Observer
): ((origin: string) => Site) => {
  // Where no connection is used twice, none is idle.
  const keeping = { keepAliveMs: keepAliveMs > 0 ? keepAliveMs : Number.POSITIVE_INFINITY, learnIdleLimit, maxAgeMs }
  return (origin) => {
    const known = sites.get(origin)
    if (known !== undefined) return known
    const site = newSite(origin, observer, keeping)
    sites.set(origin, site)
    return site
  }
}

type Factory = NonNullable<UndiciPool.Options["factory"]>

/** Makes watched clients, all with one connector. */
const makeClients = (
  undici: Undici,
  connectorOf: (origin: string) => TellingConnector,
  siteOf: (origin: string) => Site,
  observer: Observer,
  ready: HandOver | undefined
): Factory => {
  const TracedClient = makeClass(undici)
  return (origin, clientOptions) => {
    const trace = new ClientTrace(undici, siteOf(origin.origin), observer)
    const making = trace.wrap(connectorOf(origin.origin))
    const connect = ready?.before(making, origin.origin, trace) ?? making
    return new TracedClient(origin, { ...clientOptions, connect }, trace)
  }
}

/** The pools of all agents. An agent that closes forgets its own, so what is still on the way then is ended here. */
class Pools {
  private readonly undici: Undici
  private readonly factory: Factory
  private readonly open = new Set<UndiciPool>()

  constructor(undici: Undici, factory: Factory) {
    this.undici = undici
    this.factory = factory
  }

  make(origin: string | URL, options: object): UndiciPool {
    for (const pool of this.open) if (pool.closed) this.open.delete(pool)
    const pool = new this.undici.Pool(origin, { ...options, factory: this.factory })
    this.open.add(pool)
    return pool
  }

  async destroy(): Promise<void> {
    await Promise.all(Array.from(this.open, (pool) => pool.destroy()))
  }
}
