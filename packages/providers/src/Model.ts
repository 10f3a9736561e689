/**
 * A chain of models as a `LanguageModel` of `effect/ai`: every call runs through `Failover`, and every answer says who
 * was asked and who answered.
 *
 * What was asked is resolved again for every call, because configuration may have changed since the last one.
 */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Answered, CallOptions } from "@holdfast/core/Failover"
import { Failover } from "@holdfast/core/Failover"
import * as Policy from "@holdfast/core/FailoverPolicy"
import { FailoverPolicy } from "@holdfast/core/FailoverPolicy"
import * as Hold from "@holdfast/core/Hold"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Asked, Chain } from "@holdfast/core/ProviderRegistry"
import { ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as AiModel from "effect/ai/Model"
import type { ModelCall } from "./Codec.ts"
import { Codecs } from "./Codecs.ts"
import * as AlongChain from "./internal/languageModel/alongChain.ts"
import * as Ours from "./internal/languageModel/languageModel.ts"
import * as NamedChains from "./internal/languageModel/namedChains.ts"
import * as ModelAttempt from "./internal/attempt/modelAttempt.ts"
import { renew } from "./internal/attempt/keyInUse.ts"
import { momentOf } from "./internal/languageModel/moment.ts"
import { resolvedWith } from "./internal/languageModel/resolved.ts"

/** What an app sets for a model. */
export interface Options {
  /** Models that may stand in, in order, in place of those configured. */
  readonly fallbacks?: ReadonlyArray<string>
  /** The agent whose fallbacks, and whose primary last, stand behind the model. */
  readonly agent?: string
  /** Fields of the provider's own request, `max_tokens` for one. They come before those configured. */
  readonly params?: Readonly<Record<string, unknown>>
  /** Time limits, which come before those configured. */
  readonly limits?: TimeLimits.TimeLimits
  /**
   * How much of a stream is held back, so that a failure until then is replaced unseen, in place of what the policy says.
   * It costs latency: the app sees its first part when the last of those held back has come.
   */
  readonly hold?: Hold.Hold
  /**
   * Models that are asked for failures of one reason alone, in order: one with a longer context for `ContextOverflow`.
   * They come before those of the policy for the same reason, and pass the allow list as `fallbacks` do.
   */
  readonly chains?: Policy.Policy["chains"]
  /** Told of every swap, before the first content of the answer reaches the app. */
  readonly onSwap?: (answered: Answered) => Effect.Effect<void>
}

/** What the layer stands on. */
export type Services = Failover | FailoverPolicy | HttpTransport | ProviderRegistry | Codecs

/**
 * Makes a `LanguageModel` that asks a model and, where verdict and swap rule allow, those behind it.
 *
 * **Details**
 *
 * `model` is an agent's id, an alias or `"provider/model"`; absent, the default agent's model. What cannot be resolved
 * fails here with `InvalidInput`, all problems at once; what no longer can when a call is made fails that call.
 */
export const make = (
  model?: string,
  options: Options = {}
): Effect.Effect<LanguageModel.LanguageModel, InvalidInput, Services> =>
  Effect.map(open(model, options), ({ languageModel }) => languageModel)

const open = Effect.fnUntraced(function* (
  model: string | undefined,
  options: Options
): Effect.fn.Return<
  { readonly languageModel: LanguageModel.LanguageModel; readonly first: Candidate },
  InvalidInput,
  Services
> {
  const failover = yield* Failover
  const policy = yield* FailoverPolicy
  const registry = yield* ProviderRegistry
  const codecs = yield* Codecs
  const means: ModelAttempt.Means = {
    transport: yield* HttpTransport,
    registry,
    codecs,
    limits: options.limits
  }
  const asked = askedOf(model, options)
  const { chain } = yield* resolvedWith(registry.resolve(asked), [
    ...TimeLimits.problems(options.limits),
    ...(options.hold === undefined ? [] : Hold.problems(options.hold, "hold")),
    ...(yield* NamedChains.problems(registry, asked, options.chains, Policy.snapshot(policy).chains))
  ])
  const refresh = renew(registry)
  const onSwap = options.onSwap === undefined ? undefined : { onSwap: options.onSwap }

  /** What every call of the chain says to `Failover`. */
  const begin = Effect.fnUntraced(function* (call: ModelCall, streaming: boolean) {
    const { chain } = yield* registry.resolve(asked)
    const moment = yield* momentOf(call.prompt, chain[0])
    const totalMs = yield* totalMsOf(means, chain)
    const { chains, hedge } = Policy.snapshot(policy)
    const named = yield* NamedChains.resolve(registry, asked, NamedChains.either(options.chains, chains))
    return {
      chain,
      moment,
      totalMs,
      suits: ModelAttempt.suits(means, call, streaming),
      refresh,
      ...onSwap,
      ...named,
      ...(hedge === undefined ? undefined : { declaration: declarationOf(call, chain, named?.chains) })
    }
  })

  const declarationOf = (call: ModelCall, chain: Chain, named: CallOptions["chains"] = {}) =>
    AlongChain.declarationOver(
      [...chain, ...Object.values(named).flat()].map((candidate) => ModelAttempt.declarationAt(means, call, candidate))
    )

  const languageModel = yield* AlongChain.make(failover, {
    hold: options.hold,
    priceAt: (candidate) => codecs.of(candidate)?.facts?.price,
    call: (asked, streaming) => {
      const call = Ours.callOf(asked, options.params)
      return {
        said: begin(call, streaming),
        generate: (attempt) => ModelAttempt.generate(means, call, attempt),
        stream: (attempt, mark) => ModelAttempt.stream(means, call, attempt, mark),
        declarationAt: (candidate) => ModelAttempt.declarationAt(means, call, candidate)
      }
    }
  })
  return { languageModel, first: chain[0] }
})

const askedOf = (model: string | undefined, { agent, fallbacks }: Options): Asked => ({
  ...(model === undefined ? undefined : { model }),
  ...(fallbacks === undefined ? undefined : { fallbacks }),
  ...(agent === undefined ? undefined : { agent })
})

/** How long a whole call may take: as the call says, else as is configured for the provider that is asked. */
const totalMsOf = (means: ModelAttempt.Means, [first]: Chain): Effect.Effect<number, InvalidInput> =>
  Effect.map(
    means.registry.provider(first.provider, first.credential),
    (provider) => ModelAttempt.limitsAt(means, provider).totalMs
  )

/** A chain of models as a `LanguageModel`, named after the first. See {@link make}. */
export const layer = (
  model?: string,
  options: Options = {}
): Layer.Layer<LanguageModel.LanguageModel | AiModel.ProviderName | AiModel.ModelName, InvalidInput, Services> =>
  Layer.effectContext(
    Effect.map(open(model, options), ({ first, languageModel }) =>
      Context.make(LanguageModel.LanguageModel, languageModel).pipe(
        Context.add(AiModel.ProviderName, first.provider),
        Context.add(AiModel.ModelName, first.model)
      )
    )
  )
