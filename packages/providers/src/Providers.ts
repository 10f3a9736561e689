/**
 * The provider table as a `ProviderRegistry`: what is known of each provider, with what an app or an operator sets.
 *
 * Everything wrong with the settings is reported when the layer is built; a missing or malformed key when a model of
 * that provider is asked for.
 */
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Codecs } from "./Codecs.ts"
import type { Configuration, ProviderOptions } from "./Configuration.ts"
import * as Live from "./internal/registry/live.ts"

export type { ProviderOptions } from "./Configuration.ts"

/** What an app sets. */
export interface Options {
  /** What an operator wrote, in place of what a `ConfigurationSource` finds. */
  readonly configuration?: Configuration
  /** What the app itself sets for providers; it comes before what an operator wrote for them. */
  readonly providers?: Readonly<Record<string, ProviderOptions>>
}

/**
 * Makes the registry and its wire formats.
 *
 * **Details**
 *
 * Without `configuration`, a `ConfigurationSource` is asked if there is one: once now, and again whenever it says that it
 * has changed. A configuration that cannot be fails this effect; later, it is reported, and the one before it stays in
 * force. New calls follow what is in force; calls on the way end with what they began with.
 *
 * A key is read when a model that needs it is first asked for. A fallback whose key is missing or malformed is left out of
 * the chain, with a warning in the log and in `Resolution.leftOut`; the model that was asked for is not: that fails.
 */
export const make = (
  options: Options = {}
): Effect.Effect<Context.Context<ProviderRegistry | Codecs>, InvalidInput, Scope.Scope> =>
  Effect.map(Live.make(options), ({ codecs, registry }) =>
    Context.make(ProviderRegistry, registry).pipe(Context.add(Codecs, codecs))
  )

/** The provider table as a registry, with its wire formats. See {@link make}. */
export const layer = (options?: Options): Layer.Layer<ProviderRegistry | Codecs, InvalidInput> =>
  Layer.effectContext(make(options))
