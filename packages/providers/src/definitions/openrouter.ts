/** OpenRouter. */
import { bearer } from "../internal/authenticate.ts"
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { describeHosted } from "../internal/models/hosted.ts"
import { openrouter as embeddings } from "../internal/embeddings/openai.ts"
import { openrouterErrors } from "../internal/errors/openrouter.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"

/**
 * Files go to models that cannot read them through OpenRouter's own parsers (openrouter.ai/docs, "Multimodal"). Thoughts
 * go back as they came ("Reasoning tokens", on preserving them).
 */
const dialect = (model: string): CompletionsDialect => ({
  carries: {
    image: "either",
    audio: ["wav", "mp3", "flac", "m4a", "ogg", "aac", "aiff"],
    pdf: "either",
    video: "either"
  },
  reasoning: { field: "reasoning_details", when: "always" },
  // Others keep what they have read by themselves.
  ...(model.startsWith("anthropic/") ? { cache: "cache_control" } : undefined)
})

/** PDFs are read for every model. */
const describe = (model: string): ModelFacts | undefined => {
  const facts = describeHosted(model)
  if (facts?.input === undefined || facts.input.includes("pdf")) return facts
  return { ...facts, input: [...facts.input, "pdf"] }
}

/** OpenRouter. */
export const openrouter: ProviderDefinition = {
  id: "openrouter",
  name: "OpenRouter",
  codecs: [OpenAiCompletions.codec],
  embeddings,
  baseUrl: "https://openrouter.ai/api/v1",
  keyVariables: ["OPENROUTER_API_KEY"],
  keyFormat: { prefix: "sk-or-", example: "sk-or-v1-..." },
  authenticate: bearer,
  headers: {},
  // Behind Cloudflare, whose edge closes idle connections after 400 s (developers.cloudflare.com, "Connection limits").
  // Translators of addresses on the way forget them sooner, some after a minute.
  connections: { keepAliveMs: 50_000 },
  describe,
  dialect,
  statusPage: "https://status.openrouter.ai",
  modelsPath: "/models",
  errors: openrouterErrors
}
