/**
 * OpenRouter (openrouter.ai/docs: "Errors and Debugging", "Limits", and `APIErrorType` of its SDKs, which stands in
 * `metadata.error_type`). `code` is a status; what the upstream said is `metadata.raw`.
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"
import { hints } from "./texts.ts"

const routing = "Nobody that OpenRouter may send this to serves it: look at the model's name and the routing settings."

/** What OpenRouter's errors mean. */
export const openrouterErrors: ReadonlyArray<ErrorRule> = [
  {
    name: "data-policy",
    when: { status: 404, text: /data policy|privacy settings/i },
    reason: "PermissionDenied",
    hint: "The account's privacy settings exclude every host of this model: openrouter.ai/settings/privacy."
  },
  {
    name: "no-endpoint-for-feature",
    when: {
      status: 404,
      text: /no endpoints found that support (tool use|image input|audio input|video input|the provided)/i
    },
    reason: "InvalidRequest",
    hint: "No host of this model supports $1: leave it out, or use another model."
  },
  { name: "no-endpoint", when: { status: 404 }, reason: "ModelNotFound", hint: routing },
  {
    name: "no-allowed-provider",
    when: { text: /no allowed providers are available/i },
    reason: "ModelNotFound",
    hint: routing
  },
  {
    name: "model-id",
    when: { status: 400, text: /is not a valid model/i },
    reason: "ModelNotFound",
    hint: "Check the model's name: OpenRouter's have the maker in front (openai/gpt-5.5)."
  },
  {
    name: "free-limit",
    when: { status: 429, text: /free-models-per|free model requests/i },
    reason: "RateLimited",
    limited: "credential",
    hint: "Free models have a limit of their own for the whole account: it is higher with credits bought."
  },
  {
    name: "upstream-limit",
    when: { status: 429, text: /provider returned error|rate-limited upstream/i },
    reason: "RateLimited",
    limited: "model",
    hint: "The host behind OpenRouter limits this model: wait, let OpenRouter route to others, or add a key of your own."
  },
  {
    name: "credits",
    when: { status: 402, text: /fewer max_tokens|can only afford/i },
    reason: "BillingExhausted",
    hint: "Add credits, or ask for fewer max_tokens: OpenRouter reserves what the longest answer would cost."
  },
  {
    name: "key-limit",
    when: { status: [402, 403], text: /key limit exceeded/i },
    reason: "BillingExhausted",
    hint: "The key has a spending limit of its own: raise it at openrouter.ai/settings/keys."
  },
  { name: "moderation", when: { status: 403, text: /moderation|flagged/i }, reason: "ContentRefused" },
  {
    name: "no-key",
    when: { status: 401, text: /missing authentication header|no auth credentials/i },
    reason: "AuthenticationFailed",
    hint: "No key was sent: set OPENROUTER_API_KEY."
  },
  { name: "no-provider", when: { status: 503 }, reason: "Overloaded", hint: routing },
  ...each("BillingExhausted", ["token_limit_exceeded"]),
  ...each("ContextOverflow", ["string_too_long"]),
  ...each("AuthenticationFailed", ["authentication"]),
  ...each("PermissionDenied", ["permission_denied"]),
  ...each("ContentRefused", ["refusal"]),
  ...each("ServerError", ["provider_unavailable", "server", "timeout"]),
  ...each("InvalidRequest", ["payload_too_large"], { hint: hints.size })
]
