import { cases, gpt } from "./support/classifying.ts"

// Microsoft Learn: "Content filtering", "Troubleshoot errors".
cases("azure", "openai", [
  {
    status: 404,
    body: gpt("DeploymentNotFound", "The API deployment for this resource does not exist."),
    is: "ModelNotFound",
    rule: "DeploymentNotFound"
  },
  {
    status: 404,
    body: { error: { code: "404", message: "Resource not found" } },
    is: "ModelNotFound",
    rule: "status-404/wrong-url"
  },
  {
    status: 400,
    body: gpt("content_filter", "The response was filtered", null, {
      innererror: { code: "ResponsibleAIPolicyViolation" }
    }),
    is: "ContentRefused",
    rule: "content_filter",
    notRun: false
  },
  {
    status: 429,
    body: gpt(
      "429",
      "Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current AIServices S0 pricing tier. Please retry after 37 seconds."
    ),
    headers: { "apim-request-id": "a-1" },
    is: "RateLimited",
    rule: "status-429",
    holds: { retryAfterMs: 37_000, counted: "tokens", requestId: "a-1" }
  },
  {
    status: 401,
    body: { error: { code: "401", message: "Access denied due to invalid subscription key or wrong API endpoint." } },
    is: "AuthenticationFailed",
    rule: "status-401"
  },
  {
    status: 403,
    body: { error: { code: "403", message: "Access denied due to Virtual Network/Firewall rules." } },
    is: "PermissionDenied",
    rule: "status-403/address",
    advice: /proxy|VPN/
  }
])

// openai/codex and clients of ChatGPT's backend.
cases("openai-codex", "openai", [
  {
    status: 429,
    body: {
      error: {
        type: "usage_limit_reached",
        message: "The usage limit has been reached",
        plan_type: "plus",
        resets_in_seconds: 13_872
      }
    },
    is: "RateLimited",
    rule: "usage_limit_reached",
    holds: { limited: "credential", retryAfterMs: 13_872_000 },
    advice: /Wait 4 h\..*another account/
  },
  {
    status: 429,
    body: { error: { type: "usage_not_included", message: "no" } },
    is: "PermissionDenied",
    rule: "usage_not_included",
    advice: /plan/
  },
  {
    status: 401,
    body: gpt("token_expired", "Provided authentication token is expired."),
    is: "SessionExpired",
    rule: "token_expired"
  },
  {
    status: 401,
    body: gpt("refresh_token_reused", "Your refresh token has already been used"),
    is: "CredentialRevoked",
    rule: "refresh_token_reused",
    advice: /Sign in again/
  },
  {
    status: 401,
    body: gpt("token_invalidated", "Your authentication token has been invalidated."),
    is: "CredentialRevoked",
    rule: "token_invalidated"
  },
  {
    status: 400,
    body: { error: "invalid_grant", error_description: "expired" },
    is: "CredentialRevoked",
    rule: "invalid_grant",
    holds: { said: "expired" },
    notRun: false
  },
  {
    status: 402,
    body: { detail: { code: "deactivated_workspace" } },
    is: "CredentialRevoked",
    rule: "deactivated_workspace",
    notRun: false
  },
  {
    status: 400,
    body: { detail: "The 'gpt-9' model is not supported when using Codex with a ChatGPT account." },
    is: "PermissionDenied",
    rule: "plan-model",
    notRun: false
  }
])
