/**
 * How TLS is spoken with a provider.
 *
 * Every certificate is verified, name included, whatever `NODE_TLS_REJECT_UNAUTHORIZED` says: that variable has no say
 * here. Behind a proxy that intercepts TLS, `NODE_EXTRA_CA_CERTS` or {@link Options.ca} is what helps. All files are read
 * when the pool is made; a change of them shows with the next pool.
 */
import type * as Redacted from "effect/Redacted"

/** How TLS is spoken with a provider. */
export interface Options {
  /**
   * The authorities to trust instead of the system's, as PEM. The ones of `NODE_EXTRA_CA_CERTS` are trusted beside them,
   * as they are beside the system's where none are given here.
   */
  readonly ca?: string
  /** A file that holds {@link Options.ca}. */
  readonly caFile?: string
  /** Who we are: a certificate, and the ones between it and its authority after it, as PEM. It needs a key. */
  readonly cert?: string
  /** A file that holds {@link Options.cert}. */
  readonly certFile?: string
  /** The key of the certificate, as PEM. */
  readonly key?: Redacted.Redacted
  /** A file that holds {@link Options.key}. */
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
