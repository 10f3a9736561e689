import { assert, describe, it } from "@effect/vitest"
import { cases, classify, fieldsOf, gpt } from "./support/classifying.ts"

// platform.openai.com/docs/guides/error-codes.
cases("openai", "openai", [
  {
    status: 401,
    body: gpt("invalid_api_key", "Incorrect API key provided: x."),
    is: "AuthenticationFailed",
    rule: "invalid_api_key"
  },
  {
    status: 401,
    body: gpt("account_deactivated", "The account is deactivated"),
    is: "CredentialRevoked",
    rule: "account_deactivated"
  },
  {
    status: 401,
    body: gpt("invalid_api_key", "This API key was revoked"),
    is: "CredentialRevoked",
    rule: "invalid_api_key/revoked"
  },
  {
    status: 401,
    body: gpt("ip_not_authorized", "Your request IP is not on the list"),
    is: "PermissionDenied",
    rule: "ip_not_authorized",
    advice: /allow list/
  },
  {
    status: 403,
    body: gpt(
      "unsupported_country_region_territory",
      "Country, region, or territory not supported",
      "request_forbidden"
    ),
    is: "RegionBlocked",
    rule: "unsupported_country_region_territory",
    holds: { scope: "provider" }
  },
  {
    status: 403,
    body: gpt(null, "Country, region, or territory not supported"),
    is: "RegionBlocked",
    rule: "status-403/region"
  },
  {
    status: 403,
    body: gpt(null, "You are not allowed to sample from this model"),
    is: "PermissionDenied",
    rule: "status-403"
  },
  { status: 403, body: gpt(null, "Invalid API key"), is: "AuthenticationFailed", rule: "status-403/api-key" },
  { status: 403, body: gpt(null, "Insufficient balance"), is: "BillingExhausted", rule: "status-403/billing" },
  { status: 403, body: gpt(null, "Your account was suspended"), is: "CredentialRevoked", rule: "status-403/revoked" },
  {
    status: 403,
    body: gpt(null, "IP address 1.2.3.4 is not allowed for this key"),
    is: "PermissionDenied",
    rule: "status-403/address",
    advice: /proxy/
  },
  {
    status: 403,
    body: gpt(null, "Not available in your current plan"),
    is: "PermissionDenied",
    rule: "status-403/plan",
    advice: /plan/
  },
  {
    status: 404,
    body: gpt("model_not_found", "The model `gpt-9` does not exist or you do not have access to it."),
    is: "ModelNotFound",
    rule: "model_not_found"
  },
  {
    status: 400,
    body: gpt("model_not_found", "The requested model 'gpt-9' does not exist."),
    is: "ModelNotFound",
    rule: "model_not_found"
  },
  {
    status: 404,
    body: gpt(null, "Invalid URL (POST /chat/completions)"),
    is: "ModelNotFound",
    rule: "status-404/wrong-url",
    advice: /is \/v1 missing/
  },
  {
    status: 400,
    body: gpt("context_length_exceeded", "too long"),
    is: "ContextOverflow",
    rule: "context_length_exceeded"
  },
  {
    status: 400,
    body: gpt("string_above_max_length", "Invalid 'input': string too long.", undefined, {
      param: "messages[0].content"
    }),
    is: "ContextOverflow",
    rule: "string_above_max_length"
  },
  {
    status: 400,
    body: gpt("string_above_max_length", "Invalid 'messages[1].tool_calls[0].id': string too long.", undefined, {
      param: "messages[1].tool_calls[0].id"
    }),
    is: "InvalidRequest",
    rule: "status-400",
    holds: { parameter: "messages[1].tool_calls[0].id" }
  },
  {
    status: 400,
    body: gpt("content_policy_violation", "refused"),
    is: "ContentRefused",
    rule: "content_policy_violation",
    notRun: false
  },
  {
    status: 400,
    body: gpt("invalid_prompt", "Your prompt was flagged as potentially violating our usage policy."),
    is: "ContentRefused",
    rule: "invalid_prompt",
    notRun: false
  },
  {
    status: 400,
    body: gpt("previous_response_not_found", "Previous response with id 'resp_1' not found."),
    is: "SessionExpired",
    rule: "previous_response_not_found",
    advice: /full history/
  },
  {
    status: 404,
    body: gpt(null, "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."),
    is: "SessionExpired",
    rule: "status-404/item-gone",
    advice: /full history/
  },
  {
    // Words of a parameter's name and of a parser are no region and no key.
    status: 400,
    body: gpt(
      null,
      "Invalid schema for function 'f': In context=('properties', 'location'), 'default' is not allowed; invalid token at 3."
    ),
    is: "InvalidRequest",
    rule: "status-400"
  },
  {
    status: 400,
    body: gpt(null, "max_tokens is too large: 100000. This model supports at most 16384 completion tokens."),
    is: "InvalidRequest",
    rule: "status-400"
  },
  {
    status: 429,
    body: gpt("insufficient_quota", "You exceeded your current quota", "insufficient_quota"),
    is: "BillingExhausted",
    rule: "insufficient_quota"
  },
  {
    status: 429,
    body: gpt("project_spend_limit_exceeded", "no", "insufficient_quota"),
    is: "BillingExhausted",
    rule: "project_spend_limit_exceeded"
  },
  {
    status: 429,
    body: gpt(
      "rate_limit_exceeded",
      "Rate limit reached for gpt-5.5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.",
      "tokens"
    ),
    headers: { "x-request-id": "req_7" },
    is: "RateLimited",
    rule: "rate_limit_exceeded",
    holds: { limited: "model", counted: "tokens", window: "minute", retryAfterMs: 2000, requestId: "req_7" }
  },
  {
    // Larger than the limit: no wait helps, whatever is said of one.
    status: 429,
    body: gpt(
      "rate_limit_exceeded",
      "Request too large for gpt-5.5 in organization org-x on tokens per min (TPM): Limit 30000, Requested 43000.",
      "tokens"
    ),
    headers: { "retry-after": "20" },
    is: "RateLimited",
    rule: "rate_limit_exceeded/too-large-for-limit",
    holds: { limited: "model" },
    advice: /shorten it/
  },
  {
    status: 500,
    body: gpt(null, "The server had an error", "server_error"),
    is: "ServerError",
    rule: "status-500",
    notRun: false
  },
  {
    status: 503,
    body: gpt("server_is_overloaded", "try later", "service_unavailable_error"),
    is: "Overloaded",
    rule: "server_is_overloaded",
    notRun: false
  },
  {
    status: 503,
    body: gpt("slow_down", "Slow down", "service_unavailable_error"),
    is: "Overloaded",
    rule: "slow_down",
    notRun: false
  },
  {
    status: 503,
    body: gpt(null, "The engine is currently overloaded, please try again later", "server_error"),
    is: "Overloaded",
    rule: "status-503/overloaded",
    notRun: false
  }
])

describe("a request that is larger than the limit", () => {
  it("is not said to pass after a wait", () => {
    const body = JSON.stringify(
      gpt(
        "rate_limit_exceeded",
        "Request too large for gpt-5.5 on tokens per min (TPM): Limit 1, Requested 2.",
        "tokens"
      )
    )
    const reason = fieldsOf(classify("openai", "openai", { status: 429, headers: { "retry-after": "20" }, body }))
    assert.notProperty(reason, "retryAfterMs")
  })
})
