/** The sections of OpenClaw's older shape. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { TimeLimits } from "@holdfast/core/TimeLimits"
import * as Limits from "@holdfast/core/TimeLimits"
import type { AgentConfiguration, Configuration } from "../../Configuration.ts"
import { Millis, ProxyUrl, serverOf, Text } from "./fields.ts"
import { scheduleOf } from "./policy.ts"

/** A model by its parts. */
export const Model = Schema.Struct({ provider: Text, model: Text })

/** One model that stands in, or several. */
export const Fallback = Schema.Union([Model, Schema.Array(Model)]).annotate({
  expected: "a model as { provider, model }, or a list of them"
})

/** How fast requests are made, and made again. */
export const RateLimiting = Schema.Struct({
  minInterval: Schema.optionalKey(Millis),
  retry: Schema.optionalKey(
    Schema.Struct({
      enabled: Schema.optionalKey(Schema.Boolean),
      maxRetries: Schema.optionalKey(
        Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }, { expected: "a whole number from 0 to 1000" }))
      ),
      backoffMultiplier: Schema.optionalKey(
        Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 100 }, { expected: "a number from 1 to 100" }))
      ),
      initialDelay: Schema.optionalKey(Millis)
    })
  )
})

/** The proxy of all providers. */
export const Proxy = Schema.Struct({ enabled: Schema.optionalKey(Schema.Boolean), url: Schema.optionalKey(ProxyUrl) })

/** How long is waited. */
export const Timeout = Schema.Struct({ connect: Schema.optionalKey(Millis), request: Schema.optionalKey(Millis) })

/** `models.primary` and `models.fallback` as an agent. */
export const agentOf = (
  models: { readonly primary?: typeof Model.Type; readonly fallback?: typeof Fallback.Type } | undefined
): AgentConfiguration | undefined => {
  if (models?.primary === undefined) return undefined
  const fallbacks = models.fallback === undefined ? [] : [models.fallback].flat()
  const places = fallbacks.map((_, index) =>
    Array.isArray(models.fallback) ? `models.fallback[${index}]` : "models.fallback"
  )
  return {
    primary: refOf(models.primary),
    fallbacks: fallbacks.map(refOf),
    places: { primary: "models.primary", fallbacks: places }
  }
}

const refOf = ({ model, provider }: typeof Model.Type): string => `${provider}/${model}`

/** The retries of `rateLimiting` are those for want of capacity; repairs of connections are not its subject. */
export const policyOf = (rateLimiting: typeof RateLimiting.Type | undefined): Configuration["policy"] => {
  const retry = rateLimiting?.retry
  if (retry === undefined) return {}
  const { backoffMultiplier, enabled = true, initialDelay = 1000, maxRetries = 3 } = retry
  return {
    retry: {
      capacity: scheduleOf(
        enabled && {
          times: maxRetries,
          delay: Duration.millis(initialDelay),
          longestDelay: Duration.minutes(5),
          ...(backoffMultiplier === undefined ? undefined : { factor: backoffMultiplier })
        }
      )
    }
  }
}

/** Interval, proxy and limits. A proxy that is not enabled is none of theirs; the environment's word holds. */
export const restOf = (file: {
  readonly rateLimiting?: typeof RateLimiting.Type
  readonly proxy?: typeof Proxy.Type
  readonly timeout?: typeof Timeout.Type
}): Pick<Configuration, "limits" | "minIntervalMs" | "proxy"> => {
  const { connect = 0, request = 0 } = file.timeout ?? {}
  const { enabled = true, url } = file.proxy ?? {}
  const minInterval = file.rateLimiting?.minInterval
  const limits = { ...(connect > 0 ? { connect: Duration.millis(connect) } : undefined), ...answerWithin(request) }
  return {
    ...(minInterval === undefined ? undefined : { minIntervalMs: minInterval }),
    ...(enabled && url !== undefined ? { proxy: serverOf(url) } : undefined),
    ...(Object.keys(limits).length === 0 ? undefined : { limits })
  }
}

/**
 * A request's time limit, as limits of ours: so long may an attempt be without an answer. It does not end a call, whose
 * fallbacks would have no time left, nor an answer that is being given.
 */
export const answerWithin = (ms: number): TimeLimits => {
  if (!(ms > 0)) return {}
  const time = Duration.millis(ms)
  return {
    headers: time,
    firstContent: time,
    ...(ms > Limits.defaults.livenessMs ? { liveness: time } : undefined)
  }
}
