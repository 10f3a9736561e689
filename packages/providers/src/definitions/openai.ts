/** OpenAI. */
import { bearer } from "../internal/authenticate.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"

/** GPT models are named `gpt-<version>[-<line>][-<date>]`, reasoning models `o<version>[-<line>]`. */
export const describe = (model: string): ModelFacts | undefined => {
  const undated = model.replace(/-\d{4}-\d{2}-\d{2}$/, "")
  const match = /^(gpt|o)-?[0-9][0-9a-z.]*(?:-([a-z]+(?:-[a-z]+)*))?$/.exec(undated)
  if (match === null) return undefined
  const [, series = "", variant] = match
  return {
    identity: model,
    family: { maker: "openai", line: variant === undefined ? series : `${series}-${variant}` }
  }
}

/** OpenAI. */
export const openai: ProviderDefinition = {
  id: "openai",
  name: "OpenAI",
  codecs: [OpenAiCompletions.codec],
  baseUrl: "https://api.openai.com/v1",
  baseUrlVariable: "OPENAI_BASE_URL",
  keyVariables: ["OPENAI_API_KEY"],
  authenticate: bearer,
  headers: {},
  // The provider names no limit of its own. Below 60 s, the default idle timeout of Elastic Load Balancing (AWS, "Edit
  // attributes for your Application Load Balancer"), the shortest that is likely in front of one.
  connections: { keepAliveMs: 50_000 },
  describe
}
