/**
 * Codes and types of OpenAI and of those who speak its format.
 *
 * OpenAI: platform.openai.com/docs/guides/error-codes and `ResponseError.code` of the `openai` package. Azure: Microsoft
 * Learn, "Azure OpenAI in Foundry: troubleshoot errors" and "Content filtering". Google: ai.google.dev/gemini-api/docs,
 * "Troubleshooting". Names in capitals: what OpenClaw's users met (`RESOURCE_EXHAUSTED`, `DEACTIVATED_WORKSPACE`).
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"
import { hints } from "./texts.ts"

/** What code or type says by itself. The first that fits: billing before rate limits, as `type` may be one's and `code` the other's. */
export const openaiWords: ReadonlyArray<ErrorRule> = [
  ...each("ContextOverflow", [
    "context_length_exceeded",
    "too_many_prompt_tokens",
    "exceed_context_size_error",
    "context_window_exceeded"
  ]),
  // A message that is too long is the prompt; an id or a name that is too long is a mistake.
  {
    name: "string_above_max_length",
    when: {
      word: ["string_above_max_length", "string_too_long"],
      parameter: /(?:^|[.\]])(?:content|input|prompt|instructions|text)(?:$|[[.])/
    },
    reason: "ContextOverflow"
  },
  // The particular before the general: `insufficient_quota` is the type of them all.
  ...each("BillingExhausted", [
    "exceeded_current_quota_error",
    "billing_hard_limit_reached",
    "billing_not_active",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "insufficient_balance",
    "insufficient_credits",
    "payment_required",
    "budget_exceeded",
    "insufficient_quota"
  ]),
  ...each("CredentialRevoked", [
    "account_deactivated",
    "account_suspended",
    "account_deleted",
    "deactivated_workspace",
    "organization_deactivated",
    "organization_restricted",
    "key_revoked",
    "token_revoked"
  ]),
  ...each("RegionBlocked", ["unsupported_country_region_territory", "unsupported_location"]),
  ...each("PermissionDenied", ["ip_not_authorized"], { hint: hints.egress }),
  ...each("SessionExpired", ["previous_response_not_found", "invalid_encrypted_content"], {
    hint: "Send the full history: what the request refers to is not kept by the provider."
  }),
  ...each("SessionExpired", ["token_expired", "session_expired"], { hint: "Refresh the token, or sign in again." }),
  ...each("ModelNotFound", ["model_not_found", "model_not_supported", "DeploymentNotFound", "model_decommissioned"]),
  ...each("ContentRefused", [
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "image_content_policy_violation",
    "misalignment_policy_violation",
    "bio_policy",
    "cyber_policy",
    "moderation_blocked"
  ]),
  { name: "invalid_prompt", when: { word: "invalid_prompt", text: /flagged|polic|safety/i }, reason: "ContentRefused" },
  ...each("Overloaded", [
    "server_is_overloaded",
    "server_overloaded",
    "overloaded*",
    "slow_down",
    "engine_overloaded*",
    "provider_overloaded",
    "capacity_exceeded",
    "over_capacity",
    "NoCapacity"
  ]),
  ...each("RateLimited", [
    "rate_limit_exceeded",
    "rate_limit_error",
    "rate_limit_reached_error",
    "RateLimitReached",
    "too_many_requests",
    "resource_exhausted",
    "throttl*",
    "requests",
    "tokens"
  ]),
  ...each("AuthenticationFailed", [
    "invalid_api_key",
    "authentication_error",
    "incorrect_api_key_error",
    "invalid_authentication_error",
    "unauthenticated"
  ])
]

/** What a type says that says less than the status. */
export const openaiTypes: ReadonlyArray<ErrorRule> = [
  ...each("ServerError", ["server_error", "api_error", "internal_error", "internal_server_error"]),
  ...each("InvalidRequest", ["invalid_request_error", "invalid_prompt", "invalid_image*"])
]
