/**
 * Moonshot (platform.moonshot.ai/docs, "Errors"; kimi.com/code/docs, "Error Reference"). `access_terminated_error`:
 * bytedance/deer-flow 1894 (a plan for coding agents) and clacky-ai/openclacky 192 (an account that was closed). An
 * overloaded engine is a 429 that may come after minutes of work (forum.moonshot.ai/t/569).
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"
import { hints } from "./texts.ts"

const codingPlan =
  "The key is of the coding plan, which serves coding agents alone: use a key of platform.moonshot.ai, or the plan's own endpoint."

/** What Moonshot's errors mean. */
export const moonshotErrors: ReadonlyArray<ErrorRule> = [
  {
    name: "coding-plan",
    when: { status: 403, text: /coding plan|only available for coding agents/i },
    reason: "PermissionDenied",
    hint: codingPlan
  },
  {
    name: "plan-used-up",
    when: { status: 403, text: /usage limit for this billing cycle/i },
    reason: "BillingExhausted"
  },
  {
    name: "plan-window",
    when: { status: 429, text: /usage limit for this period/i },
    reason: "RateLimited",
    limited: "credential"
  },
  {
    name: "membership",
    when: { status: 402, text: /membership/i },
    reason: "BillingExhausted",
    hint: "The membership does not cover this, or its state is not known: renew it, or use a key of platform.moonshot.ai."
  },
  ...each("CredentialRevoked", ["access_terminated_error"], {
    hint: "Moonshot has closed the access: ask its support."
  }),
  { name: "balance", when: { status: 403, text: /insufficient|balance/i }, reason: "BillingExhausted" },
  ...each("BillingExhausted", ["exceeded_current_quota_error"]),
  ...each("Overloaded", ["engine_overloaded_error"]),
  {
    name: "receiving-too-many",
    when: { status: 429, text: /we're receiving too many requests/i },
    reason: "Overloaded"
  },
  ...each("RateLimited", ["rate_limit_reached_error"], { limited: "credential" }),
  ...each("ModelNotFound", ["resource_not_found_error"]),
  ...each("PermissionDenied", ["permission_denied_error"], { hint: hints.plan }),
  ...each("ServerError", ["unexpected_output"])
]
