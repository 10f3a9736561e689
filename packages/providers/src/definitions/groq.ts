/** Groq. */
import { bearer } from "../internal/authenticate.ts"
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { describeHosted } from "../internal/models/hosted.ts"
import { groqErrors } from "../internal/errors/groq.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"

const models = "https://console.groq.com/docs/models"

const wide = { input: ["text"], contextTokens: 131_072 } as const

/** What Groq says of its production models. Compound is a system of several models and tools, and no model. */
const known: Readonly<Record<string, ModelFacts>> = {
  "llama-3.1-8b-instant": { ...wide, outputTokens: 131_072 },
  "llama-3.3-70b-versatile": { ...wide, outputTokens: 32_768 },
  "openai/gpt-oss-120b": { ...wide, outputTokens: 65_536 },
  "openai/gpt-oss-20b": { ...wide, outputTokens: 65_536 }
}

const describe = (model: string): ModelFacts | undefined => {
  const own = known[model]
  const facts = model.startsWith("groq/") ? undefined : describeHosted(model)
  return own === undefined ? facts : { ...facts, ...own }
}

/** Only some models are held to a schema (console.groq.com/docs/structured-outputs, "Strict Mode"). */
const dialect = (model: string): CompletionsDialect => ({
  maxTokens: "max_completion_tokens",
  structuredOutput: model.startsWith("openai/gpt-oss-") ? "json_schema" : "json_object",
  carries: { image: "either" },
  reasoning: { field: "reasoning", when: "tools" }
})

/** Groq. */
export const groq: ProviderDefinition = {
  id: "groq",
  name: "Groq",
  codecs: [OpenAiCompletions.codec],
  baseUrl: "https://api.groq.com/openai/v1",
  keyVariables: ["GROQ_API_KEY"],
  keyFormat: { prefix: "gsk_", example: "gsk_..." },
  authenticate: bearer,
  headers: {},
  // Behind Cloudflare, whose edge closes idle connections after 400 s (developers.cloudflare.com, "Connection limits").
  // Translators of addresses on the way forget them sooner, some after a minute.
  connections: { keepAliveMs: 50_000 },
  describe,
  dialect,
  rateLimits: [
    { tier: "free", requestsPerMinute: 30, source: "https://console.groq.com/docs/rate-limits" },
    { tier: "developer", requestsPerMinute: 1000, tokensPerMinute: 250_000, source: models }
  ],
  statusPage: "https://groqstatus.com",
  modelsPath: "/models",
  errors: groqErrors
}
