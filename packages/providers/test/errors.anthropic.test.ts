import { cases, nginx } from "./support/classifying.ts"

const claude = (type: string, message: string, more: object = {}) => ({
  type: "error",
  error: { type, message, ...more },
  request_id: "req_1"
})

// docs.claude.com/en/api/errors and /rate-limits; issues of anthropics/claude-code.
cases("anthropic", "anthropic", [
  {
    status: 400,
    body: claude("invalid_request_error", "max_tokens: Field required"),
    is: "InvalidRequest",
    rule: "invalid_request_error"
  },
  {
    status: 400,
    body: claude("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"),
    is: "ContextOverflow",
    rule: "invalid_request_error/prompt-too-long"
  },
  {
    status: 400,
    body: claude(
      "invalid_request_error",
      "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"
    ),
    is: "ContextOverflow",
    rule: "invalid_request_error/prompt-too-long"
  },
  {
    // An image that is too large is no prompt that is too long.
    status: 400,
    body: claude(
      "invalid_request_error",
      "messages.0.content.1.image.source.base64: image exceeds the maximum of 5 MB"
    ),
    is: "InvalidRequest",
    rule: "invalid_request_error"
  },
  {
    status: 400,
    body: claude(
      "invalid_request_error",
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."
    ),
    is: "BillingExhausted",
    rule: "invalid_request_error/credit-balance"
  },
  {
    status: 400,
    body: claude(
      "invalid_request_error",
      "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
    ),
    is: "BillingExhausted",
    rule: "invalid_request_error/billing"
  },
  {
    status: 400,
    body: claude("invalid_request_error", "This organization has been disabled."),
    is: "CredentialRevoked",
    rule: "invalid_request_error/organization-disabled"
  },
  {
    status: 400,
    body: claude("invalid_request_error", "Output blocked by content filtering policy"),
    is: "ContentRefused",
    rule: "invalid_request_error/content",
    // The model wrote it.
    notRun: false
  },
  {
    status: 401,
    body: claude("authentication_error", "invalid x-api-key"),
    is: "AuthenticationFailed",
    rule: "authentication_error",
    advice: /key/
  },
  {
    status: 401,
    body: claude(
      "authentication_error",
      "OAuth token has expired. Please obtain a new token or refresh your existing token."
    ),
    is: "SessionExpired",
    rule: "authentication_error/token-expired"
  },
  {
    status: 401,
    body: claude("authentication_error", "OAuth authentication is currently not supported."),
    is: "AuthenticationFailed",
    rule: "authentication_error/oauth",
    advice: /sk-ant-api03/
  },
  {
    status: 403,
    body: claude("permission_error", "OAuth token has been revoked. Please obtain a new token."),
    is: "CredentialRevoked",
    rule: "permission_error/revoked"
  },
  { status: 402, body: claude("billing_error", "Payment failed"), is: "BillingExhausted", rule: "billing_error" },
  {
    status: 403,
    body: claude("permission_error", "Your API key does not have permission to use the specified resource."),
    is: "PermissionDenied",
    rule: "permission_error"
  },
  {
    // Without the outer type: an edge says it before the API.
    status: 403,
    body: { error: { type: "forbidden", message: "Request not allowed" } },
    is: "RegionBlocked",
    rule: "forbidden/region",
    advice: /address that the request leaves from/,
    notRun: false
  },
  {
    status: 400,
    body: claude(
      "invalid_request_error",
      "Access to Anthropic models is not allowed from unsupported countries, regions, or territories."
    ),
    is: "RegionBlocked",
    rule: "invalid_request_error/region"
  },
  {
    status: 404,
    body: claude("not_found_error", "model: claude-9"),
    is: "ModelNotFound",
    rule: "not_found_error",
    advice: /name/
  },
  {
    status: 404,
    body: claude("not_found_error", "Not Found"),
    is: "ModelNotFound",
    rule: "not_found_error/wrong-url",
    advice: /base URL/
  },
  { status: 409, body: claude("conflict_error", "Conflict"), is: "ServerError", rule: "conflict_error", notRun: false },
  {
    status: 413,
    body: claude("request_too_large", "Request exceeds the maximum size"),
    is: "InvalidRequest",
    rule: "request_too_large",
    advice: /32 MB/
  },
  {
    status: 429,
    body: claude(
      "rate_limit_error",
      "This request would exceed your organization's rate limit of 40,000 input tokens per minute."
    ),
    headers: { "retry-after": "12", "request-id": "req_9" },
    is: "RateLimited",
    rule: "rate_limit_error",
    holds: {
      limited: "model",
      scope: "model",
      counted: "tokens",
      window: "minute",
      retryAfterMs: 12_000,
      requestId: "req_9"
    },
    advice: /Wait 12 s/
  },
  {
    status: 429,
    body: claude("rate_limit_error", "Your organization has reached its monthly limit", {
      details: { error_code: "enforced_spend_limit_reached" }
    }),
    is: "BillingExhausted",
    rule: "enforced_spend_limit_reached"
  },
  {
    status: 429,
    body: claude("rate_limit_error", "Extra usage is required for long context requests."),
    is: "PermissionDenied",
    rule: "plan",
    advice: /plan/
  },
  {
    status: 500,
    body: claude("api_error", "Internal server error"),
    is: "ServerError",
    rule: "api_error",
    holds: { from: "provider" },
    notRun: false
  },
  {
    status: 529,
    body: claude("overloaded_error", "Overloaded"),
    is: "Overloaded",
    rule: "overloaded_error",
    notRun: false
  },
  {
    status: 403,
    body: nginx("403 Forbidden"),
    headers: { server: "nginx/1.27.0" },
    is: "PermissionDenied",
    rule: "status-403",
    holds: { from: "intermediary", said: "403 Forbidden" },
    advice: /nginx/,
    notRun: false
  }
])
