/** Our failures as the errors of an `HttpClient`, and back. */
import * as Predicate from "effect/Predicate"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import type { Failure } from "../../Failure.ts"
import { isFailure } from "../../Failure.ts"
import type { InvalidInput } from "../../InvalidInput.ts"
import { isInvalidInput } from "../../InvalidInput.ts"

type Request = HttpClientRequest.HttpClientRequest
type Error = HttpClientError.HttpClientError

/** Query parameters whose values are secrets: `key`, `api_key`, `apiKey`, `access_token`, `client_secret` and their like. */
export const secretParams = /(^|[-_.])(api[-_]?)?(key|token|secret|password|signature|sig)$/i

const of = (reason: HttpClientError.HttpClientErrorReason): Error => new HttpClientError.HttpClientError({ reason })

/**
 * The request as errors show it. What prints an error knows nothing of which parameters are secret; those that stand in
 * the URL's own text are therefore taken out here.
 */
const shown = (request: Request): Request => {
  if (!request.url.includes("?")) return request
  const url = UrlParams.redactUrl(request.url, [secretParams])
  return url === request.url ? request : HttpClientRequest.setUrl(request, url)
}

/** What an attempt failed with: a failure is the transport's, and what could not be sent is the request's. */
export const fromFailure = (request: Request, cause: Failure | InvalidInput): Error => {
  const props = { request: shown(request), cause, description: cause.message }
  if (!isInvalidInput(cause)) return of(new HttpClientError.TransportError(props))
  return of(
    cause.problems.some(({ kind }) => kind === "InvalidBaseUrl")
      ? new HttpClientError.InvalidUrlError(props)
      : new HttpClientError.EncodeError(props)
  )
}

/** The request's body failed, or is of no kind that can be sent. */
export const encodeError = (request: Request, description: string, cause?: unknown): Error =>
  of(new HttpClientError.EncodeError({ request: shown(request), description, cause }))

/** The answer came and cannot be read as it was asked for. */
export const decodeError = (response: HttpClientResponse, description: string, cause?: unknown): Error =>
  of(new HttpClientError.DecodeError({ request: shown(response.request), response, description, cause }))

/** The answer's status is not the one that was asked for. */
export const statusError = (response: HttpClientResponse, description: string): Error =>
  of(new HttpClientError.StatusCodeError({ request: shown(response.request), response, description }))

// Deeper than any package wraps; a cause that goes round in a circle ends there too.
const deepest = 16

// Where errors keep what they are of: Effect's and the vendors' SDKs', those of several attempts with the last one last.
const within = ["cause", "reason", "lastError", "errors", "error"]

/** The failure of ours that an error is or wraps. */
export const failureOf = (error: unknown, depth = 0): Failure | undefined => {
  if (isFailure(error)) return error as Failure
  if (depth > deepest || !Predicate.isObject(error)) return undefined
  for (const key of within) {
    const inner: unknown = (error as Record<string, unknown>)[key]
    for (const each of Array.isArray(inner) ? inner.toReversed() : [inner]) {
      const found = failureOf(each, depth + 1)
      if (found !== undefined) return found
    }
  }
  return undefined
}
