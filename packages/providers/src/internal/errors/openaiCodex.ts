/**
 * The backend of ChatGPT's plans. Limits: `usage_limit_reached` with `resets_in_seconds` (router-for-me/CLIProxyAPI 1666,
 * earendil-works/pi 4172), `usage_not_included` (openai/codex, codex-api). Tokens: `token_invalidated` (CLIProxyAPI 3654),
 * `refresh_token_*` (openai/codex 6028, Soju06/codex-lb 600).
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"
import { hints } from "./texts.ts"

/** What the errors of ChatGPT's backend mean. */
export const openaiCodexErrors: ReadonlyArray<ErrorRule> = [
  ...each("RateLimited", ["usage_limit_reached"], {
    limited: "credential",
    hint: "The plan's limit is used up until then: use another account, or an API key."
  }),
  ...each("PermissionDenied", ["usage_not_included"], {
    hint: "The ChatGPT plan does not include Codex: use an account of a plan that does, or an API key."
  }),
  ...each(
    "CredentialRevoked",
    [
      "refresh_token_reused",
      "refresh_token_expired",
      "refresh_token_invalidated",
      "invalid_grant",
      "token_invalidated",
      "token_revoked",
      "app_session_terminated"
    ],
    { hint: hints.signIn }
  ),
  ...each("CredentialRevoked", ["deactivated_workspace", "account_deactivated"], {
    hint: "The workspace or account is closed: sign in with another."
  }),
  ...each("SessionExpired", ["token_expired"], { hint: "Refresh the token, or sign in again." }),
  {
    name: "plan-model",
    when: { text: /not supported when using codex with a chatgpt account/i },
    reason: "PermissionDenied",
    hint: "The plan does not include this model: use one that it does, or an API key."
  }
]
