/** Who was asked and who answered, as the parts of an answer say it. */
import { SwapReason } from "@holdfast/core/TelemetryEvent"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** Who was asked and who answered, each as `"provider/model"`. */
export interface AnsweredBy {
  readonly requested: string
  readonly answered: string
  /** Why another model answered than was asked; absent where none did, and on content parts, which do not say. */
  readonly swap: SwapReason | undefined
}

/** What a provider's metadata is kept under. */
type Metadata = Readonly<Record<string, unknown>>

/** A part of an answer, whole or streamed. */
export interface Part {
  readonly type: string
  readonly metadata?: Metadata
}

/** An answer that has parts: a response of `generateText`, or a stream's parts collected as its `content`. */
export interface Response {
  readonly content: ReadonlyArray<Part>
}

/**
 * Who was asked and who answered; nothing where the answer is no model's of Holdfast.
 *
 * **Details**
 *
 * Of a response its `response-metadata` part tells, which says why as well. In a stream that part comes before the first
 * content; every part that begins content names the two models too.
 *
 * **Example**
 *
 * ```ts
 * import { Answers } from "@holdfast/providers"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const program = Effect.gen(function* () {
 *   const response = yield* LanguageModel.generateText({ prompt: "Say hello." })
 *   const by = Answers.of(response)
 *   if (by?.swap !== undefined) yield* Console.log(`${by.answered} stood in for ${by.requested}: ${by.swap}`)
 *   return response.text
 * })
 * ```
 */
export const of = (answer: Response | Part): AnsweredBy | undefined => {
  if (!("content" in answer)) return fromMetadata(answer.metadata)
  const head = answer.content.find((part) => part.type === "response-metadata")
  return fromMetadata(head?.metadata)
}

/** What an answer cost, and by whose word. */
export interface Cost {
  /** US dollars. */
  readonly usd: number
  /** Where the price stands, or `answer` where the provider itself said what it charged. */
  readonly source: string
}

/**
 * What an answer cost, cached tokens priced as such; nothing where the model's price or what it counted is not known.
 *
 * Of a response its `finish` part tells, which is a stream's last.
 */
export const cost = (answer: Response | Part): Cost | undefined => {
  const part = "content" in answer ? answer.content.find(({ type }) => type === "finish") : answer
  const said = part?.metadata?.["holdfast"]
  if (!Predicate.hasProperty(said, "cost")) return undefined
  const { cost } = said
  if (!Predicate.hasProperty(cost, "usd") || !Predicate.isNumber(cost.usd)) return undefined
  return Predicate.hasProperty(cost, "source") && Predicate.isString(cost.source)
    ? { usd: cost.usd, source: cost.source }
    : undefined
}

const fromMetadata = (metadata: Metadata = {}): AnsweredBy | undefined => {
  const said = metadata["holdfast"]
  if (!Predicate.hasProperty(said, "requested") || !Predicate.isString(said.requested)) return undefined
  if (!Predicate.hasProperty(said, "answered") || !Predicate.isString(said.answered)) return undefined
  const { answered, requested } = said
  return { requested, answered, swap: Predicate.hasProperty(said, "swap") && isSwap(said.swap) ? said.swap : undefined }
}

const isSwap = Schema.is(SwapReason)
