/** Ollama. */
import { bearer } from "../internal/authenticate.ts"
import { ollama as embeddings } from "../internal/embeddings/ollama.ts"
import { ollamaErrors } from "../internal/errors/ollama.ts"
import { baseUrlOf } from "../internal/ollama/host.ts"
import * as Ollama from "../Ollama.ts"
import * as OpenAiCompletions from "../OpenAiCompletions.ts"
import type { Modality, ModelFacts, ProviderDefinition } from "../ProviderDefinition.ts"

/** Who made the models that are named so, and their line (ollama.com/library). The first that fits. */
const families: ReadonlyArray<readonly [name: RegExp, maker: string, line: string]> = [
  [/^codellama/, "meta", "codellama"],
  [/^llama-guard/, "meta", "llama-guard"],
  [/^llama/, "meta", "llama"],
  [/^deepseek-r1/, "deepseek", "deepseek-r1"],
  [/^deepseek-coder/, "deepseek", "deepseek-coder"],
  [/^deepseek-v/, "deepseek", "deepseek-v"],
  [/^qwq/, "alibaba", "qwq"],
  [/^qwen[\d.]*-?vl/, "alibaba", "qwen-vl"],
  [/^(qwen[\d.]*-coder|codeqwen)/, "alibaba", "qwen-coder"],
  [/^qwen[\d.]*-embedding/, "alibaba", "qwen-embedding"],
  [/^qwen/, "alibaba", "qwen"],
  [/^codegemma/, "google", "codegemma"],
  [/^embeddinggemma/, "google", "embeddinggemma"],
  [/^gemma/, "google", "gemma"],
  [/^mixtral/, "mistral", "mixtral"],
  [/^(codestral|devstral|magistral)/, "mistral", "$1"],
  [/^mistral-(small|large|nemo)/, "mistral", "mistral-$1"],
  [/^mistral/, "mistral", "mistral"],
  [/^gpt-oss/, "openai", "gpt-oss"],
  [/^phi/, "microsoft", "phi"],
  [/^command-r/, "cohere", "command-r"],
  [/^granite/, "ibm", "granite"],
  [/^glm/, "zai", "glm"],
  [/^kimi/, "moonshot", "kimi"],
  [/^nomic-embed/, "nomic", "nomic-embed"],
  [/^mxbai-embed/, "mixedbread", "mxbai-embed"]
]

// Those that the library marks "vision" in every size.
const seeing = /^(llava|bakllava|llama3\.2-vision|llama4|qwen[\d.]*-?vl|minicpm-v|moondream|mistral-small3\.[12])/

const seen: ReadonlyArray<Modality> = ["text", "image"]

/**
 * Models are named `[<namespace>/]<name>[:<tag>]`. A name without a tag is whatever `latest` was when it was pulled, so
 * that only a name with one says which model it is; how far a context reaches is set where the model runs.
 */
export const describe = (model: string): ModelFacts | undefined => {
  const [, name = "", tag] = /^(?:[^/:]+\/)?([^/:]+)(?::([^/:]+))?$/.exec(model) ?? []
  const family = familyOf(name)
  const sees = seeing.test(name)
  if (family === undefined && !sees) return undefined
  return {
    ...(family === undefined ? undefined : { family }),
    ...(tag === undefined || tag === "latest" ? undefined : { identity: `ollama/${model}` }),
    ...(sees ? { input: seen } : undefined)
  }
}

const familyOf = (name: string): ModelFacts["family"] => {
  for (const [pattern, maker, line] of families) {
    const match = pattern.exec(name)
    if (match !== null) return { maker, line: line.replace("$1", match[1] ?? "") }
  }
  return undefined
}

/**
 * Ollama, which serves both of its formats below one address. It wants no key; where one is set, for a server behind a
 * gateway or for ollama.com, it is sent.
 */
export const ollama: ProviderDefinition = {
  id: "ollama",
  name: "Ollama",
  codecs: [Ollama.codec, { ...OpenAiCompletions.codec, path: "/v1/chat/completions" }],
  embeddings,
  baseUrl: "http://localhost:11434",
  baseUrlVariable: "OLLAMA_HOST",
  baseUrlOf,
  keyVariables: [],
  authenticate: bearer,
  headers: {},
  // The server itself closes no idle connection: Go's `http.Server` without limits (github.com/ollama/ollama,
  // server/routes.go; pkg.go.dev/net/http, "Server.IdleTimeout"). Below 75 s, the default `keepalive_timeout` of nginx,
  // which is what stands in front of one.
  connections: { keepAliveMs: 60_000 },
  describe,
  modelsPath: "/api/tags",
  errors: ollamaErrors
}
