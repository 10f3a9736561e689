/**
 * The connections that serve one provider, as a Layer.
 *
 * A provider's dispatcher is swapped by providing another Layer for it, see `Dispatchers.swap`. `layerPool` is
 * instrumented: every attempt through it has evidence. `layerFrom` takes any undici dispatcher as it is, and evidence
 * of attempts through it is `Unknown`.
 */
import type { LookupFunction } from "node:net"
import { isIPv6 } from "node:net"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { Telemetry } from "@holdfast/core/Telemetry"
import type { Draft } from "@holdfast/core/TelemetryEvent"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Undici from "undici"
import type { Attempt } from "./internal/attempt.ts"
import type { Connection, Observer } from "./internal/connection.ts"
import type { InForce } from "./internal/idle/idling.ts"
import * as Pool from "./internal/pool.ts"
import { resolve } from "./internal/poolOptions.ts"
import { objectionOf } from "./internal/tls/certificate.ts"
import { load } from "./internal/undici.ts"
import type { Options as ProxyOptions, Proxy } from "./Proxy.ts"
import type * as Tls from "./Tls.ts"

/** How a provider's connections are made and kept. */
export interface PoolOptions {
  /**
   * How long an idle connection is kept; keep it below the server's own limit. `false`: no connection is used twice.
   * A server's `Keep-Alive: timeout` hint shortens it and never lengthens it. Default 4 s, undici's.
   */
  readonly keepAlive?: Duration.Input | false
  /**
   * The most connections to one origin that are kept and shared; more requests wait for one. A repair on a fresh
   * connection does not wait for these: its connection comes on top, for that one request, and of those, too, there are
   * at most as many at a time. The server may so see twice the number; with `keepAlive: false`, the number. Default: no
   * limit.
   */
  readonly connections?: number
  /** The most requests that one connection serves, before another takes its place. Default: no limit. */
  readonly maxRequestsPerConnection?: number
  /**
   * How old a connection may be to be used once more: for a balancer that is to hear of new connections now and then. The
   * request on it is never cut short. Default: no limit.
   */
  readonly maxConnectionAge?: Duration.Input
  /** How TLS is spoken with `https:` providers. See {@link Tls}. */
  readonly tls?: Tls.Options
  /**
   * Looks host names up in place of `dns.lookup`, with its parameters; a proxy's name, too. All addresses that it gives
   * are tried, in their order.
   */
  readonly lookup?: LookupFunction
  /**
   * The proxy that connections lead through; default `"env"`: as `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`
   * say. See {@link Proxy}.
   */
  readonly proxy?: Proxy
  /**
   * Whether the pool learns from the connections that a server closes how long it keeps idle ones, per origin, and closes
   * its own sooner. It never keeps one longer than `keepAlive`. Default `true`.
   */
  readonly learnIdleLimit?: boolean
  /**
   * Whether HTTP/2 is offered to `https:` origins. Requests then share connections as streams; an origin that chooses
   * HTTP/1.1 is called as without this option. Default `false`.
   */
  readonly http2?: boolean
  /**
   * A reverse proxy or gateway answers for the provider. What it says of a request that it did not process is then no
   * proof: some say it of requests that the provider behind them has run. Default `false`.
   */
  readonly behindGateway?: boolean
  /** How long the requests on the way may take to finish when the layer closes. Default 10 s. */
  readonly drain?: Duration.Input
}

/** A SOCKS5 proxy. */
export interface Socks extends Pick<ProxyOptions, "username" | "password"> {
  readonly host: string
  /** Default 1080. */
  readonly port?: number
}

/** A server's idle limit, as it was learnt. */
export interface IdleLimit {
  /** The shortest idle time after which it closed a connection. */
  readonly limitMs: number
  /** How long ours may be idle because of it. */
  readonly evictAfterMs: number
  /** At how many moments it was seen. */
  readonly observed: number
}

/** The connections to one origin. */
export interface OriginConnections {
  readonly origin: string
  readonly open: number
  /** Of these, the ones that wait for a next request. */
  readonly idle: number
  /** The server's idle limit, while one is in force that was learnt. */
  readonly idleLimit?: IdleLimit
}

/** The connections that serve one provider. */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /** Whether attempts have evidence. */
    readonly instrumented: boolean
    /** The connections now, by origin; none where they are not watched. */
    readonly connections: Effect.Effect<ReadonlyArray<OriginConnections>>
    /** Hands an attempt to undici. @internal */
    readonly dispatch: (sent: Pool.Sent, attempt: Attempt) => void
    /** Takes nothing more, and waits for what is on the way, however long it takes. @internal */
    readonly finished?: Effect.Effect<void>
  }
>()("@holdfast/node/Dispatcher") {}

/** Whose connections they are; set for each provider by `Dispatchers`, read for events. */
export const Provider: Context.Reference<string> = Context.Reference<string>("@holdfast/node/Dispatcher/Provider", {
  defaultValue: () => "unknown"
})

/**
 * Makes a pool of connections. Closing the scope lets requests on the way finish, then closes. Fails with `InvalidInput`
 * where an option cannot be.
 */
export const makePool = (
  options: PoolOptions = {}
): Effect.Effect<Dispatcher["Service"], InvalidInput, Telemetry | Scope.Scope> =>
  Effect.gen(function* () {
    const telemetry = yield* Telemetry
    const clock = yield* Clock.Clock
    const provider = yield* Provider
    const resolved = yield* resolve(provider, options)
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() =>
        Pool.make(load(), resolved, observe(telemetry, clock, provider, resolved.tls.verify), resolved.proxyOf)
      ),
      (pool) =>
        // Requests on the way finish within the time given; what is left then is ended on the wire.
        Effect.promise(() => pool.close()).pipe(
          Effect.timeoutOption(resolved.drain),
          Effect.andThen(Effect.promise(() => pool.destroy())),
          Effect.ignoreCause
        )
    )
    return Dispatcher.of({
      instrumented: true,
      connections: connectionsOf(pool),
      dispatch: pool.dispatch,
      finished: Effect.ignoreCause(Effect.promise(() => pool.finish()))
    })
  })

/** A pool of connections, instrumented. */
export const layerPool = (options?: PoolOptions): Layer.Layer<Dispatcher, InvalidInput, Telemetry> =>
  Layer.effect(Dispatcher, makePool(options))

/** {@link layerPool} through a proxy: an `http://`, `https://` or `socks5://` URL, or what a {@link Proxy} says besides. */
export const layerProxy = (
  proxy: Exclude<Proxy, false>,
  options?: Omit<PoolOptions, "proxy">
): Layer.Layer<Dispatcher, InvalidInput, Telemetry> => layerPool({ ...options, proxy })

/** {@link layerPool} through a SOCKS5 proxy, which looks the provider's name up. */
export const layerSocks = (
  { host, port = 1080, ...credentials }: Socks,
  options?: Omit<PoolOptions, "proxy">
): Layer.Layer<Dispatcher, InvalidInput, Telemetry> =>
  layerProxy({ url: `socks5://${isIPv6(host) ? `[${host}]` : host}:${port}`, ...credentials }, options)

/** Any undici dispatcher as it is. It is neither watched nor closed; evidence of its attempts is `Unknown`. */
export const layerFrom = (raw: Undici.Dispatcher): Layer.Layer<Dispatcher> =>
  Layer.succeed(Dispatcher, {
    instrumented: false,
    connections: Effect.succeed([]),
    dispatch: ({ fresh, ...options }, attempt) => {
      try {
        raw.dispatch({ ...options, reset: fresh }, attempt)
      } catch (error) {
        attempt.abort(error instanceof Error ? error : new Error("the dispatcher threw", { cause: error }))
      }
    }
  })

const connectionsOf = (pool: Pool.Pool): Effect.Effect<ReadonlyArray<OriginConnections>> =>
  Effect.sync(() =>
    Array.from(pool.sites(), ({ idle, idling, origin }) => {
      const { learnt } = idling
      return {
        origin,
        open: idling.open.size,
        idle,
        ...(learnt === undefined ? undefined : { idleLimit: idleLimitOf(learnt) })
      }
    })
  )

const idleLimitOf = ({ evictAfterMs, limitMs, observed }: InForce): IdleLimit => ({ limitMs, evictAfterMs, observed })

const observe = (telemetry: Telemetry["Service"], clock: Clock.Clock, provider: string, verify: boolean): Observer => {
  const now = () => clock.currentTimeMillisUnsafe()
  const publish = (draft: () => Draft): void => {
    if (telemetry.isActive()) telemetry.publishUnsafe(draft())
  }
  return {
    now,
    opened: (connection) => {
      publish(() => ({
        _tag: "ConnectionOpened",
        provider,
        origin: connection.site.origin,
        connectMs: connection.made.connectMs,
        ...(connection.made.proxy === undefined ? undefined : { proxy: connection.made.proxy })
      }))
      if (!verify && connection.site.origin.startsWith("https:")) {
        publish(() => ({
          _tag: "ConnectionUnverified",
          provider,
          origin: connection.site.origin,
          ...objectionOf(connection.socket)
        }))
      }
    },
    closed: (connection) => publish(() => closedEvent(connection, provider, now())),
    idleLimit: ({ origin }, limit, before) =>
      publish(() =>
        limit === undefined
          ? { _tag: "IdleLimitForgotten", provider, origin, limitMs: before?.limitMs ?? 0 }
          : { _tag: "IdleLimitLearnt", provider, origin, ...idleLimitOf(limit) }
      )
  }
}

const closedEvent = (connection: Connection, provider: string, now: number): Draft => ({
  _tag: "ConnectionClosed",
  provider,
  origin: connection.site.origin,
  closed: connection.ended ?? "local-abort",
  idle: connection.wasIdle,
  idleMs: connection.wasIdle ? now - connection.idleSince : 0,
  ageMs: now - connection.openedAt,
  requestsServed: connection.requestsServed
})
