/** What is known of a provider before anybody configures it: data, one file a provider. */
import type { Family } from "@holdfast/core/Candidate"
import type { Connections } from "@holdfast/core/ProviderRegistry"
import type * as Redacted from "effect/Redacted"
import type { Codec } from "./Codec.ts"
import type { CompletionsDialect } from "./CompletionsDialect.ts"
import type { EmbeddingCodec } from "./EmbeddingCodec.ts"
import type { ErrorRule } from "./ErrorRule.ts"

/** What a model can be shown. */
export type Modality = "text" | "image" | "audio" | "video" | "pdf"

/** What a model's tokens cost. */
export interface Price {
  /** US dollars per million tokens. */
  readonly input: number
  readonly output: number
  /** Default: as `input`. */
  readonly cacheRead?: number
  readonly cacheWrite?: number
  /** What is kept in the cache for an hour, where that costs more. Default: as `cacheWrite`. */
  readonly cacheWriteHour?: number
  /** Where the figures stand, and when they were read there (`2026-11-20`). */
  readonly source: string
  readonly asOf: string
}

/** What is known of a model. What is absent is not known. */
export interface ModelFacts {
  /** The model's name independent of its host. A date belongs to it: snapshots are different models. */
  readonly identity?: string
  /** Maker and line, for the swap rule. */
  readonly family?: Family
  /** What it can be shown. Not known: everything is tried. */
  readonly input?: ReadonlyArray<Modality>
  /** Whether it thinks before it answers. */
  readonly reasons?: boolean
  /** The tokens that prompt and answer may have together. */
  readonly contextTokens?: number
  /** The trial feature that widens its context to a million tokens, where it is not as wide by itself. */
  readonly contextBeta?: string
  /** The tokens that an answer may have. */
  readonly outputTokens?: number
  readonly price?: Price
}

/** How a provider's keys look. */
export interface KeyFormat {
  /** How every one of them begins. */
  readonly prefix: string
  /** How it begins in words: `sk-ant-...`. */
  readonly example: string
}

/** What a provider lets a tier of customers do, for reference; what it answers with counts. */
export interface RateLimit {
  readonly tier: string
  readonly requestsPerMinute: number
  readonly tokensPerMinute?: number
  readonly source: string
}

/** A provider. */
export interface ProviderDefinition {
  readonly id: string
  /** Its name in words: `Anthropic`. */
  readonly name: string
  /** The wire formats it speaks; the first is its own choice. */
  readonly codecs: readonly [Codec, ...Array<Codec>]
  /** How it is asked for embeddings, where it has models for them. */
  readonly embeddings?: EmbeddingCodec
  /** Which of these formats it speaks over a WebSocket too, at the same path. Default: none. */
  readonly webSocket?: ReadonlyArray<string>
  /** Absolute, without a slash at the end. */
  readonly baseUrl: string
  /** The environment variable that replaces it. */
  readonly baseUrlVariable?: string
  /** The base URL that a setting means, where the provider's own tools read more spellings than a URL. */
  readonly baseUrlOf?: (text: string) => string
  /** Environment variables that may hold the key, in order. None: the provider wants no key. */
  readonly keyVariables: ReadonlyArray<string>
  /** How its keys look, where they look like nobody else's. */
  readonly keyFormat?: KeyFormat
  /** The headers that carry a key. */
  readonly authenticate: (key: Redacted.Redacted) => Readonly<Record<string, string | Redacted.Redacted>>
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>
  readonly connections: Connections
  /** What is known of a model by its name. */
  readonly describe: (model: string) => ModelFacts | undefined
  /** How it speaks `openai-completions` to a model, where that differs from OpenAI. */
  readonly dialect?: (model: string) => CompletionsDialect
  /** What its errors mean, besides what every speaker of its formats means by them. */
  readonly errors?: ReadonlyArray<ErrorRule>
  readonly rateLimits?: ReadonlyArray<RateLimit>
  /** Where it says whether it is up. */
  readonly statusPage?: string
  /** Where it lists its models, below the base URL. */
  readonly modelsPath?: string
}
