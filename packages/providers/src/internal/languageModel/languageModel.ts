/** What every `LanguageModel` of ours has in common, whoever answers: its errors, and what an outer retry may do. */
import type { Declaration } from "@holdfast/core/Declaration"
import type { GivenUp } from "@holdfast/core/Failover"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Verdict from "@holdfast/core/Verdict"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Span } from "effect/Tracer"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Response from "effect/ai/Response"
import * as AiErrors from "../../AiErrors.ts"
import type { ModelCall } from "../../Codec.ts"
import * as Guarded from "./guarded.ts"
import * as HostedTools from "./hostedTools.ts"
import { codecTransformer } from "../prompt/structuredOutput.ts"

/** What an answer may fail with. An `AiError` comes from somebody else's model and passes through. */
export type Error = GivenUp | InvalidInput | AiError.AiError

/** A whole answer. */
export interface Given {
  readonly parts: Array<Response.PartEncoded>
  /** What the call that gave it declared. */
  readonly declaration: Declaration
}

/** Who answers. */
export interface Source {
  readonly generate: (asked: LanguageModel.ProviderOptions) => Effect.Effect<Given, Error>
  /** `exposing` is called before the first content is given out. */
  readonly stream: (
    asked: LanguageModel.ProviderOptions,
    exposing: () => void
  ) => Effect.Effect<Stream.Stream<Response.StreamPartEncoded, Error>, Error>
}

/** What is asked, with fields of the provider's own request that an app sets. */
export const callOf = (
  { prompt, responseFormat, toolChoice, tools }: LanguageModel.ProviderOptions,
  params: ModelCall["params"] = {}
): ModelCall => ({ prompt, tools, toolChoice, responseFormat, params, settings: {} })

/** A `LanguageModel` whose answers come from a source. */
export const make = (source: Source): Effect.Effect<LanguageModel.LanguageModel> =>
  Effect.suspend(() => {
    const refusals = new Refusals()
    return Effect.map(
      LanguageModel.make({
        generateText: (asked) => {
          const known = refusals.get(asked)
          if (known !== undefined) return Effect.fail(known)
          const method = asked.responseFormat.type === "json" ? "generateObject" : "generateText"
          return Effect.flatMap(Guarded.Current, (watch) => {
            watch?.asks(asked.tools)
            return Effect.map(source.generate(HostedTools.restored(asked)), ({ declaration, parts }) => {
              watch?.answered(Verdict.mayReplay("Ambiguous", declaration) !== "no")
              watch?.sees(parts)
              return HostedTools.carried(parts, HostedTools.definedAmong(asked.tools))
            })
          }).pipe(Effect.mapError((error) => refusals.keep(asked, toAiError(error, method))))
        },
        streamText: (asked) => {
          const known = refusals.get(asked)
          if (known !== undefined) return Stream.fail(known)
          return Stream.unwrap(
            Effect.flatMap(Guarded.Current, (watch) => {
              watch?.asks(asked.tools)
              const opened = source.stream(HostedTools.restored(asked), () => watch?.answered(false))
              return watch === undefined ? opened : Effect.map(opened, (parts) => watch.seen(parts))
            })
          ).pipe(
            HostedTools.carriedInStream(HostedTools.definedAmong(asked.tools)),
            Stream.mapError((error) => refusals.keep(asked, toAiError(error, "streamText")))
          )
        },
        codecTransformer
      }),
      Guarded.guarded
    )
  })

const toAiError = (error: Error, method: AiErrors.Method): AiError.AiError =>
  AiError.isAiError(error) ? error : AiErrors.toAiError(error, method)

/**
 * Requests that were refused as invalid, by their span.
 *
 * A conversation that is tracked (`ResponseIdTracker`) is asked a second time, in full, after such a refusal. What was
 * refused was the full prompt already: response ids of one model mean nothing to the next, so that none is ever sent.
 */
class Refusals {
  private readonly bySpan = new WeakMap<Span, AiError.AiError>()

  keep(asked: LanguageModel.ProviderOptions, error: AiError.AiError): AiError.AiError {
    if (asked.incrementalPrompt !== undefined && error.reason._tag === "InvalidRequestError") {
      this.bySpan.set(asked.span, error)
    }
    return error
  }

  get(asked: LanguageModel.ProviderOptions): AiError.AiError | undefined {
    return asked.incrementalFallback === true ? this.bySpan.get(asked.span) : undefined
  }
}
