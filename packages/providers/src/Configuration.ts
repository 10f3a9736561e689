/**
 * What an operator wrote of models, agents, providers, credentials and policy, checked and with one shape, whichever
 * shape it was written in.
 */
import type * as FailoverPolicy from "@holdfast/core/FailoverPolicy"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as ProviderHealth from "@holdfast/core/ProviderHealth"
import type { ModelSettings, ProxySettings, TlsSettings } from "@holdfast/core/ProviderRegistry"
import type * as RetryBudget from "@holdfast/core/RetryBudget"
import type { TimeLimits } from "@holdfast/core/TimeLimits"
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { read as readShape } from "./internal/configuration/decode.ts"
import type { ModelFacts } from "./ProviderDefinition.ts"

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
  /** Where its parts stand, for errors. Default: `agents.<id>.primary` and `agents.<id>.fallbacks[0]` and so on. */
  readonly places?: { readonly primary: string; readonly fallbacks: ReadonlyArray<string> }
}

/** Where a key is taken from. `variable`: the environment, through `Config`. */
export type KeySource =
  | { readonly _tag: "Value"; readonly value: Redacted.Redacted }
  | { readonly _tag: "Variable"; readonly name: string }
  | { readonly _tag: "File"; readonly path: string }
  | { readonly _tag: "Command"; readonly command: string; readonly args: ReadonlyArray<string> }

/** What is set for a provider that is known, or said of one that is not. */
export interface ProviderOptions {
  /**
   * Replaces the provider's base URL. Default: `ANTHROPIC_BASE_URL` or `OPENAI_BASE_URL`, as the vendors' SDKs read them,
   * else the provider's own. A provider that is not known needs one.
   */
  readonly baseUrl?: string
  /** The wire format spoken there; a provider that is not known needs one, such as `openai-completions`. */
  readonly api?: string
  /** The key. Default: the provider's environment variable, read through `Config`. */
  readonly apiKey?: Redacted.Redacted
  /** Where the key is taken from, in place of `apiKey`. */
  readonly keySource?: KeySource
  /** Headers of every request, besides the provider's own. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>>
  /** How long an idle connection is kept; `false`: none is used twice. */
  readonly keepAlive?: Duration.Input | false
  /** Whether HTTP/2 is offered. */
  readonly http2?: boolean
  /** The proxy that it is reached through. Default: as the environment says. */
  readonly proxy?: ProxySettings
  /** How TLS is spoken with it. */
  readonly tls?: TlsSettings
  /** Time limits of its calls, which a call's own replace. */
  readonly limits?: TimeLimits
  /** The least time between the beginnings of two attempts at it. */
  readonly minInterval?: Duration.Input
  /** What it takes in a minute from one credential. Default: what its answers say. */
  readonly rateLimits?: RateLimits
}

/** What a provider takes in a minute from one credential. Attempts beyond it wait. */
export interface RateLimits {
  readonly requestsPerMinute?: number
  /** Estimated before a request is sent: one for every four characters of its body; what the answer holds is not counted. */
  readonly tokensPerMinute?: number
}

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
  /** Numbers of cooldowns and circuits. `false`: nobody cools down. */
  readonly health?: ProviderHealth.Options | false
  /** Numbers of the retry budgets. `false`: retries have none. */
  readonly budget?: RetryBudget.Options | false
  /** Time limits of every provider's calls, which a provider's own replace. */
  readonly limits?: TimeLimits
  /** The least time between the beginnings of two attempts at one provider, in milliseconds. */
  readonly minIntervalMs?: number
  /** The proxy of every provider that names none. */
  readonly proxy?: ProxySettings
  /** What was not understood, and is reported. */
  readonly unknown: ReadonlyArray<Problem>
}

export { empty } from "./internal/configuration/empty.ts"

/** What was written: as much of it as can be read, and all that is wrong with the rest. */
export interface Read {
  readonly configuration: Configuration
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Reads what an operator wrote, in whichever shape: `holdfast.json5`'s own, or either of OpenClaw's. In code, the same
 * object may hold keys as `Redacted` and durations as `Duration`.
 *
 * Every problem has its place. Nothing that may be a key is repeated. What is left of a configuration with problems is
 * there to find those that show only where names are followed; it is not meant to be used.
 *
 * @param value what the file's JSON5 holds
 * @param place the file's path, or the name of an option
 */
export const read = (value: unknown, place: string): Read => readShape(value, place)

/** {@link read}, which fails with all that is wrong. */
export const decode = (value: unknown, place: string): Result.Result<Configuration, InvalidInput> => {
  const { configuration, problems } = read(value, place)
  return Arr.isReadonlyArrayNonEmpty(problems)
    ? Result.fail(new InvalidInput({ problems }))
    : Result.succeed(configuration)
}
