/**
 * One question to a model, and its answer as it comes: through configuration, registry, failover and transport as an app
 * has them.
 */
import type * as Failure from "@holdfast/core/Failure"
import * as InvalidInput from "@holdfast/core/InvalidInput"
import type { FaultServerError } from "@holdfast/testing/FaultServerError"
import { AiErrors, Answers, Holdfast } from "holdfast"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PlatformError } from "effect/PlatformError"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import { AskFailed } from "./AskFailed.ts"
import * as Explain from "./internal/ask/explain.ts"
import * as Local from "./internal/ask/local.ts"
import * as Printer from "./internal/ask/printer.ts"

/** A question. */
export interface Question {
  readonly prompt: string
  /**
   * An agent, an alias or `"provider/model"`. Absent: the default agent's; where none is configured, the model that needs
   * no key, which only repeats.
   */
  readonly model?: string | undefined
  /** A configuration file. Default: the one that is found. */
  readonly config?: string | undefined
  readonly system?: string | undefined
  /** Whether what the model thought is printed as well, on the standard error. */
  readonly reasoning?: boolean
}

/** What came of a question. */
export interface Answer {
  readonly text: string
  readonly requested: string
  readonly answered: string
  /** Why another model answered, if one did. */
  readonly swap?: string
  readonly finish: string
  readonly inputTokens?: number
  readonly outputTokens?: number
}

type Part = Response.StreamPart<{}>

/** Asks and prints the answer as it comes. */
export const print = (question: Question): Effect.Effect<void, AskFailed, Stdio.Stdio> =>
  Effect.gen(function* () {
    const printer = yield* Printer.make({ reasoning: question.reasoning ?? false })
    yield* Effect.ensuring(
      Stream.runForEach(parts(question), (part) => Effect.mapError(printer.part(part), notPrinted)),
      Effect.ignore(printer.end)
    )
  })

/** Asks and gives the whole answer. */
export const collect = (question: Question): Effect.Effect<Answer, AskFailed> =>
  Effect.map(Stream.runCollect(parts(question)), (parts) => {
    const finish = parts.find((part) => part.type === "finish")
    const { inputTokens, outputTokens } = finish?.usage ?? {}
    const by = Answers.of({ content: parts })
    return {
      text: parts.map((part) => (part.type === "text-delta" ? part.delta : "")).join(""),
      requested: by?.requested ?? refOf(question),
      answered: by?.answered ?? refOf(question),
      ...(by?.swap === undefined ? undefined : { swap: by.swap }),
      finish: finish?.reason ?? "unknown",
      ...(inputTokens?.total === undefined ? undefined : { inputTokens: inputTokens.total }),
      ...(outputTokens?.total === undefined ? undefined : { outputTokens: outputTokens.total })
    }
  })

const refOf = ({ model }: Question): string => model ?? Local.model

const parts = (question: Question): Stream.Stream<Part, AskFailed> =>
  LanguageModel.streamText({ prompt: promptOf(question) }).pipe(
    Stream.provide(modelOf(question)),
    Stream.mapError(askFailed)
  )

const promptOf = ({ prompt, system }: Question): Prompt.RawInput =>
  system === undefined
    ? prompt
    : [
        { role: "system", content: system },
        { role: "user", content: prompt }
      ]

const modelOf = ({ config, model, prompt }: Question) => {
  const over = (ref: string | undefined, options: Holdfast.Options) =>
    Layer.provide(
      Holdfast.model(ref),
      Holdfast.layer({ ...(config === undefined ? undefined : { config }), ...options })
    )
  const local = Local.serving(prompt, (settings) =>
    // What an operator allows is not asked for a model that asks nobody.
    over(model ?? Local.model, { config: false, providers: { [Local.provider]: settings } })
  )
  if (model !== undefined) return Local.isLocal(model) ? local : over(model, {})
  return Layer.catchTag(over(undefined, {}), "InvalidInput", (error) =>
    isNothingConfigured(error) ? local : Layer.effect(LanguageModel.LanguageModel, Effect.fail(error))
  )
}

/** Nobody was named, here or by an operator: everything else that is wrong is said. */
const isNothingConfigured = ({ problems }: InvalidInput.InvalidInput): boolean =>
  problems.every(({ kind }) => kind === "EmptyChain")

const askFailed = (
  error: AiError.AiError | InvalidInput.InvalidInput | FaultServerError | Failure.Failure
): AskFailed => {
  if (InvalidInput.isInvalidInput(error)) return new AskFailed({ lines: Explain.invalid(error) })
  if (error._tag !== "AiError") return new AskFailed({ lines: [error.message], cause: error })
  const failure = AiErrors.failureOf(error)
  if (failure !== undefined) return new AskFailed({ lines: Explain.failure(failure), cause: failure })
  const invalid = AiErrors.invalidInputOf(error)
  return new AskFailed({ lines: invalid === undefined ? [error.message] : Explain.invalid(invalid), cause: error })
}

const notPrinted = (error: PlatformError): AskFailed =>
  new AskFailed({ lines: [`the answer could not be printed: ${error.message}`], cause: error })
