/**
 * A wire format: how a model call becomes a provider's request, and how its answer becomes response parts.
 *
 * A codec is data and pure functions. It knows no transport, retries nothing and decides nothing; what it cannot read it
 * names. Events of a stream are decoded without Schema; the boundary of `LanguageModel` checks the parts.
 */
import type { Declaration } from "@holdfast/core/Declaration"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { scrub } from "@holdfast/core/Preview"
import type { ModelSettings } from "@holdfast/core/ProviderRegistry"
import type { Reason } from "@holdfast/core/Reason"
import { MalformedResponse } from "@holdfast/core/Reason"
import type * as Result from "effect/Result"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type * as Tool from "effect/ai/Tool"
import type { ErrorRule } from "./ErrorRule.ts"
import type { ModelFacts, ProviderDefinition } from "./ProviderDefinition.ts"

/** A call to a model, before it is anybody's format. */
export interface ModelCall {
  readonly prompt: Prompt.Prompt
  readonly tools: ReadonlyArray<Tool.Any>
  readonly toolChoice: LanguageModel.ProviderOptions["toolChoice"]
  readonly responseFormat: LanguageModel.ProviderOptions["responseFormat"]
  /** Fields of the provider's own request that app and configuration set, `max_tokens` for one. */
  readonly params: Readonly<Record<string, unknown>>
  /** What else configuration says. */
  readonly settings: Omit<ModelSettings, "params">
}

/** Whom a call is written for. */
export interface Target {
  readonly model: string
  readonly definition: ProviderDefinition
  /** What is known of the model; nothing where it is not known. */
  readonly facts: ModelFacts | undefined
}

/** A call as a request. */
export interface Encoded {
  readonly body: Readonly<Record<string, unknown>>
  /** Headers besides the provider's own. */
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that is an error, as far as HTTP tells. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  /** When it came, in milliseconds since 1970: what dates are read against if it has none of its own. */
  readonly at?: number
}

/** Foreign text made fit to be kept in a failure, `length` characters at most: like `Preview.scrub`, its default. */
export type Clean = (text: string, length?: number) => string

/** What an answer is read with. */
export interface Reading {
  /** Makes foreign text fit to be kept in a failure. */
  readonly clean: Clean
  /** Whose answer it is: names of rules begin with it. Absent: the format's first speaker's. */
  readonly provider?: string
  /** The provider's own rules, which come before the format's. */
  readonly errors?: ReadonlyArray<ErrorRule>
  /** Where the provider says whether it is up. */
  readonly statusPage?: string
}

/** An answer of nobody in particular. */
export const plain: Reading = { clean: scrub }

/** What an error answer means. */
export interface Classified {
  readonly reason: Reason
  /** The provider's own word, in its own shape, that it did not run the request. */
  readonly notRun: boolean
}

/** One server-sent event, or one line of JSON, whose `event` is empty. */
export interface StreamEvent {
  readonly event: string
  readonly data: string
}

/**
 * An event that said nothing but a piece of text. Events that differ from it in that text alone are not parsed again:
 * what a stream mostly consists of costs little then.
 */
export interface Delta {
  /** The name of the text's member, `content` for `"content":"..."`. */
  readonly member: string
  readonly text: string
  /** Reads another event's text. */
  readonly read: (text: string, out: Array<Response.StreamPartEncoded>) => void
}

/** What an event means for its stream: it goes on, it is complete, or it has failed. */
export type Step =
  | { readonly _tag: "Continue"; readonly delta?: Delta | undefined }
  | { readonly _tag: "Complete" }
  | { readonly _tag: "Failed"; readonly reason: Reason }

/** The stream goes on. */
export const proceed: Step = { _tag: "Continue" }

/** The provider's end marker has come. */
export const complete: Step = { _tag: "Complete" }

/** The event makes no sense; `detail` says why, in constant words. */
export const malformed = (detail: string): Step => ({
  _tag: "Failed",
  reason: new MalformedResponse({ what: "event", detail })
})

/** Reads the events of one stream, in order. */
export interface StreamDecoder {
  /** Reads one event and appends the parts it yields to `out`. */
  readonly read: (event: StreamEvent, out: Array<Response.StreamPartEncoded>) => Step
}

/** A wire format. */
export interface Codec {
  /** Its name, such as `anthropic-messages`. */
  readonly api: string
  /** Where it is spoken, below the provider's base URL. */
  readonly path: string
  /** How a stream is cut into events: `sse`, server-sent events; `ndjson`, a line of JSON each. */
  readonly framing: "sse" | "ndjson"
  /** What ends a stream, for the message when it does not come. */
  readonly endMarker: string
  /** Whether the format has no answers but streams: a whole answer is a stream that is collected. */
  readonly alwaysStreams?: boolean
  /** Whether doing the call twice matters, as far as the call and the model's name tell. */
  readonly declare: (call: ModelCall, model: string) => Declaration
  /** The request. Everything that the target cannot be told is a problem. */
  readonly encode: (call: ModelCall, target: Target, streaming: boolean) => Result.Result<Encoded, InvalidInput>
  /** The parts of a whole answer, or why it is none. */
  readonly decode: (body: unknown, reading?: Reading) => Result.Result<Array<Response.PartEncoded>, Reason>
  /** A decoder for one stream. */
  readonly makeStreamDecoder: (reading?: Reading) => StreamDecoder
  /** What an error answer means. */
  readonly classify: (answer: ErrorAnswer, reading?: Reading) => Classified
}
