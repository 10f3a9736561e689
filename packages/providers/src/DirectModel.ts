/**
 * One model at one provider as a `LanguageModel`, over a transport alone: no chain, no registry, no retry. It is for those
 * who compose their own program from calls and combinators.
 *
 * A call is one attempt. What fails, fails with its verdict: {@link ModelCalls} has it in the error channel. Importing this
 * module and one provider's definition loads no other provider's wire format.
 */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Attempt } from "@holdfast/core/Failover"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { ModelSettings, Provider, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { headerProblems } from "@holdfast/core/RequestHead"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import type { ModelCall } from "./Codec.ts"
import type { Codecs } from "./Codecs.ts"
import { exposed } from "./internal/exposed.ts"
import * as Ours from "./internal/languageModel.ts"
import * as Marks from "./internal/marks.ts"
import * as ModelAttempt from "./internal/modelAttempt.ts"
import { formatsOf, keyProblem } from "./internal/registry/keyProblem.ts"
import type { BaseUrl, Key } from "./internal/settings.ts"
import { baseUrlProblem, shown, textOfKey } from "./internal/settings.ts"
import type { ProviderDefinition } from "./ProviderDefinition.ts"

/** What an app sets. */
export interface Options {
  /** The key. Default: the provider's environment variable, read through `Config`. */
  readonly apiKey?: Redacted.Redacted
  /** Replaces the provider's base URL. Default: its environment variable, where it has one, else its own. */
  readonly baseUrl?: string
  /** The wire format, where the provider speaks several. Default: the first. */
  readonly api?: string
  /** Headers of every request, besides the provider's own. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>>
  /** Fields of the provider's own request, `max_tokens` for one. */
  readonly params?: Readonly<Record<string, unknown>>
  /** How long the provider keeps what it has read of a prompt, and the like. */
  readonly settings?: Omit<ModelSettings, "params">
  readonly limits?: TimeLimits.TimeLimits
}

/**
 * Makes a `LanguageModel` that asks one model of one provider, once a call.
 *
 * **Details**
 *
 * Fails with `InvalidInput` where the key is missing or malformed, or anything else is set wrongly: all problems at once.
 *
 * **Example**
 *
 * ```ts
 * import { DirectModel, ModelCalls } from "@holdfast/providers"
 * import { anthropic } from "@holdfast/providers/definitions/anthropic"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const claude = ModelCalls.of(yield* DirectModel.make(anthropic, "claude-opus-4-7"))
 *   return yield* claude.generateText({ prompt: "Say hello." })
 * })
 * ```
 */
export const make = Effect.fnUntraced(function* (
  definition: ProviderDefinition,
  model: string,
  options: Options = {}
): Effect.fn.Return<LanguageModel.LanguageModel, InvalidInput, HttpTransport> {
  const transport = yield* HttpTransport
  const baseUrl = yield* baseUrlOf(definition, options)
  const key = yield* keyOf(definition, options)
  const problems = problemsOf({ definition, model, options, baseUrl, key })
  if (Arr.isReadonlyArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  const codec = definition.codecs.find(({ api }) => api === options.api) ?? definition.codecs[0]
  const facts = definition.describe(model)
  const provider = providerOf(definition, options, baseUrl.value, key)
  const candidate: Candidate = {
    provider: definition.id,
    model,
    api: codec.api,
    endpoint: new URL(provider.baseUrl).host,
    ...(facts?.family === undefined ? undefined : { family: facts.family }),
    ...(facts?.identity === undefined ? undefined : { identity: facts.identity })
  }
  const registry: ProviderRegistry["Service"] = {
    resolve: () => Effect.succeed({ chain: [candidate], suppressedDuplicates: 0, strict: true }),
    provider: () => Effect.succeed(provider),
    settings: () => ({ params: {}, ...options.settings })
  }
  const codecs: Codecs["Service"] = { of: () => ({ codec, definition, facts }) }
  const means: ModelAttempt.Means = { transport, registry, codecs, limits: options.limits }
  const attempt: Attempt = {
    call: "direct",
    attempt: 1,
    candidate,
    connection: "any",
    totalMs: ModelAttempt.limitsAt(means, provider).totalMs
  }
  const callOf = ({ prompt, responseFormat, toolChoice, tools }: LanguageModel.ProviderOptions): ModelCall => ({
    prompt,
    tools,
    toolChoice,
    responseFormat,
    params: options.params ?? {},
    settings: {}
  })
  const answered = { requested: candidate, answered: candidate, swap: undefined, failed: [] }
  return yield* Ours.make({
    generate: (asked) => {
      const call = callOf(asked)
      return Effect.map(ModelAttempt.generate(means, call, attempt), (parts) => ({
        parts: Marks.mark(parts, answered, facts?.price),
        declaration: ModelAttempt.declarationAt(means, call, candidate)
      }))
    },
    stream: (asked, exposing) =>
      exposed(ModelAttempt.stream(means, callOf(asked), attempt), Marks.streamMarker(answered, facts?.price), exposing)
  })
})

/** One model of one provider, named after it. See {@link make}. */
export const layer = (
  definition: ProviderDefinition,
  model: string,
  options?: Options
): Layer.Layer<LanguageModel.LanguageModel | AiModel.ProviderName | AiModel.ModelName, InvalidInput, HttpTransport> =>
  Layer.effectContext(
    Effect.map(make(definition, model, options), (languageModel) =>
      Context.make(LanguageModel.LanguageModel, languageModel).pipe(
        Context.add(AiModel.ProviderName, definition.id),
        Context.add(AiModel.ModelName, model)
      )
    )
  )

interface Given {
  readonly definition: ProviderDefinition
  readonly model: string
  readonly options: Options
  readonly baseUrl: BaseUrl
  readonly key: Key | undefined
}

const problemsOf = ({ baseUrl, definition, key, model, options }: Given): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = []
  if (!ModelRef.isModel(model)) {
    problems.push({
      kind: "MalformedModelRef",
      place: "model",
      expected: "a model's id, without spaces",
      found: shown(model)
    })
  }
  if (options.api !== undefined && !definition.codecs.some(({ api }) => api === options.api)) {
    problems.push({
      kind: "InvalidOption",
      place: "api",
      expected: `one of ${definition.codecs.map(({ api }) => api).join(", ")}, which the provider speaks`,
      found: shown(options.api)
    })
  }
  // A gateway gives out keys of its own.
  const formats = baseUrl.value === definition.baseUrl ? formatsOf([definition]) : []
  for (const problem of [keyProblem(definition, "options", key, formats), baseUrlProblem(baseUrl)]) {
    if (problem !== undefined) problems.push(problem)
  }
  problems.push(...headerProblems(options.headers ?? {}, perRequest, "headers"), ...TimeLimits.problems(options.limits))
  return problems
}

// No header of every request can say how long each is.
const perRequest = new Map([["content-length", () => undefined]])

const providerOf = (
  { authenticate, baseUrlOf, connections, headers, id }: ProviderDefinition,
  options: Options,
  baseUrl: string,
  key: Key | undefined
): Provider => ({
  id,
  baseUrl: (baseUrlOf?.(baseUrl) ?? baseUrl).replace(/\/+$/, ""),
  headers: lowerCased({
    ...headers,
    ...(key === undefined || textOfKey(key) === undefined ? undefined : authenticate(key.value)),
    ...options.headers
  }),
  connections
})

/** One header a name, whatever the case that it is written in: the last one holds. */
const lowerCased = (headers: Provider["headers"]): Provider["headers"] =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const baseUrlOf = Effect.fnUntraced(function* (definition: ProviderDefinition, { baseUrl }: Options) {
  const { baseUrlVariable: variable } = definition
  if (baseUrl !== undefined || variable === undefined) {
    return { place: "baseUrl", value: baseUrl ?? definition.baseUrl }
  }
  const set = yield* Effect.orElseSucceed(Config.option(Config.NonEmptyString(variable)), () => Option.none())
  return { place: variable, value: Option.getOrElse(set, () => definition.baseUrl) }
})

const keyOf = Effect.fnUntraced(function* ({ keyVariables }: ProviderDefinition, { apiKey }: Options) {
  if (apiKey !== undefined) return { place: "apiKey", value: apiKey }
  for (const place of keyVariables) {
    const set = yield* Effect.orElseSucceed(Config.option(Config.Redacted(place)), () => Option.none())
    if (Option.isSome(set)) return { place, value: set.value }
  }
  return undefined
})
