/** What every request to a provider has: its base URL, and its headers with the key among them. */
import type { Provider } from "@holdfast/core/ProviderRegistry"
import { headerProblems } from "@holdfast/core/RequestHead"
import * as Config from "effect/Config"
import type { ConfigProvider } from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ProviderOptions } from "../../Configuration.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import type { BaseUrl, Key } from "../settings.ts"
import { textOfKey } from "../settings.ts"

/** The base URL that is set, else the variable's, else the provider's own. */
export const baseUrlOf = (
  definition: ProviderDefinition,
  own: Pick<ProviderOptions, "baseUrl">,
  place: string,
  variables: ConfigProvider
): Effect.Effect<BaseUrl> => {
  const { baseUrlOf: read = (text: string) => text, baseUrlVariable: variable } = definition
  if (own.baseUrl !== undefined || variable === undefined) {
    const value = own.baseUrl === undefined ? definition.baseUrl : read(own.baseUrl)
    return Effect.succeed({ place, value })
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

/** The headers of every request: the definition's, the key's, and those that are set. */
export const headersOf = (
  definition: ProviderDefinition,
  own: Pick<ProviderOptions, "headers">,
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

/** What is wrong with headers of every request. */
export const headerProblemsOf = ({ headers = {} }: Pick<ProviderOptions, "headers">, place: string) =>
  headerProblems(headers, perRequest, place)

// No header of every request can say how long each is.
const perRequest = new Map([["content-length", () => undefined]])
