/**
 * `Failover`, turn rules and telemetry around a `LanguageModel` that is somebody else's: of another package, of a
 * framework, of one's own.
 *
 * Each call is an attempt at a candidate that has the model's name. What such a model fails with is an `AiError`: where it
 * stands on our `HttpClient` (`Client.layer`), the failure in it is used with its evidence; of any other nothing is known,
 * so that it is `Ambiguous`. A model that retries by itself does so within an attempt: switch that off.
 */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Declaration } from "@holdfast/core/Declaration"
import type { Answered, Attempt } from "@holdfast/core/Failover"
import type { Failure } from "@holdfast/core/Failure"
import { Failover } from "@holdfast/core/Failover"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import * as Hold from "@holdfast/core/Hold"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput, isInvalidInput } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import type { Chain } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import { Codecs } from "./Codecs.ts"
import * as AlongChain from "./internal/languageModel/alongChain.ts"
import * as Members from "./internal/languageModel/members.ts"
import { momentOf } from "./internal/languageModel/moment.ts"
import type { Services } from "./Model.ts"

/** Somebody else's model, with the name by which it is called, where its layer does not give it. */
export interface Named<E = unknown, R = unknown> {
  readonly layer: Layer.Layer<LanguageModel.LanguageModel, E, R>
  /** `"provider/model"`. */
  readonly model: string
}

/** A model that may stand in: somebody else's, or one of ours by `"provider/model"`. */
export type Fallback = string | Layer.Layer<LanguageModel.LanguageModel, unknown, unknown> | Named

/** What an app says of a model that it wraps. */
export interface Options<F extends Fallback = never> {
  /** `"provider/model"`, as failures, events and the swap rule call it. Default: as its layer does. */
  readonly model?: string
  /** Models that may stand in, in order. */
  readonly fallbacks?: ReadonlyArray<F>
  /**
   * Whether making a call twice matters: `repeatable` lets what failed ambiguously be replayed. Default: what the client
   * below says of its requests, else `unknown`. For the models that are not ours alone; ours know.
   */
  readonly declaration?: Declaration
  /** How long a whole call may take. The other limits are the models' own. */
  readonly limits?: Pick<TimeLimits.TimeLimits, "total">
  /** How much of a stream is held back, in place of what the policy says. See `Model.Options`. */
  readonly hold?: Hold.Hold
  /** Told of every swap, before the first content of the answer reaches the app. */
  readonly onSwap?: (answered: Answered) => Effect.Effect<void>
}

/** What a fallback's layer may fail with. */
export type ErrorOf<F> =
  F extends Layer.Layer<never, infer E, unknown> ? E : F extends Named<infer E, unknown> ? E : never

/** What a fallback stands on. */
export type ServicesOf<F> = F extends string
  ? Services
  : F extends Layer.Layer<never, unknown, infer R>
    ? R
    : F extends Named<unknown, infer R>
      ? R
      : never

/**
 * Puts `Failover`, turn rules and telemetry around a model's layer.
 *
 * **Details**
 *
 * A model without a name, and a fallback that cannot be resolved, fail the layer with `InvalidInput`. Tools run above
 * the failover, so that no attempt runs one twice. Prompts are made readable for whom they go to, as ours are.
 *
 * **Example**
 *
 * ```ts
 * import { Wrapped } from "@holdfast/providers"
 * import * as Effect from "effect/Effect"
 * import type * as Layer from "effect/Layer"
 * import { LanguageModel } from "effect/ai"
 *
 * declare const theirs: Layer.Layer<LanguageModel.LanguageModel>
 *
 * const model = Wrapped.layer(theirs, {
 *   model: "anthropic/claude-opus-4-7",
 *   declaration: "repeatable",
 *   fallbacks: ["openai/gpt-5.5"]
 * })
 * const program = LanguageModel.generateText({ prompt: "Say hello." }).pipe(Effect.provide(model))
 * ```
 */
export const layer = <E, R, const F extends Fallback = never>(
  inner: Layer.Layer<LanguageModel.LanguageModel, E, R>,
  options: Options<F> = {}
): Layer.Layer<
  LanguageModel.LanguageModel | AiModel.ProviderName | AiModel.ModelName,
  E | InvalidInput | ErrorOf<F>,
  R | Failover | ServicesOf<F>
> =>
  // What the fallbacks' types say of errors and services is not visible through their union.
  Layer.effectContext(make(inner, options as Options<Fallback>)) as never

const make = Effect.fnUntraced(function* (
  inner: Layer.Layer<LanguageModel.LanguageModel, unknown, unknown>,
  options: Options<Fallback>
) {
  const failover = yield* Failover
  const entries: ReadonlyArray<Entry> = [
    { layer: inner, ...(options.model === undefined ? undefined : { model: options.model }) },
    ...(options.fallbacks ?? []).map(entryOf)
  ]
  const found: Array<Members.Member> = []
  const problems: Array<Problem> = [
    ...TimeLimits.problems(options.limits),
    ...(options.hold === undefined ? [] : Hold.problems(options.hold, "hold"))
  ]
  for (const [index, entry] of entries.entries()) {
    const place = index === 0 ? "model" : `fallbacks[${index - 1}]`
    const member = yield* Effect.result(memberOf(entry, place, options.declaration))
    if (Result.isSuccess(member)) found.push(member.success)
    else if (isInvalidInput(member.failure)) problems.push(...member.failure.problems)
    else return yield* Effect.fail(member.failure)
  }
  if (Arr.isArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  const members = unique(found)
  const chain: Chain = Arr.map(members, ({ candidate }) => candidate)
  const at = (candidate: Candidate): Members.Member =>
    members.find((member) => member.candidate === candidate) ?? members[0]
  const every = {
    chain,
    refresh: (refused: Attempt, failure: Failure) => at(refused.candidate).refresh(refused, failure),
    totalMs: TimeLimits.resolve(options.limits).totalMs,
    ...(options.onSwap === undefined ? undefined : { onSwap: options.onSwap })
  }
  const languageModel = yield* AlongChain.make(failover, {
    hold: options.hold,
    priceAt: (candidate) => at(candidate).price,
    call: (asked, streaming) => ({
      said: Effect.map(momentOf(asked.prompt, chain[0]), (moment) => ({
        ...every,
        moment,
        declaration: AlongChain.declarationOver(members.map(({ declarationOf }) => declarationOf(asked))),
        suits: (candidate) => at(candidate).suits(asked, streaming)
      })),
      generate: (attempt) => at(attempt.candidate).generate(asked, attempt),
      stream: (attempt, mark) => at(attempt.candidate).stream(asked, attempt, mark),
      declarationAt: (candidate) => at(candidate).declarationOf(asked)
    })
  })
  return Context.make(LanguageModel.LanguageModel, languageModel).pipe(
    Context.add(AiModel.ProviderName, chain[0].provider),
    Context.add(AiModel.ModelName, chain[0].model)
  )
})

/** An entry of the chain, as it is given. */
type Entry = string | { readonly layer: Named["layer"]; readonly model?: string }

const entryOf = (fallback: Fallback): Entry =>
  // A layer is told from an object that holds one by what it is, which its type does not say.
  Layer.isLayer(fallback) ? { layer: fallback as Named["layer"] } : (fallback as string | Named)

/** What answers for one entry of the chain. */
const memberOf = Effect.fnUntraced(function* (
  entry: Entry,
  place: string,
  declaration: Declaration | undefined
): Effect.fn.Return<Members.Member, unknown, Services | Scope.Scope> {
  if (typeof entry === "string") {
    const registry = yield* ProviderRegistry
    const { chain } = yield* registry.resolve({ model: entry, fallbacks: [] })
    const means = {
      transport: yield* HttpTransport,
      registry,
      codecs: yield* Codecs,
      limits: undefined
    }
    return Members.ours(chain[0], means)
  }
  // What it needs is in the context, as the type of the whole layer says.
  const layer = entry.layer as Layer.Layer<LanguageModel.LanguageModel, unknown>
  const built = yield* Layer.build(layer)
  const named = entry.model ?? nameIn(built)
  if (named === undefined) return yield* nameless(place)
  const ref = yield* Effect.fromResult(ModelRef.parse(named, place))
  return Members.theirs(ref, Context.get(built, LanguageModel.LanguageModel), declaration)
})

/** The name that a layer gives; not every one does. */
const nameIn = (built: Context.Context<LanguageModel.LanguageModel>): string | undefined => {
  const provider = Context.getOption(built, AiModel.ProviderName)
  const model = Context.getOption(built, AiModel.ModelName)
  return Option.isSome(provider) && Option.isSome(model) ? `${provider.value}/${model.value}` : undefined
}

const nameless = (place: string): InvalidInput =>
  InvalidInput.of({
    kind: "UnknownModel",
    place,
    expected: "a name for the model, because its layer gives none",
    found: "nothing",
    fix: 'say which it is: { model: "provider/model" }'
  })

/** One entry a model: a second would be asked what the first has refused. */
const unique = ([first, ...rest]: ReadonlyArray<Members.Member>): Arr.NonEmptyReadonlyArray<Members.Member> => {
  if (first === undefined) throw new Error("the model that is wrapped comes first")
  const members: [Members.Member, ...Array<Members.Member>] = [first]
  for (const member of rest) {
    if (!members.some(({ candidate }) => ModelRef.equals(candidate, member.candidate))) members.push(member)
  }
  return members
}
