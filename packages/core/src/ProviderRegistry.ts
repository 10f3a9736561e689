/**
 * Knows providers and models, and turns what an app asked for into a chain of candidates.
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type { Candidate } from "./Candidate.ts"
import type { InvalidInput, Problem } from "./InvalidInput.ts"
import type { ReadRateLimits } from "./RateLimits.ts"
import type { TimeLimits } from "./TimeLimits.ts"

/** Where a call may go, in order; the first is the one that was asked for. */
export type Chain = Arr.NonEmptyReadonlyArray<Candidate>

/** The proxy that a provider is reached through: as the environment says, none, or this one. */
export type ProxySettings = "env" | false | string | ProxyServer

/** One proxy. */
export interface ProxyServer {
  /**
   * `http://`, `https://`, `socks5://` or `socks5h://` (the same: names are the proxy's to resolve), with host and port;
   * without a scheme, `http://`. Without a port, 443 for `https://` and 1080 for the others, as curl has it. It may hold
   * `user:password@`, percent-encoded.
   */
  readonly url: string
  /** In place of a user in the URL. */
  readonly username?: string
  readonly password?: Redacted.Redacted
}

/** How TLS is spoken with a provider. */
export interface TlsSettings {
  /** The authorities to trust instead of the system's, as PEM. */
  readonly ca?: string
  /** A file that holds {@link TlsSettings.ca}. */
  readonly caFile?: string
  /** Who we are: a certificate, and the ones between it and its authority after it, as PEM. It needs a key. */
  readonly cert?: string
  /** A file that holds {@link TlsSettings.cert}. */
  readonly certFile?: string
  /** The key of the certificate, as PEM. */
  readonly key?: Redacted.Redacted
  /** A file that holds {@link TlsSettings.key}. */
  readonly keyFile?: string
  /** What the key is encrypted with. */
  readonly passphrase?: Redacted.Redacted
  /**
   * The host name to ask for (SNI, RFC 6066 section 3) and that the certificate must be for, instead of the URL's; for a
   * provider that is reached by address or under another name.
   */
  readonly serverName?: string
  /**
   * Takes whatever certificate the peer shows. Whoever is in between then reads and changes everything, keys included.
   * Nothing else switches verification off, and each connection made so publishes `ConnectionUnverified`.
   */
  readonly dangerouslyAcceptAnyCertificate?: true
}

/** How a provider's connections are made and kept. */
export interface Connections {
  /** How long an idle connection is kept, in milliseconds; below the provider's own limit. 0: none is kept. */
  readonly keepAliveMs: number
  /** Whether HTTP/2 is offered. Default: it is not. */
  readonly http2?: boolean
  /** Default: as the environment says. */
  readonly proxy?: ProxySettings
  readonly tls?: TlsSettings
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
  /** The least time between the beginnings of two attempts at it with this credential, in milliseconds. */
  readonly minIntervalMs?: number
  /** The requests that it takes in a minute from this credential. */
  readonly requestsPerMinute?: number
  /** The tokens that it takes in a minute from this credential, as `RateLimits.tokensOf` estimates those of a request. */
  readonly tokensPerMinute?: number
  /** What its answers say of its rate limits, so that no attempt is made where they say that nothing is left. */
  readonly readRateLimits?: ReadRateLimits
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
  /** What is wrong with the keys of the candidates that were left out of the chain for it. */
  readonly leftOut?: ReadonlyArray<Problem>
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
    /**
     * Reads the credential of a provider again, where it was taken from: the environment, a file, a command. Whether it is
     * another now; `provider` gives it from then on.
     */
    readonly reread?: (id: string, credential?: string) => Effect.Effect<boolean, InvalidInput>
    /** Says that providers may be called otherwise from now on. */
    readonly changes?: Stream.Stream<void>
  }
>()("@holdfast/core/ProviderRegistry") {}
