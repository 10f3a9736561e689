/** How a provider is asked for embeddings: data and pure functions, like a `Codec`. */
import type { Reason } from "@holdfast/core/Reason"
import type * as Result from "effect/Result"
import type { Classified, ErrorAnswer, Reading } from "./Codec.ts"

/** Texts to be embedded by one request. */
export interface EmbeddingCall {
  readonly model: string
  readonly texts: ReadonlyArray<string>
  /** The length that every vector is to have. Absent: the model's own. */
  readonly dimensions: number | undefined
  /** Fields of the provider's own request. */
  readonly params: Readonly<Record<string, unknown>>
}

/** What one request may hold at most. */
export interface Batch {
  readonly texts: number
  /** The bytes of all texts together, as UTF-8. Absent: no limit is known. */
  readonly bytes?: number
}

/** The vectors of one answer, as they were sent, in the order of the texts. */
export interface Embedded {
  /** Nothing of what is in it has been checked. */
  readonly vectors: ReadonlyArray<unknown>
  readonly inputTokens: number | undefined
}

/** A wire format for embeddings. */
export interface EmbeddingCodec {
  /** Where it is spoken, below the provider's base URL. */
  readonly path: string
  /** What one request may hold at most. */
  readonly largestBatch: (model: string) => Batch
  /** The request's body. */
  readonly encode: (call: EmbeddingCall) => Readonly<Record<string, unknown>>
  /** The vectors of an answer, or why it is none. */
  readonly decode: (body: unknown, reading: Reading) => Result.Result<Embedded, Reason>
  /** What an error answer means. */
  readonly classify: (answer: ErrorAnswer, reading?: Reading) => Classified
}
