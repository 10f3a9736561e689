/** What is known of OpenAI's models. */
import type { ModelFacts, Price } from "../../ProviderDefinition.ts"

/**
 * GPT models are named `gpt-<version>[-<line>][-<date>]`, reasoning models `o<version>[-<line>]`.
 *
 * Windows, modalities and which of them reason stand in developers.openai.com/api/docs/models, read in November 2026.
 */
export const describe = (model: string): ModelFacts | undefined => {
  const undated = model.replace(/-\d{4}-\d{2}-\d{2}$/, "")
  const match = /^(gpt|o)-?([0-9][0-9a-z.]*)(?:-([a-z]+(?:-[a-z]+)*))?$/.exec(undated)
  if (match === null) return undefined
  const [, series = "", version = "", variant] = match
  const price = prices[undated]
  return {
    identity: model,
    family: { maker: "openai", line: variant === undefined ? series : `${series}-${variant}` },
    ...capabilities(series, version, variant),
    ...(price === undefined ? undefined : { price })
  }
}

const sight = ["text", "image", "pdf"] as const

const capabilities = (series: string, version: string, variant: string | undefined): Omit<ModelFacts, "identity"> => {
  // Models for audio, pictures, search and the like share the names, and little else.
  if (variant !== undefined && !lines.has(variant)) return {}
  if (series === "o") {
    const isEarly =
      (version === "1" && variant !== "pro" && variant !== undefined) || (version === "3" && variant === "mini")
    return isEarly
      ? { reasons: true, input: ["text"] }
      : { reasons: true, input: sight, contextTokens: 200_000, outputTokens: 100_000 }
  }
  const number = Number.parseFloat(version)
  if (number >= 5) {
    // What ChatGPT uses answers at once.
    if (variant?.startsWith("chat") === true) return { reasons: false, input: sight, contextTokens: 128_000 }
    const isWide = number >= 5.4 && variant !== "mini" && variant !== "nano"
    return { reasons: true, input: sight, contextTokens: isWide ? 1_050_000 : 400_000, outputTokens: 128_000 }
  }
  if (version === "4.1") return { reasons: false, input: sight, contextTokens: 1_047_576, outputTokens: 32_768 }
  if (version === "4o") return { reasons: false, input: sight, contextTokens: 128_000, outputTokens: 16_384 }
  return { reasons: false }
}

const lines = new Set([
  "mini",
  "nano",
  "pro",
  "codex",
  "codex-mini",
  "codex-max",
  "chat-latest",
  "preview",
  "turbo",
  "astra",
  "sol",
  "terra",
  "luna"
])

const at = (asOf: string, price: Pick<Price, "input" | "output" | "cacheRead" | "cacheWrite">): Price => ({
  ...price,
  source: "https://developers.openai.com/api/docs/pricing",
  asOf
})

/** Standard processing; prompts of more than 272,000 tokens cost more with the newer ones. */
const prices: Readonly<Record<string, Price>> = {
  "gpt-6-astra": at("2026-09-04", { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 }),
  "gpt-6-sol": at("2026-10-01", { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 }),
  "gpt-6-luna": at("2026-10-01", { input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite: 0.125 }),
  "gpt-5.6-terra": at("2026-07-30", { input: 2, output: 12, cacheRead: 0.2 }),
  "gpt-5.6-luna": at("2026-07-30", { input: 0.2, output: 1.2, cacheRead: 0.02 }),
  "gpt-5.5": at("2026-05-04", { input: 5, output: 30, cacheRead: 0.5 }),
  "gpt-5.5-pro": at("2026-05-04", { input: 30, output: 180 }),
  "gpt-5.4": at("2026-05-04", { input: 2.5, output: 15, cacheRead: 0.25 }),
  "gpt-5.4-mini": at("2026-05-04", { input: 0.75, output: 4.5, cacheRead: 0.075 }),
  "gpt-5.4-nano": at("2026-05-04", { input: 0.2, output: 1.25, cacheRead: 0.02 })
}
