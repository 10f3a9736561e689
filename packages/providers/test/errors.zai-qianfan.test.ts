import { cases } from "./support/classifying.ts"

const glm = (code: string, message = "no") => ({ error: { code, message } })

// docs.z.ai/api-reference/api-code.
cases("zai", "openai", [
  { status: 401, body: glm("1002"), is: "AuthenticationFailed", rule: "1002-key" },
  { status: 401, body: glm("1003"), is: "SessionExpired", rule: "1003-token-expired" },
  { status: 429, body: glm("1112"), is: "CredentialRevoked", rule: "1112-locked" },
  {
    status: 429,
    body: glm("1113", "Insufficient balance or no resource package. Please recharge."),
    is: "BillingExhausted",
    rule: "1113-balance"
  },
  { status: 400, body: glm("1211", "Unknown Model"), is: "ModelNotFound", rule: "1211-model" },
  { status: 400, body: glm("1214"), is: "InvalidRequest", rule: "1214-invalid" },
  { status: 400, body: glm("1261"), is: "ContextOverflow", rule: "1261-prompt-too-long" },
  { status: 400, body: glm("1301"), is: "ContentRefused", rule: "1301-unsafe", notRun: false },
  {
    status: 429,
    body: glm("1302", "concurrency"),
    is: "RateLimited",
    rule: "1302-concurrency",
    holds: { limited: "credential", counted: "concurrency" }
  },
  { status: 429, body: glm("1303"), is: "RateLimited", rule: "1303-frequency" },
  { status: 429, body: glm("1305"), is: "Overloaded", rule: "1305-traffic", notRun: false },
  { status: 429, body: glm("1309"), is: "BillingExhausted", rule: "1309-plan-expired" },
  { status: 429, body: glm("1311"), is: "PermissionDenied", rule: "1311-plan" }
])

const ernie = (code: string, message: string, type = "invalid_request_error") => ({
  error: { code, message, type },
  id: "as-1"
})

// cloud.baidu.com/doc/qianfan-api/s/rmwbl43x7.
cases("qianfan", "openai", [
  {
    status: 400,
    body: ernie("malformed_json", "Invalid Argument"),
    is: "InvalidRequest",
    rule: "status-400",
    holds: { requestId: "as-1" }
  },
  { status: 400, body: ernie("invalid_model", "model is empty"), is: "ModelNotFound", rule: "invalid_model" },
  {
    status: 401,
    body: ernie("invalid_model", "No permission to use the model"),
    is: "PermissionDenied",
    rule: "invalid_model/permission"
  },
  {
    status: 400,
    body: ernie("tokens_too_long", "Prompt tokens too long"),
    is: "ContextOverflow",
    rule: "tokens_too_long"
  },
  {
    status: 400,
    body: ernie("image_url_unsafe", "unsafe", "unsafe_request"),
    is: "ContentRefused",
    rule: "unsafe_request",
    notRun: false
  },
  {
    status: 429,
    body: ernie("rpm_rate_limit_exceeded", "Rate limit reached for RPM", "rate_limit_exceeded"),
    is: "RateLimited",
    rule: "rpm_rate_limit_exceeded",
    holds: { counted: "requests", window: "minute", limited: "model" }
  },
  {
    status: 429,
    body: { code: "tpm_rate_limit_exceeded", msg: "Rate limit reached for TPM" },
    is: "RateLimited",
    rule: "tpm_rate_limit_exceeded",
    holds: { counted: "tokens" },
    notRun: false
  },
  { status: 403, body: ernie("account_overdue", "overdue"), is: "BillingExhausted", rule: "account_overdue" }
])
