/**
 * Holdfast's failures as `effect/ai` sees them: an `AiError` whose reason is effect's nearest, with the verdict kept.
 *
 * `isRetryable` is true only where a replay is allowed, so that an ordinary retry above never repeats what Holdfast would
 * not. The failure itself is the reason's `cause`; {@link failureOf} takes it out again.
 */
import type { GivenUp } from "@holdfast/core/Failover"
import * as Failover from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import { isInvalidInput } from "@holdfast/core/InvalidInput"
import type * as Reason from "@holdfast/core/Reason"
import type { SwapDenied } from "@holdfast/core/SwapDenied"
import { isSwapDenied } from "@holdfast/core/SwapDenied"
import * as Verdict from "@holdfast/core/Verdict"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as AiError from "effect/ai/AiError"

/** The method of `LanguageModel` or `EmbeddingModel` that failed. */
export type Method = "generateText" | "generateObject" | "streamText" | "embedMany"

/**
 * An `AiError` for a failure or for input that cannot be used.
 *
 * The reason is effect's nearest: transport failures are `NetworkError`, provider errors their namesakes.
 */
export const toAiError = (error: GivenUp | InvalidInput, method: Method): AiError.AiError =>
  AiError.make({
    module: "Holdfast",
    method,
    reason:
      error._tag === "InvalidInput"
        ? carry(new AiError.InvalidUserInputError({ description: error.message }), error, false)
        : reasonOf(error)
  })

/** The failure that an `AiError` of ours carries. */
export const failureOf = (error: AiError.AiError): Failure.Failure | undefined => {
  const { cause } = error.reason
  return Failure.isFailure(cause) ? cause : swapDeniedOf(error)?.failure
}

/** What only the swap rule kept from another model, where that is what an `AiError` of ours is about. */
export const swapDeniedOf = (error: AiError.AiError): SwapDenied | undefined => {
  const { cause } = error.reason
  return isSwapDenied(cause) ? cause : undefined
}

/** What was wrong with the input, where that is what an `AiError` of ours is about. */
export const invalidInputOf = (error: AiError.AiError): InvalidInput | undefined => {
  const { cause } = error.reason
  return isInvalidInput(cause) ? cause : undefined
}

/**
 * Brings the failures that `AiError`s of ours carry back into the error channel, so that the combinators of
 * `ReplaySafety` and `Failure.catchReason` can be used on a `LanguageModel`. An `AiError` of anything else stays one.
 *
 * **Example**
 *
 * ```ts
 * import { ReplaySafety } from "@holdfast/core"
 * import { AiErrors, Model } from "@holdfast/providers"
 * import * as Effect from "effect/Effect"
 * import { LanguageModel } from "effect/ai"
 *
 * const ask = (model: string) =>
 *   LanguageModel.generateText({ prompt: "Say hello." }).pipe(AiErrors.unwrap, Effect.provide(Model.layer(model)))
 *
 * const program = ask("anthropic/claude-opus-4-7").pipe(ReplaySafety.orElseWhenSafe(() => ask("openai/gpt-5.5")))
 * ```
 */
export const unwrap = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | (AiError.AiError extends E ? Failure.Failure : never), R> =>
  Effect.mapError(self, (error) => {
    const failure = AiError.isAiError(error) ? failureOf(error) : undefined
    // The condition of the result's type: what carries a failure is an AiError.
    return failure === undefined ? error : (failure as AiError.AiError extends E ? Failure.Failure : never)
  })

/** A failure as effect's nearest reason: retryable only if it is worth retrying and may be replayed as well. */
const reasonOf = (error: GivenUp): AiError.AiErrorReason => {
  const failure = Failover.failureOf(error)
  const reason = nearestTo(failure)
  const mayReplay = Verdict.mayReplay(failure.verdict, failure.declaration) !== "no"
  return carry(reason, error, reason.isRetryable && mayReplay)
}

const nearestTo = (failure: Failure.Failure): AiError.AiErrorReason => {
  const { reason } = failure
  const metadata = { holdfast: metadataOf(failure) }
  const described = { description: failure.message, metadata }
  const kind = nearest[reason._tag]
  switch (kind) {
    case "RateLimitError":
      return new AiError.RateLimitError({ metadata, ...waitOf(reason) })
    case "QuotaExhaustedError":
      return new AiError.QuotaExhaustedError({ metadata })
    case "InvalidKey":
    case "ExpiredKey":
    case "InsufficientPermissions":
      return new AiError.AuthenticationError({ kind, ...described })
    case "ContentPolicyError":
      return new AiError.ContentPolicyError(described)
    case "InternalProviderError":
      return new AiError.InternalProviderError(described)
    case "InvalidRequestError":
      return new AiError.InvalidRequestError(described)
    case "UnknownError":
      return new AiError.UnknownError(described)
    case "InvalidOutputError":
      return new AiError.InvalidOutputError(described)
    case "NetworkError":
      return networkError(failure)
  }
}

/** effect's nearest reason for each of ours; of an authentication error, its kind. */
const nearest = {
  RateLimited: "RateLimitError",
  Overloaded: "InternalProviderError",
  ServerError: "InternalProviderError",
  BillingExhausted: "QuotaExhaustedError",
  AuthenticationFailed: "InvalidKey",
  SessionExpired: "InvalidKey",
  CredentialRevoked: "ExpiredKey",
  PermissionDenied: "InsufficientPermissions",
  RegionBlocked: "InsufficientPermissions",
  ContentRefused: "ContentPolicyError",
  InvalidRequest: "InvalidRequestError",
  ModelNotFound: "InvalidRequestError",
  // As an InvalidRequestError it would make LanguageModel send an incremental call a second time.
  ContextOverflow: "UnknownError",
  Unclassified: "UnknownError",
  MalformedResponse: "InvalidOutputError",
  StreamTruncated: "InvalidOutputError",
  DnsFailure: "NetworkError",
  ConnectFailure: "NetworkError",
  ConnectTimeout: "NetworkError",
  TlsFailure: "NetworkError",
  ProxyFailure: "NetworkError",
  StaleConnection: "NetworkError",
  ConnectionLost: "NetworkError",
  HeadersTimeout: "NetworkError",
  FirstOutputTimeout: "NetworkError",
  StreamStalled: "NetworkError",
  TotalTimeout: "NetworkError"
} as const satisfies { readonly [T in Reason.Tag]: AiError.AiErrorReason["_tag"] | AiError.AuthenticationError["kind"] }

const waitOf = (reason: Reason.Reason) =>
  "retryAfterMs" in reason && reason.retryAfterMs !== undefined
    ? { retryAfter: Duration.millis(reason.retryAfterMs) }
    : undefined

const networkError = ({ candidate, message }: Failure.Failure) =>
  new AiError.NetworkError({
    reason: "TransportError",
    method: "POST",
    url: candidate.endpoint ?? candidate.provider,
    description: message
  })

const metadataOf = (failure: Failure.Failure) => ({
  verdict: failure.verdict,
  rule: failure.rule,
  reason: failure.reason._tag,
  assumed: failure.assumed,
  attempts: failure.attempts.length
})

/**
 * Gives a reason its cause, and the last word on whether it is retryable.
 *
 * Own properties of the instance, because the reason must stay an instance of effect's own class for its schemas.
 */
const carry = <R extends AiError.AiErrorReason>(reason: R, cause: GivenUp | InvalidInput, isRetryable: boolean): R =>
  Object.defineProperties(reason, {
    isRetryable: { value: isRetryable, enumerable: false },
    cause: { value: cause, enumerable: false }
  })
