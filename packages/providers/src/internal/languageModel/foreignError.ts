/** Errors of models that are not ours, as failures: with evidence where the model stands on our `HttpClient`. */
import type { Candidate } from "@holdfast/core/Candidate"
import * as Client from "@holdfast/core/Client"
import type { Declaration } from "@holdfast/core/Declaration"
import type { Evidence } from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import * as Reason from "@holdfast/core/Reason"
import * as Duration from "effect/Duration"
import type * as AiError from "effect/ai/AiError"

/** Whose the error is, and what was said of the call. */
export interface Attempted {
  readonly candidate: Candidate
  /** Absent: what the client said of the request, else nothing. */
  readonly declaration: Declaration | undefined
}

/**
 * The failed attempt that an error tells of. An error that tells of none, of a tool that does not exist or an object that
 * does not decode, is the app's as it is.
 *
 * Without a failure of our transport nothing is known of what happened on the wire: not even a status proves that the
 * provider, and nothing in front of it, gave it.
 */
export const failureOf = (error: AiError.AiError, attempted: Attempted): Failure.Failure | undefined => {
  const ours = Client.failureOf(error)
  if (ours !== undefined) return asOf(ours, attempted)
  const reason = reasonOf(error.reason)
  if (reason === undefined) return undefined
  return Failure.make({
    reason,
    evidence: evidenceOf(error.reason),
    declaration: attempted.declaration ?? "unknown",
    candidate: attempted.candidate,
    thrown: error
  })
}

/** A failure of our transport, as that of the attempt which was made through it. */
const asOf = (failure: Failure.Failure, { candidate, declaration }: Attempted): Failure.Failure => {
  const { assumed, evidence, exposure, partial, reason } = failure
  const made = Failure.make({
    reason,
    evidence,
    exposure,
    declaration: declaration ?? failure.declaration,
    candidate,
    elapsedMs: failure.attempts.at(-1)?.elapsedMs ?? 0,
    ...(partial === undefined ? undefined : { partial }),
    thrown: Failure.thrown(failure)
  })
  const last = assumed && Failure.isReplayAmbiguous(made) ? Failure.assumeSafe(made) : made
  return Failure.ofCall(failure.attempts.slice(0, -1), last)
}

/** Only what the answer itself was, if there was one. */
const evidenceOf = (reason: AiError.AiErrorReason): Evidence => {
  const status = statusOf(reason)
  return status === undefined ? { _tag: "Unknown" } : { _tag: "Unknown", status }
}

const statusOf = (reason: AiError.AiErrorReason): number | undefined =>
  "http" in reason ? reason.http?.response?.status : undefined

/** Our reason for effect's; nothing where effect's tells of no attempt at a provider. */
const reasonOf = (reason: AiError.AiErrorReason): Reason.Reason | undefined => {
  const status = statusOf(reason)
  const answer = { rule: `AiError.${reason._tag}`, ...(status === undefined ? undefined : { status }) }
  switch (reason._tag) {
    case "RateLimitError":
      return new Reason.RateLimited({
        ...answer,
        limited: "model",
        ...(reason.retryAfter === undefined ? undefined : { retryAfterMs: Duration.toMillis(reason.retryAfter) })
      })
    case "QuotaExhaustedError":
      return new Reason.BillingExhausted(answer)
    case "AuthenticationError":
      return authentication(reason.kind, answer)
    case "ContentPolicyError":
      return new Reason.ContentRefused(answer)
    case "InvalidRequestError":
      return new Reason.InvalidRequest(answer)
    case "InternalProviderError":
      return status === 503 || status === 529
        ? new Reason.Overloaded(answer)
        : new Reason.ServerError({ ...answer, from: "provider" })
    case "NetworkError":
      // What could not be encoded or addressed was never an attempt.
      return reason.reason === "TransportError"
        ? new Reason.ConnectionLost({ how: "unknown", during: "request" })
        : undefined
    case "InvalidOutputError":
    case "InvalidResponseError":
      return new Reason.MalformedResponse({ what: "json", detail: "the answer does not have the shape that it should" })
    case "UnknownError":
      return new Reason.Unclassified(answer)
    case "StructuredOutputError":
    case "UnsupportedSchemaError":
    case "ToolNotFoundError":
    case "ToolParameterValidationError":
    case "InvalidToolResultError":
    case "ToolResultEncodingError":
    case "ToolConfigurationError":
    case "ToolkitRequiredError":
    case "InvalidUserInputError":
      return undefined
  }
}

const authentication = (
  kind: AiError.AuthenticationError["kind"],
  answer: { readonly rule: string; readonly status?: number }
): Reason.Reason => {
  switch (kind) {
    case "ExpiredKey":
      return new Reason.CredentialRevoked(answer)
    case "InsufficientPermissions":
      return new Reason.PermissionDenied(answer)
    case "InvalidKey":
    case "MissingKey":
    case "Unknown":
      return new Reason.AuthenticationFailed(answer)
  }
}
