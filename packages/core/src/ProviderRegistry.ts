/**
 * Knows providers and models, and turns what an app asked for into a chain of candidates.
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Candidate } from "./Candidate.ts"
import type { InvalidInput } from "./InvalidInput.ts"

/** Where a call may go, in order; the first is the one that was asked for. */
export type Chain = Arr.NonEmptyReadonlyArray<Candidate>

/** How a provider's connections are kept by default. */
export interface Connections {
  /** How long an idle connection is kept, in milliseconds; below the provider's own limit. 0: none is kept. */
  readonly keepAliveMs: number
}

/** A provider, ready to be called. */
export interface Provider {
  readonly id: string
  /** Absolute, without a slash at the end. */
  readonly baseUrl: string
  /** Headers of every request, the credential among them. */
  readonly headers: Readonly<Record<string, string | Redacted.Redacted>>
  readonly connections: Connections
}

/** What an app asks for: a model and, in order, the models that may stand in for it. */
export interface Asked {
  readonly model: string
  readonly fallbacks?: ReadonlyArray<string>
}

/** Knows providers and models. */
export class ProviderRegistry extends Context.Service<
  ProviderRegistry,
  {
    /** The chain for what was asked. All that is wrong with it is reported at once. */
    readonly resolve: (asked: Asked) => Effect.Effect<Chain, InvalidInput>
    /** A provider by its id. */
    readonly provider: (id: string) => Effect.Effect<Provider, InvalidInput>
  }
>()("@holdfast/core/ProviderRegistry") {}
