import { cases, gpt, nginx } from "./support/classifying.ts"

// What OpenClaw's users met, whoever said it.
cases("custom", "openai", [
  { status: 429, body: gpt(429, "Quota", "RESOURCE_EXHAUSTED"), is: "RateLimited", rule: "resource_exhausted" },
  { status: 429, body: gpt("TOO_MANY_REQUESTS", "no"), is: "RateLimited", rule: "too_many_requests" },
  { status: 400, body: gpt("ThrottlingException", "no"), is: "RateLimited", rule: "throttl" },
  { status: 500, body: gpt("OVERLOADED_MODEL", "no"), is: "Overloaded", rule: "overloaded", notRun: false },
  { status: 402, body: gpt("DEACTIVATED_WORKSPACE", "no"), is: "CredentialRevoked", rule: "deactivated_workspace" },
  { status: 402, body: gpt(null, "Payment needed"), is: "BillingExhausted", rule: "status-402" },
  {
    status: 402,
    body: gpt(null, "You have hit your weekly usage limit. Try again in 2 hours."),
    is: "RateLimited",
    rule: "status-402/period",
    holds: { limited: "credential", window: "week", retryAfterMs: 7_200_000 },
    advice: /Wait 2 h/
  },
  {
    status: 400,
    body: gpt(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
    is: "RegionBlocked",
    rule: "status-400/region"
  },
  {
    status: 400,
    body: gpt(400, "API key not valid. Please pass a valid API key."),
    is: "AuthenticationFailed",
    rule: "status-400/api-key"
  },
  {
    // Google answers an array.
    status: 429,
    body: [
      {
        error: {
          code: 429,
          message: "You exceeded your current quota. Please retry in 34.07s.",
          status: "RESOURCE_EXHAUSTED",
          details: [{ retryDelay: "34s" }]
        }
      }
    ],
    is: "RateLimited",
    rule: "resource_exhausted",
    holds: { retryAfterMs: 34_000 },
    notRun: false
  },
  {
    status: 404,
    body: nginx("404 Not Found"),
    is: "ModelNotFound",
    rule: "status-404/wrong-url",
    advice: /is \/v1 missing/,
    holds: { from: "intermediary" },
    notRun: false
  },
  { status: 404, body: "", is: "ModelNotFound", rule: "status-404/wrong-url", advice: /base URL/, notRun: false },
  {
    status: 404,
    body: "404 page not found\n",
    is: "ModelNotFound",
    rule: "status-404/wrong-url",
    holds: { said: "404 page not found" },
    notRun: false
  },
  {
    status: 404,
    body: { detail: "Not Found" },
    is: "ModelNotFound",
    rule: "status-404/wrong-url",
    holds: { said: "Not Found" },
    notRun: false
  },
  {
    status: 405,
    body: { detail: "Method Not Allowed" },
    is: "ModelNotFound",
    rule: "status-405/wrong-url",
    notRun: false
  },
  {
    status: 404,
    body: { error: "Model foo/bar does not exist" },
    is: "ModelNotFound",
    rule: "status-404",
    advice: /name/,
    notRun: false
  },
  {
    status: 502,
    body: nginx("502 Bad Gateway"),
    headers: { server: "nginx" },
    is: "ServerError",
    rule: "status-502",
    holds: { from: "intermediary", said: "502 Bad Gateway" },
    advice: /nginx/,
    notRun: false
  },
  {
    status: 503,
    body: "no healthy upstream",
    headers: { server: "envoy" },
    is: "ServerError",
    rule: "status-503",
    holds: { from: "intermediary", said: "no healthy upstream" },
    notRun: false
  },
  {
    status: 522,
    body: nginx("522"),
    headers: { server: "cloudflare", "cf-ray": "8f1-FRA" },
    is: "ServerError",
    rule: "status-522",
    holds: { from: "intermediary", requestId: "8f1-FRA" },
    advice: /Cloudflare.*did not answer the connection/,
    notRun: false
  },
  {
    status: 403,
    body: "<!DOCTYPE html><title>Just a moment...</title>",
    headers: { "cf-mitigated": "challenge" },
    is: "RegionBlocked",
    rule: "status-403/blocked-address",
    advice: /leaves from/,
    notRun: false
  },
  {
    status: 403,
    body: "<html><title>Access denied</title>error code: 1020</html>",
    is: "RegionBlocked",
    rule: "status-403/blocked-address",
    notRun: false
  },
  {
    status: 429,
    body: "<html><title>Access denied</title>error code: 1015</html>",
    is: "RateLimited",
    rule: "status-429/address",
    holds: { limited: "provider" },
    notRun: false
  },
  {
    status: 413,
    body: nginx("413 Request Entity Too Large"),
    is: "InvalidRequest",
    rule: "status-413",
    advice: /proxy in between/,
    notRun: false
  },
  { status: 301, body: "", is: "Unclassified", rule: "status-301", advice: /redirect/, notRun: false },
  { status: 407, body: "", is: "Unclassified", rule: "status-407", advice: /proxy/, notRun: false },
  { status: 451, body: gpt(null, "no"), is: "RegionBlocked", rule: "status-451", notRun: false },
  {
    // A gateway has tried others before it says no: what it says proves nothing.
    status: 429,
    body: gpt("429", "litellm.RateLimitError: RateLimitError: OpenAIException - slow down", "throttling_error"),
    is: "RateLimited",
    rule: "throttl",
    holds: { from: "intermediary" },
    notRun: false
  },
  {
    status: 400,
    body: gpt("400", "litellm.ContextWindowExceededError: no", null),
    is: "ContextOverflow",
    rule: "status-400/context-length",
    notRun: false
  },
  {
    status: 401,
    body: gpt("401", "Authentication Error, Invalid proxy server token passed", "auth_error"),
    headers: { "x-litellm-version": "1.80" },
    is: "AuthenticationFailed",
    rule: "status-401",
    advice: /Check the key.*gateway in between/,
    holds: { from: "intermediary" },
    notRun: false
  }
])

// What other hosts of OpenAI's format say.
cases("huggingface", "openai", [
  {
    status: 401,
    body: { error: "Invalid username or password." },
    is: "AuthenticationFailed",
    rule: "status-401",
    holds: { said: "Invalid username or password." },
    notRun: false
  },
  {
    status: 400,
    body: gpt("model_not_supported", "The requested model 'x' is not supported by any provider you have enabled."),
    is: "ModelNotFound",
    rule: "model_not_supported"
  },
  {
    status: 402,
    body: { error: "You have exceeded your monthly included credits for Inference Providers." },
    is: "BillingExhausted",
    rule: "status-402",
    notRun: false
  },
  {
    status: 403,
    body: { error: "This authentication method does not have sufficient permissions to call Inference Providers" },
    is: "PermissionDenied",
    rule: "status-403",
    advice: /Check the key itself/,
    notRun: false
  }
])

cases("perplexity", "openai", [
  {
    // A bad key, answered by the web server in front.
    status: 401,
    body: nginx("401 Authorization Required"),
    headers: { server: "openresty" },
    is: "AuthenticationFailed",
    rule: "status-401",
    holds: { from: "intermediary", server: "openresty" },
    advice: /Check the key.*that of openresty/,
    notRun: false
  }
])

// ai.google.dev/gemini-api/docs: the OpenAI-compatible endpoint answers an array of one.
cases("gemini", "openai", [
  {
    status: 404,
    body: [
      { error: { code: 404, message: "models/gemini-9 is not found for API version v1main", status: "NOT_FOUND" } }
    ],
    is: "ModelNotFound",
    rule: "status-404",
    advice: /name/,
    notRun: false
  },
  {
    status: 400,
    body: [{ error: { code: 400, message: "API key expired. Please renew the API key.", status: "INVALID_ARGUMENT" } }],
    is: "AuthenticationFailed",
    rule: "status-400/api-key",
    notRun: false
  }
])
