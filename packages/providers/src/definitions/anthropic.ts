/** Anthropic. */
import * as AnthropicMessages from "../AnthropicMessages.ts"
import { describe } from "../internal/models/claude.ts"
import type { ProviderDefinition } from "../ProviderDefinition.ts"

export { describe } from "../internal/models/claude.ts"

const limits = "https://platform.claude.com/docs/en/api/rate-limits"

/** Anthropic. */
export const anthropic: ProviderDefinition = {
  id: "anthropic",
  name: "Anthropic",
  codecs: [AnthropicMessages.codec],
  baseUrl: "https://api.anthropic.com",
  baseUrlVariable: "ANTHROPIC_BASE_URL",
  keyVariables: ["ANTHROPIC_API_KEY"],
  keyFormat: { prefix: "sk-ant-", example: "sk-ant-api03-..." },
  authenticate: (key) => ({ "x-api-key": key }),
  headers: { "anthropic-version": "2023-06-01" },
  // The provider names no limit of its own. Below 60 s, the default idle timeout of Elastic Load Balancing (AWS, "Edit
  // attributes for your Application Load Balancer"), the shortest that is likely in front of one.
  connections: { keepAliveMs: 50_000 },
  describe,
  rateLimits: [
    {
      tier: "basic",
      requestsPerMinute: 60,
      source: "a reference figure among operators; the documents name none below Start"
    },
    { tier: "Start", requestsPerMinute: 1000, source: limits },
    { tier: "Scale", requestsPerMinute: 4000, source: limits }
  ],
  statusPage: "https://status.anthropic.com",
  modelsPath: "/v1/models"
}
