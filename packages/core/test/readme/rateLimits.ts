import { type HttpTransport, Pacing, type ProviderRegistry, RateLimits } from "@holdfast/core"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"

declare const transport: Layer.Layer<HttpTransport.HttpTransport>
declare const registry: Layer.Layer<ProviderRegistry.ProviderRegistry>

/** Counted in a store that the processes of a fleet share. */
export const shared = (store: Layer.Layer<RateLimiter.RateLimiterStore>) =>
  Pacing.layerNoDeps.pipe(
    Layer.provide(RateLimits.RateLimits.layerNoDeps),
    Layer.provide(RateLimiter.layer),
    Layer.provide([transport, registry, store])
  )
