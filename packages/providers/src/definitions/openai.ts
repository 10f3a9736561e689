/** OpenAI. */
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { bearer } from "../internal/authenticate.ts"
import { openai as embeddings } from "../internal/embeddings/openai.ts"
import { describe } from "../internal/models/gpt.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import * as OpenAiResponses from "../OpenAiResponses.ts"
import type { ProviderDefinition } from "../ProviderDefinition.ts"

const rateLimits = "https://platform.openai.com/docs/guides/rate-limits"

/**
 * Models that reason refuse `max_tokens`, and all take the other. Earlier ones than GPT-4.1 cannot be told how long to keep
 * a prompt (developers.openai.com/api/docs/guides/prompt-caching, "Prompt cache retention").
 */
const dialect = (model: string): CompletionsDialect => ({
  maxTokens: "max_completion_tokens",
  ...(/^gpt-(5|4\.1)/.test(model) ? { cache: "prompt_cache_retention" } : undefined)
})

/** OpenAI. */
export const openai: ProviderDefinition = {
  id: "openai",
  name: "OpenAI",
  codecs: [OpenAiResponses.codec, OpenAiCompletions.codec],
  embeddings,
  // developers.openai.com/api/docs/guides/websocket-mode: at /v1/responses, an hour at most.
  webSocket: ["openai-responses"],
  baseUrl: "https://api.openai.com/v1",
  baseUrlVariable: "OPENAI_BASE_URL",
  keyVariables: ["OPENAI_API_KEY"],
  keyFormat: { prefix: "sk-", example: "sk-proj-..." },
  authenticate: bearer,
  headers: {},
  // The provider names no limit of its own. Below 60 s, the default idle timeout of Elastic Load Balancing (AWS, "Edit
  // attributes for your Application Load Balancer"), the shortest that is likely in front of one.
  connections: { keepAliveMs: 50_000 },
  describe,
  dialect,
  rateLimits: [
    { tier: "basic", requestsPerMinute: 60, source: rateLimits },
    { tier: "advanced", requestsPerMinute: 10_000, source: rateLimits }
  ],
  statusPage: "https://status.openai.com",
  modelsPath: "/models"
}
