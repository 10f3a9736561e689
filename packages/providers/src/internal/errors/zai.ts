/** Z.AI (docs.z.ai/api-reference/api-code; docs.bigmodel.cn/cn/api/api-code): numbers in `error.code`, whatever the status. */
import type { ErrorRule } from "../../ErrorRule.ts"
import { codes } from "./each.ts"
import { hints } from "./texts.ts"

/** What Z.AI's errors mean. */
export const zaiErrors: ReadonlyArray<ErrorRule> = [
  ...codes("AuthenticationFailed", { 1000: "authentication", 1001: "no-key", 1002: "key", 1004: "verification" }),
  ...codes("SessionExpired", { 1003: "token-expired" }, { hint: "Make a new token, or use the key itself." }),
  ...codes("CredentialRevoked", { 1110: "inactive", 1111: "no-account", 1112: "locked", 1121: "violation" }),
  ...codes(
    "BillingExhausted",
    { 1113: "balance" },
    { hint: "Add balance: z.ai, Billing. A key of the coding plan needs its own endpoint." }
  ),
  ...codes("ServerError", {
    1120: "account-unreachable",
    1200: "call",
    1230: "process",
    1234: "network",
    500: "internal"
  }),
  ...codes("ModelNotFound", { 1211: "model", 1221: "withdrawn", 1222: "no-such-api" }),
  ...codes("InvalidRequest", {
    1210: "parameters",
    1212: "method",
    1213: "missing",
    1214: "invalid",
    1215: "conflict"
  }),
  ...codes("PermissionDenied", { 1220: "permission" }),
  ...codes("ContextOverflow", { 1261: "prompt-too-long" }),
  ...codes("ContentRefused", { 1300: "policy", 1301: "unsafe" }),
  ...codes(
    "RateLimited",
    { 1302: "concurrency", 1303: "frequency", 1304: "daily", 1308: "window", 1310: "period", 1313: "fair-use" },
    {
      limited: "credential"
    }
  ),
  ...codes("Overloaded", { 1305: "traffic", 1312: "model-busy" }),
  ...codes("BillingExhausted", { 1309: "plan-expired" }, { hint: "The coding plan has expired: renew it." }),
  ...codes("PermissionDenied", { 1311: "plan" }, { hint: hints.plan })
]
