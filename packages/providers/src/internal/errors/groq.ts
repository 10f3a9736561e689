/**
 * Groq (console.groq.com/docs: "API Error Codes and Responses", "Rate Limits", "Flex Processing"). The words of a limit
 * are those of Aider-AI/aider 3265 and elizaOS/eliza 4040: a request that is larger than the limit is a 413.
 */
import type { ErrorRule } from "../../ErrorRule.ts"
import { each } from "./each.ts"

/** What Groq's errors mean. */
export const groqErrors: ReadonlyArray<ErrorRule> = [
  ...each("InvalidRequest", ["tool_use_failed", "json_validate_failed"], {
    hint: "The model wrote what does not fit the schema: ask again, or make the schema simpler."
  }),
  ...each("CredentialRevoked", ["organization_restricted"], {
    hint: "Groq has restricted the organization: ask its support."
  }),
  {
    name: "model-permission",
    when: { word: ["model_permission_blocked_org", "model_permission_blocked_project"] },
    reason: "PermissionDenied",
    hint: "The organization or project blocks this model: console.groq.com, Limits."
  },
  ...each("InvalidRequest", ["model_terms_required"], {
    hint: "Somebody of the organization has to accept the model's terms at console.groq.com first."
  }),
  {
    name: "flex-capacity",
    when: { status: 498 },
    reason: "Overloaded",
    hint: "The flex tier is full: wait, or use service_tier on_demand."
  },
  { name: "capacity", when: { status: 503 }, reason: "Overloaded" }
]
