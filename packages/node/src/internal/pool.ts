/**
 * The connections of one provider: a pool per origin that keeps connections alive, and beside it one that makes a
 * connection for a single request. Both share a connector, so that TLS sessions are resumed.
 */
import type { Readable } from "node:stream"
import type { Method } from "@holdfast/core/HttpTransport"
import type { Pool as UndiciPool } from "undici"
import type { Attempt } from "./attempt.ts"
import type { Observer, Site } from "./connection.ts"
import { newSite } from "./connection.ts"
import type { Connector } from "./connecting.ts"
import { makeConnector } from "./connector.ts"
import type { TracedOptions } from "./tracedClient.ts"
import { attemptKey, ClientTrace, makeClass } from "./tracedClient.ts"
import type { Undici } from "./undici.ts"

/** What a pool is made with, every choice made. */
export interface PoolOptions {
  /** How long an idle connection is kept, in milliseconds; 0: none is. */
  readonly keepAliveMs: number
  /** The most connections per origin, or no limit. */
  readonly connections: number | undefined
  /** Certificates trusted instead of the system's, in PEM. */
  readonly ca: string | undefined
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
}

/** The connections of one provider. */
export interface Pool {
  readonly dispatch: (sent: Sent, attempt: Attempt) => void
  /** Waits for the requests that are on the way. */
  readonly close: () => Promise<void>
  /** Ends them. */
  readonly destroy: () => Promise<void>
}

/** Makes the connections of one provider. */
export const make = (undici: Undici, options: PoolOptions, observer: Observer): Pool => {
  const siteOf = makeSites()
  const connect = makeConnector(undici, options)
  const pools = new Pools(undici, makeClients(undici, connect, siteOf, observer))
  const agent = (pipelining: 0 | 1) =>
    new undici.Agent({
      connect,
      allowH2: false,
      pipelining,
      ...(pipelining === 0
        ? undefined
        : { keepAliveTimeout: options.keepAliveMs, keepAliveMaxTimeout: options.keepAliveMs }),
      ...(options.connections === undefined ? undefined : { connections: options.connections }),
      factory: (origin, poolOptions) => pools.make(origin, poolOptions)
    })
  const keeping = agent(options.keepAliveMs > 0 ? 1 : 0)
  // Without pipelining a connection serves one request.
  const single = options.keepAliveMs > 0 ? agent(0) : keeping

  const dispatch = ({ fresh, ...rest }: Sent, attempt: Attempt): void => {
    const traced: TracedOptions = { ...rest, [attemptKey]: attempt }
    if (fresh) {
      single.dispatch(traced, attempt)
    } else if (siteOf(rest.origin).idle > 0) {
      afterNews(() => {
        if (attempt.ending === undefined) keeping.dispatch(traced, attempt)
      })
    } else {
      keeping.dispatch(traced, attempt)
    }
  }

  return {
    dispatch,
    close: async () => {
      await Promise.all([keeping.close(), single.close()])
    },
    destroy: async () => {
      await Promise.all([keeping.destroy(), single.destroy(), pools.destroy()])
    }
  }
}

/** What is known of each origin. */
const makeSites = (): ((origin: string) => Site) => {
  const sites = new Map<string, Site>()
  return (origin) => {
    const known = sites.get(origin)
    if (known !== undefined) return known
    const site = newSite(origin)
    sites.set(origin, site)
    return site
  }
}

type Factory = NonNullable<UndiciPool.Options["factory"]>

/** Makes watched clients, all with one connector. */
const makeClients = (
  undici: Undici,
  connect: Connector,
  siteOf: (origin: string) => Site,
  observer: Observer
): Factory => {
  const TracedClient = makeClass(undici)
  return (origin, clientOptions) => {
    const trace = new ClientTrace(undici, siteOf(origin.origin), observer)
    return new TracedClient(origin, { ...clientOptions, connect: trace.wrap(connect) }, trace)
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

/**
 * undici lets one turn of the event loop pass before it reuses an idle connection. From an I/O callback that is one too
 * few to see that the peer has closed it (nodejs/undici, client-h1.js, scheduleIdleSocketValidation). And it takes a
 * connection back a turn after its answer: who asks again at once would get another one.
 */
const afterNews = (then: () => void): void => {
  setImmediate(() => setImmediate(then))
}
