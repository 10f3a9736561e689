/** What is known of a provider before anybody configures it: data, one file a provider. */
import type { Family } from "@holdfast/core/Candidate"
import type { Connections } from "@holdfast/core/ProviderRegistry"
import type * as Redacted from "effect/Redacted"
import type { Codec } from "./Codec.ts"

/** What a model's name tells of it, for the swap rule. */
export interface Identity {
  /** The model's name independent of its host. A date belongs to it: snapshots are different models. */
  readonly identity: string
  readonly family: Family
}

/** A provider. */
export interface ProviderDefinition {
  readonly id: string
  /** The wire formats it speaks; the first is its own choice. */
  readonly codecs: readonly [Codec, ...Array<Codec>]
  /** Absolute, without a slash at the end. */
  readonly baseUrl: string
  /** The environment variable that replaces it. */
  readonly baseUrlVariable?: string
  /** Environment variables that may hold the key, in order. None: the provider wants no key. */
  readonly keyVariables: ReadonlyArray<string>
  /** The headers that carry a key. */
  readonly authenticate: (key: Redacted.Redacted) => Readonly<Record<string, string | Redacted.Redacted>>
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>
  readonly connections: Connections
  /** What a model's name tells, where it tells anything. */
  readonly identify: (model: string) => Identity | undefined
}
