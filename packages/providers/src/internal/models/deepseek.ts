/** What is known of DeepSeek's models (api-docs.deepseek.com, "Models & Pricing", read in November 2026). */
import type { ModelFacts } from "../../ProviderDefinition.ts"

// Prices are in yuan, and half of them at night: neither can be said here.
const wide = { contextTokens: 1_000_000, outputTokens: 384_000 }

/**
 * DeepSeek's models are named `deepseek-[v<version>-]<line>`. On its own platform a name moves on to the next snapshot,
 * so that it names a line and no one model; elsewhere it names open weights.
 */
export const describe = (model: string): ModelFacts | undefined => {
  const match = /^deepseek-(?:v\d+(?:\.\d+)*-?)?(.*)$/.exec(model)
  if (match === null) return undefined
  const line = lineOf(match[1] ?? "")
  const family = { maker: "deepseek", line }
  switch (line) {
    case "flash":
      return { family, input: ["text", "image"], ...wide }
    case "pro":
      return { family, input: ["text"], ...wide }
    default:
      return { family, input: ["text"] }
  }
}

const lineOf = (variant: string): string => {
  const line = /^(flash|pro|chat|reasoner|coder|r1)\b/.exec(variant)?.[1] ?? "chat"
  return line === "r1" ? "reasoner" : line
}
