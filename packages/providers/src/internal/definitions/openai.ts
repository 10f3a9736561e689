/** OpenAI. */
import { bearer } from "../authenticate.ts"
import * as OpenAiCompletions from "../../OpenAiCompletions.ts"
import type { Identity, ProviderDefinition } from "../../ProviderDefinition.ts"

/** GPT models are named `gpt-<version>[-<line>][-<date>]`, reasoning models `o<version>[-<line>]`. */
export const identify = (model: string): Identity | undefined => {
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
  codecs: [OpenAiCompletions.codec],
  baseUrl: "https://api.openai.com/v1",
  baseUrlVariable: "OPENAI_BASE_URL",
  keyVariables: ["OPENAI_API_KEY"],
  authenticate: bearer,
  headers: {},
  // Below the 60 s after which common load balancers close idle connections.
  connections: { keepAliveMs: 50_000 },
  identify
}
