/**
 * The front door: everything an app needs to ask models through Holdfast, as one Layer.
 */
import * as Failover from "@holdfast/core/Failover"
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Pacing from "@holdfast/core/Pacing"
import { placeOf } from "@holdfast/core/Preview"
import type { Options as ProviderHealthOptions, ProviderHealth } from "@holdfast/core/ProviderHealth"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import type { Options as RetryBudgetOptions, RetryBudget } from "@holdfast/core/RetryBudget"
import * as Telemetry from "@holdfast/core/Telemetry"
import type { Dispatcher } from "@holdfast/node/Dispatcher"
import * as Dispatchers from "@holdfast/node/Dispatchers"
import * as NodeHttpTransport from "@holdfast/node/HttpTransport"
import type { Codecs } from "@holdfast/providers/Codecs"
import * as Providers from "@holdfast/providers/Providers"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Config } from "./internal/configured.ts"
import * as Configured from "./internal/configured.ts"

export type { Config } from "./internal/configured.ts"
export { layer as model } from "@holdfast/providers/Model"
export { layer as wrap } from "@holdfast/providers/Wrapped"
export { client, fetch, layerClient } from "@holdfast/node/HttpTransport"

/** The connections of single providers, by provider id. */
export type DispatcherLayers = Readonly<Record<string, Layer.Layer<Dispatcher, unknown, Telemetry.Telemetry>>>

/** What an app sets. It comes before what the configuration says. */
export interface Options<D extends DispatcherLayers = {}>
  extends Omit<Providers.Options, "configuration">, NodeHttpTransport.Options {
  /**
   * What an operator writes: models, agents, providers, credentials, policy, health and budget. An object, or a file's
   * path, or `false`: none. Default: the file that is found.
   *
   * Looked for are, in the working directory and then in each above it, `holdfast.json5`, `holdfast.json` and
   * `openclaw.json5`; then `~/.config/holdfast/holdfast.json5` and `~/.config/openclaw/openclaw.json5`. The first that is
   * there is taken. Without any, keys come from the environment and the defaults hold.
   */
  readonly config?: Config
  /** Parts of the policy that replace the configuration's and the defaults. */
  readonly policy?: FailoverPolicy.Overrides
  /**
   * Numbers of cooldowns and circuits that replace the configuration's, kind by kind, and the defaults. `false`: nobody
   * cools down.
   */
  readonly health?: ProviderHealthOptions | false
  /** Numbers of the retry budgets that replace the configuration's and the defaults. `false`: retries have none. */
  readonly budget?: RetryBudgetOptions | false
  /**
   * The connections of single providers, by provider id, in place of the pools that they get by default. A provider that
   * is not known is a mistake.
   */
  readonly dispatchers?: D
}

/** What {@link layer} provides; each is a service that a test replaces by another Layer. */
export type Services =
  | HttpTransport
  | ProviderRegistry
  | Codecs
  | FailoverPolicy.FailoverPolicy
  | Failover.Failover
  | ProviderHealth
  | RetryBudget
  | Telemetry.Telemetry

/**
 * Transport, providers, policy, failover and telemetry.
 *
 * **Details**
 *
 * Wrong settings fail the build of the layer with `InvalidInput`, all problems of the configuration and of `providers` at
 * once, then all unknown ids in `dispatchers`. Its other errors are those of the dispatchers' layers. Closing it lets
 * answers on the way finish, then closes the connections.
 *
 * A configuration file is watched. New calls follow it as it changes, calls on the way are left alone. One that cannot
 * be is reported, as `ConfigurationRefused` and as a warning in the log, and the one before it stays in force. Other
 * numbers of health and budget hold from the next start on, which `ConfigurationTaken` and a warning say.
 *
 * **Example**
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { LanguageModel } from "effect/ai"
 * import { Holdfast } from "holdfast"
 *
 * const program = LanguageModel.generateText({ prompt: "Say hello." }).pipe(
 *   Effect.provide(Holdfast.model("anthropic/claude-opus-4-7", { fallbacks: ["openai/gpt-5.5"] })),
 *   Effect.provide(Holdfast.layer())
 * )
 * ```
 */
export const layer = <const D extends DispatcherLayers = {}>(
  options: Options<D> = {}
): Layer.Layer<Services, InvalidInput | Layer.Error<D[keyof D]>> =>
  Layer.unwrap(
    Effect.map(Configured.make(options), ({ budget, health, policy, source }) =>
      Layer.merge(Layer.provide(Pacing.layer, transportOf(options)), Failover.layer).pipe(
        Layer.provideMerge(Layer.mergeAll(policy, health, budget)),
        Layer.provideMerge(Layer.provide(Providers.layer(options), source)),
        Layer.provideMerge(Telemetry.layer)
      )
    )
  )

/** The transport with its dispatchers, once each of them is known to have a provider. */
const transportOf = <D extends DispatcherLayers>(options: Options<D>) => {
  type Swap = Layer.Layer<never, Layer.Error<D[keyof D]>, Telemetry.Telemetry>
  // The record's own type says which errors its layers have; `Object.entries` forgets it.
  const given = Object.entries(options.dispatchers ?? {}) as Array<
    [string, Layer.Layer<Dispatcher, Layer.Error<D[keyof D]>, Telemetry.Telemetry>]
  >
  // Merged, they close together and not one after another.
  const swaps = given
    .map(([provider, dispatcher]): Swap => Dispatchers.swap(provider, dispatcher))
    .reduce<Swap>((all, swap) => Layer.merge(all, swap), Layer.empty)
  const transport = Layer.provide(NodeHttpTransport.layerOptions(options), swaps)
  return Layer.unwrap(Effect.as(checkIds(given.map(([provider]) => provider)), transport))
}

/** Fails with every id that no provider has. */
const checkIds = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const registry = yield* ProviderRegistry
  const [, errors] = yield* Effect.partition(ids, (id, index) =>
    Effect.mapError(registry.provider(id), ({ problems }) =>
      problems.map((problem) => ({ ...problem, place: placeOf("dispatchers", id, index) }))
    )
  )
  const problems = errors.flat()
  if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
})
