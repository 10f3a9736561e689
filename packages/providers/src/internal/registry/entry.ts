/** A provider as it is set, with its credentials. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { placeOf } from "@holdfast/core/Preview"
import type { Connections, Provider } from "@holdfast/core/ProviderRegistry"
import { headerProblems } from "@holdfast/core/RequestHead"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import type * as Arr from "effect/Array"
import * as Config from "effect/Config"
import type { ConfigProvider } from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Codec } from "../../Codec.ts"
import type { Configuration, ProviderOptions } from "../../Configuration.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import type { BaseUrl, Key } from "../settings.ts"
import { baseUrlProblem, keepAliveMs, textOfKey } from "../settings.ts"
import { apiProblem } from "./definitions.ts"
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
  const baseUrl = yield* baseUrlOf(definition, own, place, variables)
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
    ...(minInterval.success === undefined ? undefined : { minIntervalMs: minInterval.success })
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

const headersOf = (
  definition: ProviderDefinition,
  own: ProviderOptions,
  key: Key | undefined
): Provider["headers"] => ({
  ...lowerCased(definition.headers),
  // A key that cannot be read is refused when a model is asked for.
  ...(key === undefined || textOfKey(key) === undefined ? undefined : lowerCased(definition.authenticate(key.value))),
  ...lowerCased(own.headers ?? {})
})

/** One header a name, whatever the case that it is written in: the last one holds. */
const lowerCased = (headers: Provider["headers"]): Provider["headers"] =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

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
  const problems: Array<Problem> = [...headerProblems(own.headers ?? {}, perRequest, `${place}.headers`)]
  const url = baseUrlProblem(baseUrl)
  if (url !== undefined) problems.push(url)
  if (own.api !== undefined && !codecs.some(({ api }) => api === own.api)) {
    problems.push(apiProblem(place, own.api, codecs, "which the provider speaks"))
  }
  return [...problems, ...TimeLimits.problems(own.limits, `${place}.limits`)]
}

// No header of every request can say how long each is.
const perRequest = new Map([["content-length", () => undefined]])

/** The base URL that is set, else the variable's, else the provider's own. */
const baseUrlOf = (
  definition: ProviderDefinition,
  own: ProviderOptions,
  at: string,
  variables: ConfigProvider
): Effect.Effect<BaseUrl> => {
  const { baseUrlOf: read = (text: string) => text, baseUrlVariable: variable } = definition
  if (own.baseUrl !== undefined || variable === undefined) {
    const value = own.baseUrl === undefined ? definition.baseUrl : read(own.baseUrl)
    return Effect.succeed({ place: `${at}.baseUrl`, value })
  }
  return Config.option(Config.NonEmptyString(variable))
    .parse(variables)
    .pipe(
      Effect.orElseSucceed(() => Option.none()),
      Effect.map((value) => ({
        place: variable,
        value: Option.match(value, { onNone: () => definition.baseUrl, onSome: read })
      }))
    )
}
