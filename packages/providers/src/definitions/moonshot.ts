/** Moonshot AI. */
import * as Predicate from "effect/Predicate"
import { bearer } from "../internal/authenticate.ts"
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { describe } from "../internal/models/kimi.ts"
import { moonshotErrors } from "../internal/errors/moonshot.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ProviderDefinition } from "../ProviderDefinition.ts"

/**
 * While it thinks, Moonshot refuses a message with tool calls and no thought, and an empty one is none to it; a space is
 * one (platform.kimi.ai/docs, "Using Thinking Models"). It fetches no URLs but its own `ms://`.
 */
const dialect = (): CompletionsDialect => ({
  maxTokens: "max_completion_tokens",
  structuredOutput: "json_object",
  toolChoices: ["auto", "none"],
  carries: { image: "data", video: "data" },
  reasoning: {
    field: "reasoning_content",
    when: "tools",
    absent: " ",
    keepsAll: ({ thinking }) => Predicate.hasProperty(thinking, "keep") && thinking.keep === "all"
  },
  strictTools: false
})

/** Moonshot AI. */
export const moonshot: ProviderDefinition = {
  id: "moonshot",
  name: "Moonshot AI",
  codecs: [OpenAiCompletions.codec],
  baseUrl: "https://api.moonshot.ai/v1",
  keyVariables: ["MOONSHOT_API_KEY"],
  authenticate: bearer,
  headers: {},
  // Nothing is known of the server, so undici's own caution holds.
  connections: { keepAliveMs: 4000 },
  describe,
  dialect,
  statusPage: "https://status.moonshot.cn",
  modelsPath: "/models",
  errors: moonshotErrors
}
