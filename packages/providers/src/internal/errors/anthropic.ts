/**
 * Anthropic's types (docs.claude.com/en/api/errors; `ErrorType` of `@anthropic-ai/sdk`).
 *
 * `enforced_spend_limit_reached`: Microsoft Learn, "Anthropic 529 overloaded_error: what it means", which tells it from a
 * rate limit. `forbidden`, "Request not allowed": anthropics/claude-code 453 and 1613, a request from a place that is not
 * served. Limits are set per class of models (docs.claude.com/en/api/rate-limits), though the words name the organization.
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"
import { hints } from "./texts.ts"

/** What the type says, told apart by words where it says little. */
export const anthropicWords: ReadonlyArray<ErrorRule> = [
  ...each("BillingExhausted", ["enforced_spend_limit_reached", "billing_error"]),
  {
    name: "forbidden/region",
    when: { type: "forbidden", text: /request not allowed/i },
    reason: "RegionBlocked",
    hint: hints.egress
  },
  {
    name: "authentication_error/oauth",
    when: { type: "authentication_error", text: /oauth authentication is currently not supported/i },
    reason: "AuthenticationFailed",
    hint: "A token of a subscription is not accepted here: use an API key (sk-ant-api03-...)."
  },
  {
    name: "plan",
    when: {
      word: ["rate_limit_error", "invalid_request_error", "permission_error"],
      text: /long context (?:beta|requests)|only authorized for use with/i
    },
    reason: "PermissionDenied",
    hint: hints.plan
  },
  ...each("InvalidRequest", ["invalid_request_error"]),
  ...each("InvalidRequest", ["request_too_large"], { hint: `${hints.size} Anthropic takes 32 MB.` }),
  ...each("AuthenticationFailed", ["authentication_error"]),
  ...each("PermissionDenied", ["permission_error"]),
  ...each("ModelNotFound", ["not_found_error"]),
  ...each("RateLimited", ["rate_limit_error"]),
  ...each("Overloaded", ["overloaded_error"]),
  ...each("ServerError", ["api_error", "timeout_error", "conflict_error"])
]
