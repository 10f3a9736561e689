/**
 * Knows providers and models, and turns what an app asked for into a chain of candidates.
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Candidate } from "./Candidate.ts"
import type { InvalidInput } from "./InvalidInput.ts"
import type { TimeLimits } from "./TimeLimits.ts"

/** Where a call may go, in order; the first is the one that was asked for. */
export type Chain = Arr.NonEmptyReadonlyArray<Candidate>

/** How a provider's connections are kept by default. */
export interface Connections {
  /** How long an idle connection is kept, in milliseconds; below the provider's own limit. 0: none is kept. */
  readonly keepAliveMs: number
}

/** A provider with one of its credentials, ready to be called. */
export interface Provider {
  readonly id: string
  /** Absolute, without a slash at the end. */
  readonly baseUrl: string
  /** Headers of every request, the credential among them. */
  readonly headers: Readonly<Record<string, string | Redacted.Redacted>>
  readonly connections: Connections
  /** Time limits of its calls, which a call's own replace. */
  readonly limits?: TimeLimits
}

/** What an app asks for: a model and, in order, the models that may stand in for it. */
export interface Asked {
  /**
   * An agent's id, an alias, `"provider/model"`, or the bare name of a model that one provider has. Absent: the default
   * agent's model.
   */
  readonly model?: string
  /** The models that may stand in, in order, in place of those configured. */
  readonly fallbacks?: ReadonlyArray<string>
  /** The agent whose fallbacks, and whose primary last, stand behind `model`. */
  readonly agent?: string
}

/** What was asked, resolved. */
export interface Resolution {
  readonly chain: Chain
  /** How often a candidate was named again, and dropped. */
  readonly suppressedDuplicates: number
  /** Whether one model was picked explicitly, so that no other may stand in. */
  readonly strict: boolean
  /** The agent whose chain it is. */
  readonly agent?: string
}

/** How long a provider keeps what it has read of a prompt, where it can be told to. */
export type CacheRetention = "none" | "short" | "long"

/** What configuration says of one model's calls. */
export interface ModelSettings {
  /** Fields of the provider's own request, `max_tokens` for one. */
  readonly params: Readonly<Record<string, unknown>>
  readonly cacheRetention?: CacheRetention
  /** Whether the model's context of a million tokens is asked for, where it has to be. */
  readonly context1m?: boolean
  /** How a stream is to be transported. */
  readonly transport?: "auto" | "sse" | "websocket"
}

/** Knows providers and models. */
export class ProviderRegistry extends Context.Service<
  ProviderRegistry,
  {
    /** The chain for what was asked. All that is wrong with it is reported at once. */
    readonly resolve: (asked: Asked) => Effect.Effect<Resolution, InvalidInput>
    /** A provider by its id, with one of its credentials, or the first. */
    readonly provider: (id: string, credential?: string) => Effect.Effect<Provider, InvalidInput>
    /** What configuration says of a candidate's calls. */
    readonly settings: (candidate: Candidate) => ModelSettings
  }
>()("@holdfast/core/ProviderRegistry") {}
