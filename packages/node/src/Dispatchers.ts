/**
 * One dispatcher per provider, made when the provider is first called and kept for the life of the transport. Where the
 * provider's settings change, its connections are made anew, and calls on the old ones finish.
 *
 * Which dispatcher a provider gets is a matter of Layers: `Dispatchers.swap("anthropic", Dispatcher.layerPool({...}))`
 * beside the transport's layer replaces that provider's and leaves the others alone.
 */
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Connections } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import type { Telemetry } from "@holdfast/core/Telemetry"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LayerMap from "effect/LayerMap"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Dispatcher from "./Dispatcher.ts"
import * as Renewal from "./internal/renewal.ts"

/** The dispatchers of all providers, by the provider's id. */
export class Dispatchers extends Context.Service<
  Dispatchers,
  LayerMap.LayerMap<string, Dispatcher.Dispatcher, InvalidInput>
>()("@holdfast/node/Dispatchers") {
  /** A pool for every provider, with the connection defaults that a `ProviderRegistry` has for it, if there is one. */
  static get layer(): Layer.Layer<Dispatchers, never, Telemetry> {
    return layer
  }
}

/** The connections of one provider now, by origin. They are none before it is first called. */
export const connections = (
  provider: string
): Effect.Effect<ReadonlyArray<Dispatcher.OriginConnections>, InvalidInput, Dispatchers> =>
  Effect.gen(function* () {
    const dispatchers = yield* Dispatchers
    const context = yield* dispatchers.contextEffect(provider)
    return yield* Context.get(context, Dispatcher.Dispatcher).connections
  }).pipe(Effect.scoped)

/** Under one key per provider, so that swaps of several providers compose like any Layers. */
const swapKey = (provider: string) =>
  Context.Service<Dispatcher.Dispatcher["Service"], Dispatcher.Dispatcher["Service"]>(
    `@holdfast/node/Dispatchers/swap/${provider}`
  )

/** Makes the {@link Dispatchers}. */
export const make: Effect.Effect<Dispatchers["Service"], never, Telemetry | Scope.Scope> = Effect.gen(function* () {
  const context = yield* Effect.context<never>()
  const registry = yield* Effect.serviceOption(ProviderRegistry)

  // The map closes what it holds one after another; these close together, and wait no longer than the slowest.
  const pools = yield* Scope.make("parallel")
  const pool = (provider: string) =>
    Layer.effect(
      Dispatcher.Dispatcher,
      Effect.gen(function* () {
        const own = yield* Scope.fork(pools)
        yield* Effect.addFinalizer((exit) => Scope.close(own, exit))
        return yield* Scope.provide(poolOf(provider, registry), own)
      })
    )

  const lookup = (provider: string): Layer.Layer<Dispatcher.Dispatcher, InvalidInput, Telemetry> =>
    Option.match(Context.getOption(context, swapKey(provider)), {
      onSome: (swapped) => Layer.succeed(Dispatcher.Dispatcher, swapped),
      onNone: () => pool(provider)
    }).pipe(Layer.provide(Layer.succeed(Dispatcher.Provider, provider)))

  const map = yield* LayerMap.make(lookup, { idleTimeToLive: Duration.infinity })
  // Added after the map's own, so it runs before it.
  yield* Effect.addFinalizer((exit) => Scope.close(pools, exit))
  return map
})

/** A pool as the registry has it for the provider, now and after each change. */
const poolOf = (
  provider: string,
  registry: Option.Option<ProviderRegistry["Service"]>
): Effect.Effect<Dispatcher.Dispatcher["Service"], InvalidInput, Telemetry | Scope.Scope> => {
  if (Option.isNone(registry)) return Dispatcher.makePool()
  const { changes = Stream.empty, provider: providerOf } = registry.value
  return Renewal.make({
    provider,
    // A provider the registry does not know is called without its help, through `fetch` for one.
    settings: Effect.suspend(() => providerOf(provider)).pipe(
      Effect.map(({ connections }): Connections | undefined => connections),
      Effect.orElseSucceed(() => undefined)
    ),
    make: (connections) => Effect.mapError(Dispatcher.makePool(optionsOf(connections)), atProvider),
    changes
  })
}

const optionsOf = (connections: Connections | undefined): Dispatcher.PoolOptions => {
  if (connections === undefined) return {}
  const { http2, keepAliveMs, proxy, tls } = connections
  return {
    keepAlive: keepAliveMs === 0 ? false : Duration.millis(keepAliveMs),
    ...(http2 === undefined ? undefined : { http2 }),
    ...(proxy === undefined ? undefined : { proxy }),
    ...(tls === undefined ? undefined : { tls })
  }
}

/** What is wrong stands in the provider's settings. */
const atProvider = ({ problems }: InvalidInput): InvalidInput =>
  new InvalidInput({
    problems: Arr.map(problems, (problem) => ({
      ...problem,
      place: problem.place.replace(/^dispatchers\./, "providers.")
    }))
  })

/** A pool for every provider. */
export const layer: Layer.Layer<Dispatchers, never, Telemetry> = Layer.effect(Dispatchers, make)

/** Serves one provider with another dispatcher; provide it to `HttpTransport.layer`. */
export const swap = <E, R>(
  provider: string,
  dispatcher: Layer.Layer<Dispatcher.Dispatcher, E, R>
): Layer.Layer<never, E, R> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const context = yield* Layer.buildWithScope(
        Layer.provide(dispatcher, Layer.succeed(Dispatcher.Provider, provider)),
        scope
      )
      return Context.make(swapKey(provider), Context.get(context, Dispatcher.Dispatcher))
    })
  ) as Layer.Layer<never, E, R>
