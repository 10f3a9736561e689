/** DeepSeek. */
import { bearer } from "../internal/authenticate.ts"
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { describe } from "../internal/models/deepseek.ts"
import { deepseekErrors } from "../internal/errors/deepseek.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ProviderDefinition } from "../ProviderDefinition.ts"

/**
 * In a turn that called a tool, every message has to bring its thought back, an empty one if there was none: the answer
 * is 400 otherwise (api-docs.deepseek.com, "Thinking Mode", on tool calls).
 */
const dialect = (): CompletionsDialect => ({
  maxTokens: "max_tokens",
  structuredOutput: "json_object",
  carries: { image: "either" },
  reasoning: { field: "reasoning_content", when: "tools", absent: "" },
  strictTools: false
})

const operators = "a reference figure among operators; DeepSeek documents limits on concurrent requests alone"

/** DeepSeek. */
export const deepseek: ProviderDefinition = {
  id: "deepseek",
  name: "DeepSeek",
  codecs: [OpenAiCompletions.codec],
  baseUrl: "https://api.deepseek.com/v1",
  keyVariables: ["DEEPSEEK_API_KEY"],
  authenticate: bearer,
  headers: {},
  // Nothing is known of the server, so undici's own caution holds.
  connections: { keepAliveMs: 4000 },
  describe,
  dialect,
  rateLimits: [
    { tier: "basic", requestsPerMinute: 60, source: operators },
    { tier: "advanced", requestsPerMinute: 600, source: operators }
  ],
  statusPage: "https://status.deepseek.com",
  modelsPath: "/models",
  errors: deepseekErrors
}
