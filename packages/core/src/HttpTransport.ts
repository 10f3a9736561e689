/**
 * Sends one attempt for one provider and fails with a typed, evidence-carrying error.
 *
 * It never retries, follows no redirect and decodes nothing: what it returns is the answer as the peer sent it, whatever
 * its status, and what it fails with is one attempt's failure. A body that breaks off after the headers fails on the
 * body's own error channel with the same evidence.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Candidate } from "./Candidate.ts"
import type { Declaration } from "./Declaration.ts"
import type { Evidence } from "./Evidence.ts"
import type { Failure } from "./Failure.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import type { Reason } from "./Reason.ts"
import type { Resolved } from "./TimeLimits.ts"

/** The methods that can be sent. */
export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

/** A method that can be sent. */
export type Method = (typeof methods)[number]

/** Whether a method can be sent. */
export const isMethod = (method: string): method is Method => (methods as ReadonlyArray<string>).includes(method)

/** One attempt to be sent. */
export interface HttpRequest {
  /** Who is asked; its `provider` chooses the dispatcher. */
  readonly candidate: Candidate
  readonly method: Method
  /** Absolute, `http:` or `https:`. */
  readonly url: string
  /** Header values; a secret is `Redacted`. */
  readonly headers: Readonly<Record<string, string | Redacted.Redacted>>
  /**
   * Text is sent as UTF-8. Bytes that come as they are made are sent as they come, with backpressure; such a body can be
   * sent once, so no repair can send it again.
   */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>
  readonly declaration: Declaration
  /** Number of this attempt in its call, from 1. Default 1. */
  readonly attempt?: number
  /** `fresh` insists on a connection that has carried nothing. Default `any`. */
  readonly connection?: "any" | "fresh"
  /** Whether the answer is read as it comes, so that the default of the headers limit applies. Default `false`. */
  readonly streaming?: boolean
  readonly limits?: Resolved
  /** Aborts the attempt from outside Effect, as interruption does from inside. */
  readonly signal?: AbortSignal
}

/** The answer to an attempt: head at once, body as it comes. The scope it was sent in ends it. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Headers.Headers
  /** The body's bytes, with backpressure to the socket. It can be read once. */
  readonly body: Stream.Stream<Uint8Array, Failure>
  /**
   * The whole body as UTF-8 text. Reads the body; one that is longer than the transport keeps (64 MiB over undici) fails
   * as `MalformedResponse`.
   */
  readonly text: Effect.Effect<string, Failure>
  /**
   * Says that the rest of the body is of no interest. What little is left is read for nothing, so that the connection
   * can serve again; an answer that goes on is ended on the wire.
   */
  readonly discard: Effect.Effect<void>
  /**
   * Ends the attempt for a limit that a layer above keeps: on the wire, and for the body's reader as a failure of that
   * reason. Nothing happens to an attempt that has ended.
   */
  readonly end: (reason: Reason) => Effect.Effect<void>
  /** What is known of the attempt up to now. */
  readonly evidence: () => Evidence
  /** Milliseconds since the attempt was handed over. */
  readonly elapsedMs: () => number
}

/**
 * The values of `set-cookie`, which the headers of an answer hold joined. The comma between two is followed by a name and
 * `=` (RFC 6265 section 4.1.1); the one within a date is not.
 */
export const setCookies = (headers: Headers.Headers): ReadonlyArray<string> =>
  headers["set-cookie"]?.split(/,\s*(?=[!#$%&'*+\-.^_`|~0-9A-Za-z]+=)/) ?? []

/** Sends one attempt. */
export class HttpTransport extends Context.Service<
  HttpTransport,
  {
    /**
     * Sends one attempt and succeeds with the response head.
     *
     * **Details**
     *
     * Fails with `InvalidInput` before anything is sent if the request cannot be: a URL that is none, a header value
     * with a line break, a signal that is already aborted. Interruption and the closing of the scope end the attempt on
     * the wire in every phase.
     */
    readonly send: (request: HttpRequest) => Effect.Effect<HttpResponse, Failure | InvalidInput, Scope.Scope>
  }
>()("@holdfast/core/HttpTransport") {}
