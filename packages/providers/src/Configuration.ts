/**
 * What an operator wrote of models, agents, providers, credentials and policy, checked and with one shape, whichever
 * shape it was written in.
 */
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Problem } from "@holdfast/core/InvalidInput"
import type { ModelSettings } from "@holdfast/core/ProviderRegistry"
import type { TimeLimits } from "@holdfast/core/TimeLimits"
import type * as Redacted from "effect/Redacted"
import type { ModelFacts } from "./ProviderDefinition.ts"
import type { ProviderOptions } from "./Providers.ts"

/** What is said of one model. */
export interface ModelConfiguration extends Partial<ModelSettings> {
  readonly alias?: string
  /** What it is known to be, in place of what the table knows. */
  readonly facts?: ModelFacts
}

/** A model and, in order, those that may stand in for it; as written: aliases and bare names are not resolved. */
export interface AgentConfiguration {
  readonly primary: string
  readonly fallbacks: ReadonlyArray<string>
}

/** Where a key is taken from. `variable`: the environment, through `Config`. */
export type KeySource =
  | { readonly _tag: "Value"; readonly value: Redacted.Redacted }
  | { readonly _tag: "Variable"; readonly name: string }
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Command"; readonly command: string; readonly args: ReadonlyArray<string> }

/** A credential of a provider. */
export interface CredentialConfiguration {
  /** Its name, which candidates carry: `work` of `anthropic:work`. */
  readonly name: string
  readonly provider: string
  readonly mode: "api-key" | "token" | "oauth"
  /** Absent: the provider's own variables. */
  readonly key?: KeySource
  /** Where it stands, for errors. */
  readonly place: string
}

/** What an operator wrote. */
export interface Configuration {
  /** By `"provider/model"`. */
  readonly models: Readonly<Record<string, ModelConfiguration>>
  /** By id; `default` is whom a call without a model asks. */
  readonly agents: Readonly<Record<string, AgentConfiguration>>
  /** The models that may be asked: `"provider/model"`, `"provider/*"`, or an alias. Absent: all. */
  readonly allow?: ReadonlyArray<string>
  readonly providers: Readonly<Record<string, ProviderOptions>>
  /** In the order in which they are tried. */
  readonly credentials: ReadonlyArray<CredentialConfiguration>
  readonly policy: FailoverPolicy.Overrides
  /** Time limits of every provider's calls, which a provider's own replace. */
  readonly limits?: TimeLimits
  /** The least time between the beginnings of two attempts at one provider, in milliseconds. */
  readonly minIntervalMs?: number
  /** What was not understood, and is reported. */
  readonly unknown: ReadonlyArray<Problem>
}

/** Nothing written: keys come from the environment, and the defaults hold. */
export const empty: Configuration = { models: {}, agents: {}, providers: {}, credentials: [], policy: {}, unknown: [] }
