/**
 * How TLS is spoken with a provider.
 *
 * Every certificate is verified, name included, whatever `NODE_TLS_REJECT_UNAUTHORIZED` says: that variable has no say
 * here. Behind a proxy that intercepts TLS, `NODE_EXTRA_CA_CERTS` or `ca` is what helps: the authorities of that variable
 * are trusted beside those in `ca`, and beside the system's where none are given. All files are read when the pool is
 * made; a change of them shows with the next pool.
 */
import type { TlsSettings } from "@holdfast/core/ProviderRegistry"

/** How TLS is spoken with a provider. */
export type Options = TlsSettings
