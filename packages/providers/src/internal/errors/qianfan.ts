/**
 * Qianfan (cloud.baidu.com/doc/qianfan-api/s/rmwbl43x7 and /doc/WENXINWORKSHOP/s/cm79w0mjf, which has the rate limits):
 * `type` and `code` in words, a 401 for what others say with 403.
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"
import { hints } from "./texts.ts"

/** What Qianfan's errors mean. */
export const qianfanErrors: ReadonlyArray<ErrorRule> = [
  { name: "coding-plan", when: { text: /coding[ _]plan/i }, reason: "PermissionDenied", hint: hints.plan },
  {
    name: "invalid_model/permission",
    when: { code: "invalid_model", text: /no permission/i },
    reason: "PermissionDenied",
    hint: "The account has not been given this model: enable it at console.bce.baidu.com/qianfan."
  },
  ...each("ModelNotFound", ["invalid_model"]),
  ...each("ContextOverflow", ["tokens_too_long", "characters_too_long"]),
  ...each("ContentRefused", ["unsafe_request", "image_url_unsafe"]),
  ...each("BillingExhausted", ["account_overdue", "billing_insufficient_balance", "quota_user_daily_free"]),
  ...each("RateLimited", ["rpm_rate_limit_exceeded", "tpm_rate_limit_exceeded", "336501", "336502"], {
    limited: "model"
  }),
  ...each("RateLimited", ["rate_limit_total_qps", "quota_user_daily_request"], { limited: "credential" }),
  ...each("PermissionDenied", ["no_parameter_permission", "access_denied"]),
  ...each("AuthenticationFailed", ["invalid_iam_token", "invalid_appid", "110", "111"]),
  ...each("Overloaded", ["server_high_load", "336100"])
]
