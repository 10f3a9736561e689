/** DeepSeek (api-docs.deepseek.com/quick_start/error_codes). */
import type { ErrorRule } from "../../ErrorRule.ts"

/** What DeepSeek's errors mean. */
export const deepseekErrors: ReadonlyArray<ErrorRule> = [
  {
    name: "balance",
    when: { status: 402 },
    reason: "BillingExhausted",
    hint: "Add balance at platform.deepseek.com/top_up."
  },
  {
    name: "governor",
    when: { status: 401, text: /\(governor\)|auth header format/i },
    reason: "AuthenticationFailed",
    hint: "No key was sent, or not as `Bearer <key>`: set DEEPSEEK_API_KEY."
  },
  {
    name: "images",
    when: { status: [400, 422], text: /unknown variant `?image_url/i },
    reason: "InvalidRequest",
    hint: "The model reads text only: leave images out, or use a model that sees."
  },
  { name: "model", when: { status: 400, text: /^model not exist/i }, reason: "ModelNotFound" },
  { name: "server-overloaded", when: { status: 503 }, reason: "Overloaded" }
]
