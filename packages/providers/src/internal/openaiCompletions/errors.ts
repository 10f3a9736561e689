/**
 * Errors in the shape of OpenAI's Chat Completions (platform.openai.com/docs, "Error codes"), which many providers speak:
 * by code and type first, then by status, by text only to tell apart what these do not.
 */
import * as Reason from "@holdfast/core/Reason"
import type { Classified, ErrorAnswer, Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import type { Facts } from "../errorAnswer.ts"
import { answerOf, bodyOf, notRunStatuses, parameterOf, retryAfterMs, waitOf, word } from "../errorAnswer.ts"
import * as Json from "../json.ts"

/** What an error answer in OpenAI's shape means. */
export const classify = (answer: ErrorAnswer, reading: Reading = plain): Classified => {
  const body = bodyOf(answer)
  const requestId = answer.headers["x-request-id"]
  // Without a body the id alone tells, if it is of OpenAI's form: other servers send x-request-id as well.
  const own = answer.body.trim() === "" ? requestId?.startsWith("req_") === true : isOwn(body)
  const reason = reasonOf({
    ...said(body),
    status: answer.status,
    requestId: word(requestId),
    own,
    retryAfterMs: retryAfterMs(answer.headers),
    clean: reading.clean
  })
  return { reason, notRun: own && notRunStatuses.has(answer.status) && !isAboutOutput(body, reason) }
}

/** What an error object inside a 200 or a stream means. */
export const classifyInBand = (payload: Json.Json, { clean }: Reading): Reason.Reason =>
  reasonOf({ ...said(payload), status: undefined, requestId: undefined, own: true, retryAfterMs: undefined, clean })

const isOwn = (body: Json.Json): boolean => {
  const error = Json.object(body["error"])
  return Json.string(error["message"]) !== undefined && ("code" in error || "type" in error)
}

/** Some 4xx judge what the model has written: it ran (Groq's `failed_generation`, content filters). */
const isAboutOutput = (body: Json.Json, reason: Reason.Reason): boolean =>
  reason._tag === "ContentRefused" || Json.object(body["error"])["failed_generation"] !== undefined

const said = (body: Json.Json) => {
  const error = Json.object(body["error"])
  const upstream = Json.string(Json.object(error["metadata"])["raw"])
  const message = Json.string(error["message"]) ?? Json.string(body["error"]) ?? ""
  return {
    type: word(error["type"]),
    code: word(error["code"]),
    parameter: word(error["param"]),
    // A router's own words say only that the upstream failed; the upstream's stand beside them.
    text: upstream === undefined ? message : `${message}: ${upstream}`,
    saidStatus: Json.int(error["code"]) ?? Json.int(error["status_code"])
  }
}

const reasonOf = (facts: Facts): Reason.Reason =>
  ofWord(facts, facts.code) ?? ofWord(facts, facts.type) ?? ofStatus(facts) ?? ofLastResort(facts)

const answerTo = (facts: Facts, rule: string) => answerOf("openai", facts, rule)

/** Codes and types that say it all. */
const ofWord = (facts: Facts, said: string | undefined): Reason.Reason | undefined => {
  if (said === undefined) return undefined
  const answer = () => answerTo(facts, said)
  switch (said) {
    case "context_length_exceeded":
    case "too_many_prompt_tokens":
      return new Reason.ContextOverflow(answer())
    case "insufficient_quota":
    case "exceeded_current_quota_error":
    case "billing_hard_limit_reached":
    case "billing_not_active":
      return new Reason.BillingExhausted(answer())
    case "rate_limit_exceeded":
    case "rate_limit_error":
    case "RateLimitReached":
    case "requests":
    case "tokens":
      return new Reason.RateLimited({ ...answer(), ...waitOf(facts), limited: "model" })
    case "invalid_api_key":
    case "authentication_error":
      return new Reason.AuthenticationFailed(answer())
    case "account_deactivated":
      return new Reason.CredentialRevoked(answer())
    case "unsupported_country_region_territory":
      return new Reason.RegionBlocked(answer())
    case "model_not_found":
    case "DeploymentNotFound":
      return new Reason.ModelNotFound(answer())
    case "content_filter":
    case "content_policy_violation":
      return new Reason.ContentRefused(answer())
    case "server_overloaded":
    case "overloaded":
    case "slow_down":
      return new Reason.Overloaded({ ...answer(), ...waitOf(facts) })
    default:
      return undefined
  }
}

const ofStatus = (facts: Facts): Reason.Reason | undefined => {
  const status = facts.status ?? facts.saidStatus
  const rule = facts.status === undefined ? `said-status-${status}` : `status-${status}`
  const answer = answerTo(facts, rule)
  switch (status) {
    case undefined:
      return undefined
    case 400:
    case 405:
    case 413:
    case 415:
    case 422:
      return ofText(facts, rule) ?? new Reason.InvalidRequest({ ...answer, ...parameterOf(facts) })
    case 401:
      return new Reason.AuthenticationFailed(answer)
    case 402:
      return new Reason.BillingExhausted(answer)
    case 403:
      return new Reason.PermissionDenied(answer)
    case 404:
      return new Reason.ModelNotFound(answer)
    case 429:
      if (/insufficient (balance|credit|quota)|exceeded your current quota/i.test(facts.text)) {
        return new Reason.BillingExhausted(answerTo(facts, `${rule}/quota`))
      }
      return new Reason.RateLimited({ ...answer, ...waitOf(facts), limited: "model" })
    case 529:
      return new Reason.Overloaded({ ...answer, ...waitOf(facts) })
    case 408:
    case 409:
    case 424:
    case 499:
      return serverError(facts, rule)
    default:
      return status >= 500 ? serverError(facts, rule) : undefined
  }
}

/** What only the words of a refused request tell. Providers that speak this format share few codes. */
const ofText = (facts: Facts, rule: string): Reason.Reason | undefined => {
  const { text } = facts
  if (/(maximum|max) context length|prompt (is )?too long|context (length|window) exceeded/i.test(text)) {
    return new Reason.ContextOverflow(answerTo(facts, `${rule}/context-length`))
  }
  if (/not a valid model( id)?\b|model .{0,80}\b(does not exist|not found)/i.test(text)) {
    return new Reason.ModelNotFound(answerTo(facts, `${rule}/model`))
  }
  if (/\b(invalid|incorrect|wrong) api[ _-]?key|api[ _-]?key (is )?(not valid|invalid|incorrect)/i.test(text)) {
    return new Reason.AuthenticationFailed(answerTo(facts, `${rule}/api-key`))
  }
  return undefined
}

const ofLastResort = (facts: Facts): Reason.Reason => {
  switch (facts.type) {
    case "server_error":
    case "api_error":
      return serverError(facts, facts.type)
    case "invalid_request_error":
      return (
        ofText(facts, facts.type) ??
        new Reason.InvalidRequest({ ...answerTo(facts, facts.type), ...parameterOf(facts) })
      )
    default:
      return new Reason.Unclassified(answerTo(facts, facts.status === undefined ? "no-rule" : `status-${facts.status}`))
  }
}

const serverError = (facts: Facts, rule: string): Reason.Reason =>
  new Reason.ServerError({ ...answerTo(facts, rule), from: facts.own ? "provider" : "intermediary" })
