/**
 * Through which proxy the connections of a provider go.
 *
 * An `https:` provider is reached through a tunnel: CONNECT at an HTTP proxy, or SOCKS5. TLS is then spoken with the
 * provider itself, so the proxy sees its name and nothing else. A plain `http:` provider is reached through a SOCKS5
 * tunnel too, but an HTTP proxy is handed each request to pass on, as curl does: many proxies allow CONNECT to port 443
 * alone. The provider's name goes to the proxy and is never looked up here.
 */
import type { ProxyServer } from "@holdfast/core/ProviderRegistry"
import type * as Tls from "./Tls.ts"

/**
 * Through which proxy a provider is reached.
 *
 * - `"env"`: what the environment says, as curl reads it when the pool is made: `https_proxy` or `HTTPS_PROXY` for
 *   `https:` providers; `http_proxy` or `HTTP_PROXY` for `http:` ones, the latter unless `REQUEST_METHOD` is set (to programs
 *   that a web server runs for a request, it hands the request's `Proxy` header as `HTTP_PROXY`; curl never reads it);
 *   `all_proxy` or `ALL_PROXY` for those without. Not where `no_proxy` or
 *   `NO_PROXY` names the host: `*` alone names every host, a domain names itself and all below it with or without a dot
 *   before it, an address itself, and `10.0.0.0/8` or `fd00::/8` all addresses in it. Ports are not understood there. The
 *   environment is what the `ConfigProvider` holds, the process's own unless another is provided.
 * - `false`: none, whatever the environment says.
 * - a URL or {@link Options}: this one, whatever the environment says, `NO_PROXY` included.
 */
export type Proxy = "env" | false | string | Options

/** One proxy. */
export interface Options extends ProxyServer {
  /**
   * How TLS is spoken with an `https://` proxy, whose certificate is always verified; TLS with the provider is its own.
   */
  readonly tls?: Omit<Tls.Options, "dangerouslyAcceptAnyCertificate">
}
