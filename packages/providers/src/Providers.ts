/**
 * The provider table as a `ProviderRegistry`: what is known of each provider, with what an app or an operator sets.
 *
 * Everything wrong with the settings is reported when the layer is built; a missing or malformed key when a model of
 * that provider is asked for.
 */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Asked, Provider, Resolution } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import { mayBeKey, placeOf } from "@holdfast/core/Preview"
import { headerProblems } from "@holdfast/core/RequestHead"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Codec } from "./Codec.ts"
import type { Spoken } from "./Codecs.ts"
import { Codecs } from "./Codecs.ts"
import { bearer } from "./internal/authenticate.ts"
import type { BaseUrl, Key } from "./internal/settings.ts"
import { baseUrlProblem, keepAliveMs, keyProblem, shown, textOfKey } from "./internal/settings.ts"
import type { ProviderDefinition } from "./ProviderDefinition.ts"
import { table as definitions } from "./ProviderTable.ts"

/** What an app sets for a provider that is known, or says of one that is not. */
export interface ProviderOptions {
  /**
   * Replaces the provider's base URL. Default: `ANTHROPIC_BASE_URL` or `OPENAI_BASE_URL`, as the vendors' SDKs read them,
   * else the provider's own. A provider that is not known needs one.
   */
  readonly baseUrl?: string
  /** The wire format spoken there, for a provider that is not known: `anthropic-messages` or `openai-completions`. */
  readonly api?: string
  /** The key. Default: the provider's environment variable, read through `Config`. */
  readonly apiKey?: Redacted.Redacted
  /** Headers of every request, besides the provider's own. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>>
  /** How long an idle connection is kept; `false`: none is used twice. */
  readonly keepAlive?: Duration.Input | false
}

/** What an app sets. */
export interface Options {
  readonly providers?: Readonly<Record<string, ProviderOptions>>
}

interface Entry {
  readonly definition: ProviderDefinition
  /** Where its settings stand. */
  readonly place: string
  readonly key: Key | undefined
  readonly provider: Provider
}

/** Makes the registry and its wire formats. */
export const make = (options: Options = {}): Effect.Effect<Context.Context<ProviderRegistry | Codecs>, InvalidInput> =>
  Effect.gen(function* () {
    const settings = options.providers ?? {}
    const problems: Array<Problem> = []
    const entries = new Map<string, Entry>()
    for (const definition of defined(settings, problems)) {
      const { id } = definition
      const own = settings[id] ?? {}
      const place = placeOf("providers", id, Object.keys(settings).indexOf(id))
      const baseUrl = yield* baseUrlOf(definition, own, place)
      const key = yield* keyOf(definition, own, place)
      const provider = providerOf({ definition, own, place, baseUrl, key })
      if (Result.isFailure(provider)) problems.push(...provider.failure)
      else entries.set(id, { definition, place, key, provider: provider.success })
    }
    if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
    return Context.make(ProviderRegistry, registryOf(entries)).pipe(
      Context.add(Codecs, { of: (candidate) => spokenBy(entries, candidate) })
    )
  })

/** The provider table as a registry, with its wire formats. */
export const layer = (options?: Options): Layer.Layer<ProviderRegistry | Codecs, InvalidInput> =>
  Layer.effectContext(make(options))

const spokenBy = (entries: ReadonlyMap<string, Entry>, { api, model, provider }: Candidate): Spoken | undefined => {
  const definition = entries.get(provider)?.definition
  const codec = definition?.codecs.find((codec) => codec.api === api)
  return definition === undefined || codec === undefined
    ? undefined
    : { codec, definition, facts: definition.describe(model) }
}

const registryOf = (entries: ReadonlyMap<string, Entry>): ProviderRegistry["Service"] => ({
  provider: (id) => Effect.fromResult(Result.map(entryOf(entries, id, "provider"), ({ provider }) => provider)),
  resolve: (asked) => Effect.fromResult(resolve(entries, asked)),
  settings: () => ({ params: {} })
})

/** The chain of what was asked: duplicates once, every problem of every part. */
const resolve = (entries: ReadonlyMap<string, Entry>, asked: Asked): Result.Result<Resolution, InvalidInput> => {
  const problems: Array<Problem> = []
  const chain: Array<Candidate> = []
  const places = [
    ["model", asked.model ?? ""] as const,
    ...(asked.fallbacks ?? []).map((text, index) => [`fallbacks[${index}]`, text] as const)
  ]
  for (const [place, text] of places) {
    const candidate = candidateOf(entries, text, place)
    if (Result.isFailure(candidate)) {
      // Several models of one provider lack one key.
      problems.push(...candidate.failure.problems.filter((problem) => !problems.some((each) => isSame(each, problem))))
    } else if (!chain.some((each) => ModelRef.equals(each, candidate.success))) {
      chain.push(candidate.success)
    }
  }
  if (Arr.isArrayNonEmpty(problems)) return Result.fail(new InvalidInput({ problems }))
  return Arr.isArrayNonEmpty(chain)
    ? Result.succeed({ chain, suppressedDuplicates: places.length - chain.length, strict: chain.length === 1 })
    : Result.fail(
        InvalidInput.of({ kind: "EmptyChain", place: "model", expected: "at least one model", found: "none" })
      )
}

const isSame = (a: Problem, b: Problem): boolean => a.place === b.place && a.kind === b.kind

const candidateOf = (
  entries: ReadonlyMap<string, Entry>,
  text: string,
  place: string
): Result.Result<Candidate, InvalidInput> =>
  Result.gen(function* () {
    const { model, provider } = yield* ModelRef.parse(text, place)
    const { definition, key, place: set, provider: settled } = yield* entryOf(entries, provider, place)
    const wrong = keyProblem(definition, set, key)
    if (wrong !== undefined) return yield* Result.fail(InvalidInput.of(wrong))
    const { family, identity } = definition.describe(model) ?? {}
    const [codec] = definition.codecs
    return {
      provider,
      model,
      api: codec.api,
      endpoint: new URL(settled.baseUrl).host,
      ...(family === undefined ? undefined : { family }),
      ...(identity === undefined ? undefined : { identity })
    }
  })

const entryOf = (
  entries: ReadonlyMap<string, Entry>,
  id: string,
  place: string
): Result.Result<Entry, InvalidInput> => {
  const entry = entries.get(id)
  return entry === undefined
    ? Result.fail(
        InvalidInput.of({
          kind: "UnknownProvider",
          place,
          expected: `a provider that is known: ${[...entries.keys()].filter((known) => !mayBeKey(known)).join(", ")}`,
          found: shown(id),
          fix: "name it in the options, with its baseUrl and api"
        })
      )
    : Result.succeed(entry)
}

/** What is set for a provider, and where. */
interface Settings {
  readonly definition: ProviderDefinition
  readonly own: ProviderOptions
  readonly place: string
  readonly baseUrl: BaseUrl
  readonly key: Key | undefined
}

/** The provider as it is set, or all that is wrong with what is set, except its key. */
const providerOf = (settings: Settings): Result.Result<Provider, ReadonlyArray<Problem>> => {
  const { baseUrl, definition, key, own, place } = settings
  const problems = problemsOf(settings)
  const keepAlive =
    own.keepAlive === undefined
      ? Result.succeed(definition.connections.keepAliveMs)
      : keepAliveMs(`${place}.keepAlive`, own.keepAlive)
  if (Result.isFailure(keepAlive)) return Result.fail([...problems, keepAlive.failure])
  if (problems.length > 0) return Result.fail(problems)
  return Result.succeed({
    id: definition.id,
    baseUrl: baseUrl.value.replace(/\/+$/, ""),
    headers: {
      ...lowerCased(definition.headers),
      // A key that cannot be read is refused when a model is asked for.
      ...(key === undefined || textOfKey(key) === undefined
        ? undefined
        : lowerCased(definition.authenticate(key.value))),
      ...lowerCased(own.headers ?? {})
    },
    connections: { keepAliveMs: keepAlive.success }
  })
}

const problemsOf = ({ baseUrl, definition: { codecs }, own, place }: Settings): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = [...headerProblems(own.headers ?? {}, perRequest, `${place}.headers`)]
  const url = baseUrlProblem(baseUrl)
  if (url !== undefined) problems.push(url)
  if (own.api !== undefined && !codecs.some(({ api }) => api === own.api)) {
    problems.push(apiProblem(place, own.api, codecs, "which the provider speaks"))
  }
  return problems
}

// No header of every request can say how long each is.
const perRequest = new Map([["content-length", () => undefined]])

const apiProblem = (place: string, api: unknown, codecs: ReadonlyArray<Codec>, why: string): Problem => ({
  kind: "InvalidOption",
  place: `${place}.api`,
  expected: `one of ${codecs.map((codec) => codec.api).join(", ")}, ${why}`,
  found: shown(api)
})

/** The table, and the providers that the settings define beyond it. */
const defined = (
  settings: Readonly<Record<string, ProviderOptions>>,
  problems: Array<Problem>
): ReadonlyArray<ProviderDefinition> => {
  const custom: Array<ProviderDefinition> = []
  for (const [index, [id, own]] of Object.entries(settings).entries()) {
    if (definitions.some((definition) => definition.id === id)) continue
    const codec = spoken.find(({ api }) => api === own.api)
    if (!ModelRef.isProvider(id)) {
      problems.push({
        kind: "InvalidOption",
        place: "providers",
        expected: "ids of letters, digits, dots, dashes and underscores",
        found: shown(id)
      })
    } else if (codec === undefined) {
      problems.push(apiProblem(placeOf("providers", id, index), own.api, spoken, "because the provider is not known"))
    } else if (own.baseUrl === undefined) {
      problems.push({
        kind: "InvalidBaseUrl",
        place: `${placeOf("providers", id, index)}.baseUrl`,
        expected: "an absolute http: or https: URL, because the provider is not known",
        found: "nothing"
      })
    } else {
      custom.push(customOf(id, codec, own.baseUrl))
    }
  }
  return [...definitions, ...custom]
}

const spoken: ReadonlyArray<Codec> = definitions.flatMap((definition) => definition.codecs)

/** A provider that speaks a known wire format is taken to authenticate the way that format's first speaker does. */
const customOf = (id: string, codec: Codec, baseUrl: string): ProviderDefinition => {
  const like = definitions.find((definition) => definition.codecs.includes(codec))
  return {
    id,
    name: id,
    codecs: [codec],
    baseUrl,
    keyVariables: [],
    authenticate: like?.authenticate ?? bearer,
    headers: like?.headers ?? {},
    // Nothing is known of the server, so undici's own caution holds.
    connections: { keepAliveMs: 4000 },
    describe: (model) =>
      definitions.map((definition) => definition.describe(model)).find((known) => known !== undefined)
  }
}

/** One header a name, whatever the case that it is written in: the last one holds. */
const lowerCased = (headers: Provider["headers"]): Provider["headers"] =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

/** The base URL that is set, else the variable's, else the provider's own. */
const baseUrlOf = Effect.fnUntraced(function* (definition: ProviderDefinition, own: ProviderOptions, at: string) {
  const { baseUrlVariable: variable } = definition
  if (own.baseUrl !== undefined || variable === undefined) {
    return { place: `${at}.baseUrl`, value: own.baseUrl === undefined ? definition.baseUrl : own.baseUrl }
  }
  const value = yield* Effect.orElseSucceed(Config.option(Config.NonEmptyString(variable)), () => Option.none())
  return { place: variable, value: Option.getOrElse(value, () => definition.baseUrl) }
})

/** The key that is set, else the first of the variables that is. */
const keyOf = Effect.fnUntraced(function* ({ keyVariables }: ProviderDefinition, own: ProviderOptions, at: string) {
  if (own.apiKey !== undefined) return { place: `${at}.apiKey`, value: own.apiKey }
  for (const place of keyVariables) {
    const value = yield* Effect.orElseSucceed(Config.option(Config.Redacted(place)), () => Option.none())
    if (Option.isSome(value)) return { place, value: value.value }
  }
  return undefined
})
