import { cases, gpt } from "./support/classifying.ts"

// console.groq.com/docs: "API Error Codes and Responses", "Rate Limits".
cases("groq", "openai", [
  {
    status: 400,
    body: gpt("tool_use_failed", "no", undefined, { failed_generation: "{" }),
    is: "InvalidRequest",
    rule: "tool_use_failed",
    notRun: false
  },
  {
    status: 429,
    body: gpt(
      "rate_limit_exceeded",
      "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_1` service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s.",
      "tokens"
    ),
    is: "RateLimited",
    rule: "rate_limit_exceeded",
    holds: { limited: "model", counted: "tokens", window: "day", retryAfterMs: 578_016 }
  },
  {
    status: 413,
    body: gpt(
      "rate_limit_exceeded",
      "Request too large for model `llama-3.1-8b-instant` in organization `x` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 6294, please reduce your message size and try again.",
      "tokens"
    ),
    is: "RateLimited",
    rule: "rate_limit_exceeded/too-large-for-limit"
  },
  {
    status: 400,
    body: gpt("organization_restricted", "Organization has been restricted."),
    is: "CredentialRevoked",
    rule: "organization_restricted"
  },
  {
    status: 498,
    body: gpt("capacity_exceeded", "Flex tier capacity exceeded"),
    is: "Overloaded",
    rule: "flex-capacity",
    notRun: false
  },
  {
    status: 503,
    body: gpt(null, "Service unavailable", "internal_server_error"),
    is: "Overloaded",
    rule: "capacity",
    notRun: false
  },
  {
    status: 400,
    body: gpt("model_decommissioned", "The model `x` has been decommissioned"),
    is: "ModelNotFound",
    rule: "model_decommissioned"
  }
])

// api-docs.deepseek.com/quick_start/error_codes.
cases("deepseek", "openai", [
  {
    status: 401,
    body: "Authentication Fails (governor)",
    is: "AuthenticationFailed",
    rule: "governor",
    advice: /DEEPSEEK_API_KEY/,
    notRun: false
  },
  {
    status: 402,
    body: gpt("invalid_request_error", "Insufficient Balance", "unknown_error"),
    is: "BillingExhausted",
    rule: "balance"
  },
  { status: 422, body: gpt("invalid_request_error", "invalid temperature"), is: "InvalidRequest", rule: "status-422" },
  { status: 400, body: gpt("invalid_request_error", "Model Not Exist"), is: "ModelNotFound", rule: "model" },
  {
    status: 503,
    body: gpt(null, "busy", "service_unavailable_error"),
    is: "Overloaded",
    rule: "server-overloaded",
    notRun: false
  }
])

const kimi = (type: string, message: string) => ({ error: { message, type } })

// platform.moonshot.ai/docs, "Errors"; kimi.com/code/docs, "Error Reference".
cases("moonshot", "openai", [
  {
    status: 403,
    body: kimi("permission_denied_error", "Coding Plan not supported"),
    is: "PermissionDenied",
    rule: "coding-plan",
    advice: /coding plan/
  },
  {
    status: 403,
    body: kimi(
      "access_terminated_error",
      "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI"
    ),
    is: "PermissionDenied",
    rule: "coding-plan"
  },
  {
    status: 403,
    body: kimi("access_terminated_error", "Access terminated. Review our Community Guidelines"),
    is: "CredentialRevoked",
    rule: "access_terminated_error"
  },
  {
    status: 403,
    body: kimi("access_terminated_error", "You've reached your usage limit for this billing cycle"),
    is: "BillingExhausted",
    rule: "plan-used-up"
  },
  {
    status: 429,
    body: kimi("exceeded_current_quota_error", "Your account is suspended, please check your plan"),
    is: "BillingExhausted",
    rule: "exceeded_current_quota_error"
  },
  {
    status: 429,
    body: kimi("engine_overloaded_error", "The engine is currently overloaded, please try again later"),
    is: "Overloaded",
    rule: "engine_overloaded_error",
    notRun: false
  },
  {
    status: 429,
    body: kimi(
      "rate_limit_reached_error",
      "Your account org-1 reached organization max RPM: 3, please try again after 1 seconds"
    ),
    is: "RateLimited",
    rule: "rate_limit_reached_error",
    holds: { limited: "credential", counted: "requests", window: "minute", retryAfterMs: 1000 }
  },
  {
    status: 401,
    body: kimi("incorrect_api_key_error", "Incorrect API key provided"),
    is: "AuthenticationFailed",
    rule: "incorrect_api_key_error"
  },
  {
    status: 404,
    body: kimi("resource_not_found_error", "Not found the model kimi-9 or Permission denied"),
    is: "ModelNotFound",
    rule: "resource_not_found_error"
  },
  {
    status: 400,
    body: kimi(
      "invalid_request_error",
      "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"
    ),
    is: "ContextOverflow",
    rule: "status-400/context-length"
  },
  {
    status: 400,
    body: kimi("content_filter", "The request was rejected because it was considered high risk"),
    is: "ContentRefused",
    rule: "content_filter",
    notRun: false
  }
])
