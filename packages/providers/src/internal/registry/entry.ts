/** A provider as it is set, with its credentials. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { placeOf } from "@holdfast/core/Preview"
import type { Connections, Provider } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import type * as Arr from "effect/Array"
import type { ConfigProvider } from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Codec } from "../../Codec.ts"
import type { Configuration, ProviderOptions, RateLimits } from "../../Configuration.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import { isPerMinute, perMinuteExpected } from "../configuration/limits.ts"
import type { BaseUrl, Key } from "../settings.ts"
import { readRateLimits } from "../errors/rateLimits.ts"
import { baseUrlProblem, keepAliveMs } from "../settings.ts"
import { apiProblem } from "./definitions.ts"
import { baseUrlOf, headerProblemsOf, headersOf } from "./everyRequest.ts"
import type { Slot } from "./slot.ts"

/** A provider as it is set. */
export interface Entry {
  readonly definition: ProviderDefinition
  /** Where its settings stand. */
  readonly place: string
  /** What is spoken with it. */
  readonly codec: Codec
  /** Host and port. */
  readonly endpoint: string
  /** Whether it is reached where its maker says, and not at a gateway. */
  readonly isAtHome: boolean
  /** Its credentials, in the order in which they are tried. */
  readonly slots: Arr.NonEmptyReadonlyArray<Slot>
  /** The provider with one of its keys. */
  readonly withKey: (key: Key | undefined) => Provider
}

/** What is set for a provider, and where. */
interface Settings {
  readonly definition: ProviderDefinition
  readonly own: ProviderOptions
  readonly place: string
  readonly baseUrl: BaseUrl
}

/** Makes the entry of a provider, or says all that is wrong with what is set, except its keys. */
export const make = Effect.fnUntraced(function* (
  definition: ProviderDefinition,
  configuration: Configuration,
  slots: Arr.NonEmptyReadonlyArray<Slot>,
  variables: ConfigProvider
): Effect.fn.Return<Result.Result<Entry, ReadonlyArray<Problem>>> {
  const { providers } = configuration
  const own = Object.hasOwn(providers, definition.id) ? (providers[definition.id] ?? {}) : {}
  const place = placeOf("providers", definition.id, Object.keys(providers).indexOf(definition.id))
  const baseUrl = yield* baseUrlOf(definition, own, `${place}.baseUrl`, variables)
  return entryOf({ definition, own, place, baseUrl }, configuration, slots)
})

const entryOf = (
  settings: Settings,
  configuration: Configuration,
  slots: Arr.NonEmptyReadonlyArray<Slot>
): Result.Result<Entry, ReadonlyArray<Problem>> => {
  const { baseUrl, definition, own, place } = settings
  const problems = problemsOf(settings)
  const keepAlive =
    own.keepAlive === undefined
      ? Result.succeed(definition.connections.keepAliveMs)
      : keepAliveMs(`${place}.keepAlive`, own.keepAlive)
  const minInterval = minIntervalMs(`${place}.minInterval`, own.minInterval, configuration.minIntervalMs)
  if (Result.isFailure(keepAlive)) problems.push(keepAlive.failure)
  if (Result.isFailure(minInterval)) problems.push(minInterval.failure)
  if (Result.isFailure(keepAlive) || Result.isFailure(minInterval) || problems.length > 0) return Result.fail(problems)
  const url = baseUrl.value.replace(/\/+$/, "")
  const rest = {
    id: definition.id,
    baseUrl: url,
    connections: connectionsOf(keepAlive.success, own, configuration),
    ...limitsOf(own, configuration),
    ...(minInterval.success === undefined ? undefined : { minIntervalMs: minInterval.success }),
    ...rateLimitsOf(own),
    readRateLimits
  }
  return Result.succeed({
    definition,
    place,
    codec: definition.codecs.find(({ api }) => api === own.api) ?? definition.codecs[0],
    endpoint: new URL(url).host,
    isAtHome: url === definition.baseUrl,
    slots,
    withKey: (key) => ({ ...rest, headers: headersOf(definition, own, key) })
  })
}

const connectionsOf = (
  keepAliveMs: number,
  { http2, proxy, tls }: ProviderOptions,
  configuration: Configuration
): Connections => {
  const through = proxy ?? configuration.proxy
  return {
    keepAliveMs,
    ...(http2 === undefined ? undefined : { http2 }),
    ...(through === undefined ? undefined : { proxy: through }),
    ...(tls === undefined ? undefined : { tls })
  }
}

const limitsOf = ({ limits }: ProviderOptions, configuration: Configuration): Pick<Provider, "limits"> =>
  limits === undefined && configuration.limits === undefined ? {} : { limits: { ...configuration.limits, ...limits } }

const rateLimitsOf = ({
  rateLimits: { requestsPerMinute, tokensPerMinute } = {}
}: ProviderOptions): Pick<Provider, "requestsPerMinute" | "tokensPerMinute"> => ({
  ...(requestsPerMinute === undefined ? undefined : { requestsPerMinute }),
  ...(tokensPerMinute === undefined ? undefined : { tokensPerMinute })
})

const minIntervalMs = (
  place: string,
  set: Duration.Input | undefined,
  ofAll: number | undefined
): Result.Result<number | undefined, Problem> => {
  if (set === undefined) return Result.succeed(ofAll)
  const ms = Option.match(Duration.fromInput(set), { onNone: () => Number.NaN, onSome: Duration.toMillis })
  return Number.isFinite(ms) && ms >= 0
    ? Result.succeed(ms)
    : Result.fail({
        kind: "InvalidOption",
        place,
        expected: 'a duration of no less than nothing, such as "1 second"',
        found: ms < 0 ? "a negative one" : "none"
      })
}

const problemsOf = ({ baseUrl, definition: { codecs }, own, place }: Settings): Array<Problem> => {
  const problems: Array<Problem> = [...headerProblemsOf(own, `${place}.headers`)]
  const url = baseUrlProblem(baseUrl)
  if (url !== undefined) problems.push(url)
  if (own.api !== undefined && !codecs.some(({ api }) => api === own.api)) {
    problems.push(apiProblem(place, own.api, codecs, "which the provider speaks"))
  }
  return [
    ...problems,
    ...TimeLimits.problems(own.limits, `${place}.limits`),
    ...rateLimitProblems(own.rateLimits, `${place}.rateLimits`)
  ]
}

const rateLimitProblems = (limits: RateLimits = {}, place: string): ReadonlyArray<Problem> =>
  (["requestsPerMinute", "tokensPerMinute"] as const).flatMap((name): ReadonlyArray<Problem> => {
    const set = limits[name]
    if (set === undefined || isPerMinute(set)) return []
    const found = typeof set === "number" ? String(set) : "another value"
    return [{ kind: "InvalidOption", place: `${place}.${name}`, expected: perMinuteExpected, found }]
  })
