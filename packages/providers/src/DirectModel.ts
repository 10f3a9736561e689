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
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import type { Codecs } from "./Codecs.ts"
import { exposed } from "./internal/answer/exposed.ts"
import * as Ours from "./internal/languageModel/languageModel.ts"
import * as Marks from "./internal/answer/marks.ts"
import * as ModelAttempt from "./internal/attempt/modelAttempt.ts"
import { formatsOf, keyProblem } from "./internal/registry/keyProblem.ts"
import { kinOf } from "./internal/models/kin.ts"
import { baseUrlOf, headerProblemsOf, headersOf } from "./internal/registry/everyRequest.ts"
import { firstOf } from "./internal/registry/slot.ts"
import type { BaseUrl, Key } from "./internal/settings.ts"
import { baseUrlProblem, shown } from "./internal/settings.ts"
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
  const variables = yield* ConfigProvider.ConfigProvider
  const baseUrl = yield* baseUrlOf(definition, options, "baseUrl", variables)
  const key = yield* keyOf(definition, options, variables)
  const problems = problemsOf({ definition, model, options, baseUrl, key })
  if (Arr.isReadonlyArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  const codec = definition.codecs.find(({ api }) => api === options.api) ?? definition.codecs[0]
  const facts = definition.describe(model)
  const provider: Provider = {
    id: definition.id,
    baseUrl: baseUrl.value.replace(/\/+$/, ""),
    headers: headersOf(definition, options, key),
    connections: definition.connections
  }
  const candidate: Candidate = {
    provider: definition.id,
    model,
    api: codec.api,
    endpoint: new URL(provider.baseUrl).host,
    ...kinOf(facts)
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
  const answered = { requested: candidate, answered: candidate, swap: undefined, failed: [] }
  return yield* Ours.make({
    generate: (asked) => {
      const call = Ours.callOf(asked, options.params)
      return Effect.map(ModelAttempt.generate(means, call, attempt), (parts) => ({
        parts: Marks.mark(parts, answered, facts?.price),
        declaration: ModelAttempt.declarationAt(means, call, candidate)
      }))
    },
    stream: (asked, exposing) =>
      Effect.succeed(
        exposed(
          ModelAttempt.stream(means, Ours.callOf(asked, options.params), attempt),
          Marks.streamMarker(answered, facts?.price),
          exposing
        )
      )
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
  problems.push(...headerProblemsOf(options, "headers"), ...TimeLimits.problems(options.limits))
  return problems
}

const keyOf = (
  { keyVariables }: ProviderDefinition,
  { apiKey }: Options,
  variables: ConfigProvider.ConfigProvider
): Effect.Effect<Key | undefined> =>
  apiKey === undefined ? firstOf(keyVariables, { variables }) : Effect.succeed({ place: "apiKey", value: apiKey })
