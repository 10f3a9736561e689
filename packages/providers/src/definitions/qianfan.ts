/** Qianfan. */
import { bearer } from "../internal/authenticate.ts"
import type { CompletionsDialect } from "../CompletionsDialect.ts"
import { describeHosted } from "../internal/models/hosted.ts"
import { describe as describeErnie } from "../internal/models/ernie.ts"
import { qianfan as embeddings } from "../internal/embeddings/openai.ts"
import { qianfanErrors } from "../internal/errors/qianfan.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"

/** It hosts other makers' models under their plain names. */
const describe = (model: string): ModelFacts | undefined => {
  if (model.startsWith("ernie-")) return describeErnie(model)
  const maker = makers.find(([start]) => model.startsWith(start))?.[1]
  return maker === undefined ? undefined : describeHosted(`${maker}/${model}`)
}

const makers = [
  ["deepseek-", "deepseek"],
  ["kimi-", "moonshotai"],
  ["glm-", "z-ai"]
] as const

/** Instructions stand first, and the roles alternate (cloud.baidu.com/doc/qianfan-api, "Text generation", `messages`). */
const dialect = (): CompletionsDialect => ({
  alternates: true,
  structuredOutput: "json_object",
  carries: { image: "either" },
  strictTools: false
})

/** Qianfan. */
export const qianfan: ProviderDefinition = {
  id: "qianfan",
  name: "Qianfan",
  codecs: [OpenAiCompletions.codec],
  embeddings,
  baseUrl: "https://qianfan.baidubce.com/v2",
  keyVariables: ["QIANFAN_API_KEY", "QIANFAN_BEARER_TOKEN"],
  keyFormat: { prefix: "bce-v3/", example: "bce-v3/ALTAK-..." },
  authenticate: bearer,
  headers: {},
  // Nothing is known of the server, so undici's own caution holds.
  connections: { keepAliveMs: 4000 },
  describe,
  dialect,
  modelsPath: "/models",
  errors: qianfanErrors
}
