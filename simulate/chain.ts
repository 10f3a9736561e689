/** Who is asked: three providers, two of which host the model that the agents want. */
import type * as Candidate from "@holdfast/core/Candidate"
import type { Chain } from "@holdfast/core/ProviderRegistry"

const opus: Candidate.Candidate = {
  provider: "anthropic",
  model: "claude-opus-4-7",
  endpoint: "api.anthropic.com:443",
  family: { maker: "anthropic", line: "claude-opus" },
  identity: "claude-opus-4-7"
}

/** The primary, the same model at another host, and a model of another maker. */
export const chain: Chain = [
  opus,
  {
    ...opus,
    provider: "bedrock",
    model: "anthropic.claude-opus-4-7-v1",
    endpoint: "bedrock-runtime.eu-central-1.amazonaws.com:443"
  },
  {
    provider: "openai",
    model: "gpt-5.5",
    endpoint: "api.openai.com:443",
    family: { maker: "openai", line: "gpt" },
    identity: "gpt-5.5"
  }
]
