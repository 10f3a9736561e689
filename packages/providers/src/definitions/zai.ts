/** Z.AI. */
import * as Predicate from "effect/Predicate"
import { bearer } from "../internal/authenticate.ts"
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { describe } from "../internal/models/glm.ts"
import { zai as embeddings } from "../internal/embeddings/openai.ts"
import { zaiErrors } from "../internal/errors/zai.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ProviderDefinition } from "../ProviderDefinition.ts"

/** Thoughts go back with the results of tools, and all of them where `clear_thinking` is off (docs.z.ai, "Thinking Mode"). */
const dialect = (): CompletionsDialect => ({
  maxTokens: "max_tokens",
  structuredOutput: "json_object",
  toolChoices: ["auto"],
  carries: { image: "either", video: "url" },
  reasoning: {
    field: "reasoning_content",
    when: "tools",
    keepsAll: ({ thinking }) => Predicate.hasProperty(thinking, "clear_thinking") && thinking.clear_thinking === false
  },
  strictTools: false
})

/** Z.AI. */
export const zai: ProviderDefinition = {
  id: "zai",
  name: "Z.AI",
  codecs: [OpenAiCompletions.codec],
  embeddings,
  baseUrl: "https://api.z.ai/api/paas/v4",
  keyVariables: ["ZAI_API_KEY", "Z_AI_API_KEY"],
  authenticate: bearer,
  headers: {},
  // Nothing is known of the server, so undici's own caution holds.
  connections: { keepAliveMs: 4000 },
  describe,
  dialect,
  modelsPath: "/models",
  errors: zaiErrors
}
