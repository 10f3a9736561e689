/** Anthropic. */
import * as AnthropicMessages from "../AnthropicMessages.ts"
import type { ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"

/** Claude models are named `claude-<line>-<version>[-<date>]`, older ones `claude-<version>-<line>-<date>`. */
export const describe = (model: string): ModelFacts | undefined => {
  const line = /^claude-.*\b(opus|sonnet|haiku|instant)\b/.exec(model)?.[1]
  if (line === undefined) return undefined
  return { identity: model, family: { maker: "anthropic", line } }
}

/** Anthropic. */
export const anthropic: ProviderDefinition = {
  id: "anthropic",
  name: "Anthropic",
  codecs: [AnthropicMessages.codec],
  baseUrl: "https://api.anthropic.com",
  baseUrlVariable: "ANTHROPIC_BASE_URL",
  keyVariables: ["ANTHROPIC_API_KEY"],
  authenticate: (key) => ({ "x-api-key": key }),
  headers: { "anthropic-version": "2023-06-01" },
  // The provider names no limit of its own. Below 60 s, the default idle timeout of Elastic Load Balancing (AWS, "Edit
  // attributes for your Application Load Balancer"), the shortest that is likely in front of one.
  connections: { keepAliveMs: 50_000 },
  describe
}
