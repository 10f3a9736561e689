import { cases, gpt } from "./support/classifying.ts"

const routed = (code: number, message: string, metadata: object = {}) => ({ error: { code, message, metadata } })

// openrouter.ai/docs: "Errors and Debugging", "Limits".
cases("openrouter", "openai", [
  {
    status: 402,
    body: routed(402, "This request requires more credits, or fewer max_tokens. You can only afford 12."),
    is: "BillingExhausted",
    rule: "credits",
    advice: /max_tokens/
  },
  { status: 402, body: routed(402, "Insufficient credits"), is: "BillingExhausted", rule: "status-402" },
  { status: 403, body: routed(403, "Key limit exceeded (total limit)."), is: "BillingExhausted", rule: "key-limit" },
  {
    status: 403,
    body: routed(403, "The model requires moderation and your input was flagged", { reasons: ["violence"] }),
    is: "ContentRefused",
    rule: "moderation",
    notRun: false
  },
  { status: 404, body: routed(404, "No endpoints found for x/y."), is: "ModelNotFound", rule: "no-endpoint" },
  {
    status: 404,
    body: routed(404, "No endpoints found that support tool use."),
    is: "InvalidRequest",
    rule: "no-endpoint-for-feature",
    advice: /supports tool use/
  },
  {
    status: 404,
    body: routed(404, "No endpoints found matching your data policy (Free model training)."),
    is: "PermissionDenied",
    rule: "data-policy",
    advice: /privacy/
  },
  {
    status: 429,
    body: routed(
      429,
      "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
      {
        headers: { "X-RateLimit-Limit": "50", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1792567740000" }
      }
    ),
    headers: { date: "Wed, 21 Oct 2026 07:28:00 GMT" },
    is: "RateLimited",
    rule: "free-limit",
    holds: { limited: "credential", window: "day", counted: "requests", retryAfterMs: 60_000 }
  },
  {
    status: 429,
    body: routed(429, "Provider returned error", {
      raw: "x is temporarily rate-limited upstream",
      provider_name: "Chutes"
    }),
    is: "RateLimited",
    rule: "upstream-limit",
    holds: { limited: "model", said: "Provider returned error (Chutes): x is temporarily rate-limited upstream" }
  },
  {
    status: 400,
    body: routed(400, "Provider returned error", {
      raw: JSON.stringify(gpt("context_length_exceeded", "maximum context length is 8192")),
      provider_name: "OpenAI"
    }),
    is: "ContextOverflow",
    rule: "upstream/context_length_exceeded"
  },
  {
    // The router's own debts with its upstream are not ours.
    status: 502,
    body: routed(502, "Provider returned error", { raw: JSON.stringify(gpt("insufficient_quota", "pay")) }),
    is: "ServerError",
    rule: "status-502",
    notRun: false
  },
  {
    status: 503,
    body: routed(503, "No available model provider that meets your routing requirements"),
    is: "Overloaded",
    rule: "no-provider",
    notRun: false
  },
  {
    status: 400,
    body: routed(400, "no", { error_type: "context_length_exceeded" }),
    is: "ContextOverflow",
    rule: "context_length_exceeded"
  }
])
