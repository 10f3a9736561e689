/**
 * Anthropic's errors (docs.anthropic.com, "Errors"): by error type first, by status where the type says nothing, by text
 * only to tell apart what type and status do not.
 */
import * as Reason from "@holdfast/core/Reason"
import type { Classified, ErrorAnswer, Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import type { Facts } from "../errorAnswer.ts"
import { answerOf, bodyOf, notRunStatuses, retryAfterMs, waitOf, word } from "../errorAnswer.ts"
import * as Json from "../json.ts"

/** What an error answer of Anthropic's means. */
export const classify = (answer: ErrorAnswer, reading: Reading = plain): Classified => {
  const body = bodyOf(answer)
  const requestId = answer.headers["request-id"]
  // Without a body the id alone tells; with one, the body must be Anthropic's, or somebody wrote it in between.
  const own = answer.body.trim() === "" ? requestId !== undefined : isOwn(body)
  return {
    reason: reasonOf({
      ...said(body),
      status: answer.status,
      requestId: word(requestId ?? body["request_id"]),
      own,
      retryAfterMs: retryAfterMs(answer.headers),
      clean: reading.clean
    }),
    notRun: own && notRunStatuses.has(answer.status)
  }
}

/** What an error event inside a stream, or an error object inside a 200, means. */
export const classifyInBand = (payload: Json.Json, { clean }: Reading): Reason.Reason =>
  reasonOf({
    ...said(payload),
    status: undefined,
    requestId: word(payload["request_id"]),
    own: true,
    retryAfterMs: undefined,
    clean
  })

const isOwn = (body: Json.Json): boolean =>
  body["type"] === "error" && Json.string(Json.object(body["error"])["type"]) !== undefined

const said = (body: Json.Json) => {
  const error = Json.object(body["error"])
  return {
    type: word(error["type"]),
    text: Json.string(error["message"]) ?? "",
    code: undefined,
    parameter: undefined,
    saidStatus: undefined
  }
}

const reasonOf = (facts: Facts): Reason.Reason => {
  if (facts.type !== undefined) {
    const reason = reasonOfType(facts, facts.type, facts.type)
    if (reason !== undefined) return reason
  }
  const rule = facts.status === undefined ? "no-rule" : `status-${facts.status}`
  const kind = typeOfStatus(facts.status)
  return (
    (kind === undefined ? undefined : reasonOfType(facts, kind, rule)) ??
    new Reason.Unclassified(answerOf("anthropic", facts, rule))
  )
}

const reasonOfType = (facts: Facts, type: string, rule: string): Reason.Reason | undefined => {
  const answer = (detail = rule) => answerOf("anthropic", facts, detail)
  switch (type) {
    case "invalid_request_error":
      if (/prompt is too long|exceeds? the (maximum|context)/i.test(facts.text)) {
        return new Reason.ContextOverflow(answer(`${rule}/prompt-too-long`))
      }
      if (/credit balance/i.test(facts.text)) return new Reason.BillingExhausted(answer(`${rule}/credit-balance`))
      if (/organization has been disabled/i.test(facts.text)) {
        return new Reason.CredentialRevoked(answer(`${rule}/organization-disabled`))
      }
      return new Reason.InvalidRequest(answer())
    case "authentication_error":
      return new Reason.AuthenticationFailed(answer())
    case "billing_error":
      return new Reason.BillingExhausted(answer())
    case "permission_error":
      return new Reason.PermissionDenied(answer())
    case "not_found_error":
      return new Reason.ModelNotFound(answer())
    case "request_too_large":
      return new Reason.InvalidRequest(answer())
    case "rate_limit_error":
      return new Reason.RateLimited({ ...answer(), ...waitOf(facts), limited: "model" })
    case "overloaded_error":
      return new Reason.Overloaded({ ...answer(), ...waitOf(facts) })
    case "api_error":
    case "timeout_error":
      return new Reason.ServerError({ ...answer(), from: facts.own ? "provider" : "intermediary" })
    default:
      return undefined
  }
}

/** The type that an error of this status has when it is Anthropic's. */
const typeOfStatus = (status: number | undefined): string | undefined => {
  switch (status) {
    case 400:
    case 405:
    case 415:
    case 422:
      return "invalid_request_error"
    case 401:
      return "authentication_error"
    case 402:
      return "billing_error"
    case 403:
      return "permission_error"
    case 404:
      return "not_found_error"
    case 408:
    case 409:
    case 424:
    case 499:
      return "timeout_error"
    case 413:
      return "request_too_large"
    case 429:
      return "rate_limit_error"
    case 529:
      return "overloaded_error"
    default:
      return status !== undefined && status >= 500 ? "api_error" : undefined
  }
}
