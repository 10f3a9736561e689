/**
 * The connections that serve one provider, as a Layer.
 *
 * A provider's dispatcher is swapped by providing another Layer for it, see `Dispatchers.swap`. `layerPool` is
 * instrumented: every attempt through it has evidence. `layerFrom` takes any undici dispatcher as it is, and evidence
 * of attempts through it is `Unknown`.
 */
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
import * as Pool from "./internal/pool.ts"
import { resolve } from "./internal/poolOptions.ts"
import { load } from "./internal/undici.ts"

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
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca?: string
  /** How long the requests on the way may take to finish when the layer closes. Default 10 s. */
  readonly drain?: Duration.Input
}

/** The connections that serve one provider. */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /** Whether attempts have evidence. */
    readonly instrumented: boolean
    /** Hands an attempt to undici. @internal */
    readonly dispatch: (sent: Pool.Sent, attempt: Attempt) => void
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
    const resolved = yield* Effect.fromResult(resolve(provider, options))
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => Pool.make(load(), resolved, observe(telemetry, clock, provider))),
      (pool) =>
        // Requests on the way finish within the time given; what is left then is ended on the wire.
        Effect.promise(() => pool.close()).pipe(
          Effect.timeoutOption(resolved.drain),
          Effect.andThen(Effect.promise(() => pool.destroy())),
          Effect.ignoreCause
        )
    )
    return Dispatcher.of({ instrumented: true, dispatch: pool.dispatch })
  })

/** A pool of connections, instrumented. */
export const layerPool = (options?: PoolOptions): Layer.Layer<Dispatcher, InvalidInput, Telemetry> =>
  Layer.effect(Dispatcher, makePool(options))

/** Any undici dispatcher as it is. It is neither watched nor closed; evidence of its attempts is `Unknown`. */
export const layerFrom = (raw: Undici.Dispatcher): Layer.Layer<Dispatcher> =>
  Layer.succeed(Dispatcher, {
    instrumented: false,
    dispatch: ({ fresh, ...options }, attempt) => {
      try {
        raw.dispatch({ ...options, reset: fresh }, attempt)
      } catch (error) {
        attempt.abort(error instanceof Error ? error : new Error("the dispatcher threw", { cause: error }))
      }
    }
  })

const observe = (telemetry: Telemetry["Service"], clock: Clock.Clock, provider: string): Observer => {
  const now = () => clock.currentTimeMillisUnsafe()
  const publish = (draft: () => Draft): void => {
    if (telemetry.isActive()) telemetry.publishUnsafe(draft())
  }
  return {
    now,
    opened: (connection) =>
      publish(() => ({
        _tag: "ConnectionOpened",
        provider,
        origin: connection.site.origin,
        connectMs: connection.made.connectMs
      })),
    closed: (connection) => publish(() => closedEvent(connection, provider, now()))
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
