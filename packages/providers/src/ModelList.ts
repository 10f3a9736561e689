/** The models that a provider says it has, asked of it directly: one attempt, which nothing repairs and nothing hides. */
import type { Failure } from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { failureOf, isGiven, readingOf, refusal, unreadable } from "./internal/attempt/exchange.ts"
import * as Json from "./internal/json.ts"
import type { ProviderDefinition } from "./ProviderDefinition.ts"

/**
 * The ids of the models that a provider lists, in its order.
 *
 * **Details**
 *
 * The provider is called as the registry says, with its credential. A list of several pages is read to its end. Fails as
 * an attempt of a call does: with the transport's failure, with what the provider's refusal means, or with
 * `MalformedResponse` where the answer is no list.
 */
export const of = Effect.fnUntraced(function* (
  definition: ProviderDefinition,
  options: { readonly credential?: string; readonly limits?: TimeLimits.TimeLimits } = {}
): Effect.fn.Return<ReadonlyArray<string>, Failure | InvalidInput, HttpTransport | ProviderRegistry> {
  if (definition.modelsPath === undefined) return yield* unlisted(definition.id)
  const ids: Array<string> = []
  let path: string | undefined = definition.modelsPath
  for (let pages = 0; path !== undefined && pages < mostPages; pages++) {
    const page: Page = yield* Effect.scoped(get(definition, path, options))
    ids.push(...page.ids)
    path = page.after === undefined ? undefined : withQuery(definition.modelsPath, "after_id", page.after)
  }
  return [...new Set(ids)]
})

// A list that never ends is none.
const mostPages = 50

const unlisted = (id: string): InvalidInput =>
  InvalidInput.of({
    kind: "InvalidOption",
    place: "provider",
    expected: "a provider that lists its models",
    found: `${id}, of which no list is known`
  })

interface Page {
  readonly ids: ReadonlyArray<string>
  /** The id after which the next page begins. */
  readonly after: string | undefined
}

const get = Effect.fnUntraced(function* (
  definition: ProviderDefinition,
  path: string,
  { credential, limits }: { readonly credential?: string; readonly limits?: TimeLimits.TimeLimits }
) {
  const [codec] = definition.codecs
  const transport = yield* HttpTransport
  const registry = yield* ProviderRegistry
  const provider = yield* registry.provider(definition.id, credential)
  const at = TimeLimits.resolve({ ...provider.limits, ...limits })
  const request: HttpRequest = {
    candidate: { provider: definition.id, model: "models", ...(credential === undefined ? undefined : { credential }) },
    method: "GET",
    url: provider.baseUrl + path,
    headers: { ...provider.headers, accept: "application/json" },
    declaration: "repeatable",
    limits: at
  }
  const response = yield* transport.send(request)
  const sent = { codec, request, response, reading: readingOf(definition, request), limits: at }
  if (!isGiven(response)) return yield* refusal(sent)
  const text = yield* response.text
  const json = Json.parse(text)
  if (Result.isFailure(json)) return yield* failureOf(sent, unreadable(sent, text))
  const page = pageOf(Json.object(json.success))
  return page ?? (yield* failureOf(sent, Json.malformed("no list of models")))
})

/** OpenAI's and Anthropic's lists are `data[].id`, Ollama's `models[].name`. */
const pageOf = (body: Json.Json): Page | undefined => {
  const list = body["data"] ?? body["models"]
  if (!Array.isArray(list)) return undefined
  const ids = list.map(Json.object).flatMap((model) => {
    const id = Json.string(model["id"]) ?? Json.string(model["name"])
    return id === undefined ? [] : [id]
  })
  if (ids.length < list.length) return undefined
  const last = Json.string(body["last_id"])
  return { ids, after: body["has_more"] === true && ids.length > 0 ? last : undefined }
}

const withQuery = (path: string, name: string, value: string): string =>
  `${path}${path.includes("?") ? "&" : "?"}${name}=${encodeURIComponent(value)}`
