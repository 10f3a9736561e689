/** What a request needs that goes through a proxy. */
import type { Attempt } from "../attempt.ts"
import type { Sent } from "../pool.ts"
import type { Proxy } from "./proxy.ts"
import { authorizationOf, forwards } from "./proxy.ts"

/**
 * Tells the attempt of its proxy. A request that is handed to the proxy names its whole URL (RFC 9112 section 3.2.2) and
 * says who we are; through a tunnel it goes as it is.
 */
export const route = (request: Sent, attempt: Attempt, proxy: Proxy | undefined): Sent => {
  if (proxy === undefined) return request
  const forwarded = forwards(proxy, request.origin.slice(0, request.origin.indexOf("/")))
  attempt.through(proxy, forwarded)
  if (!forwarded) return request
  const authorization = authorizationOf(proxy)
  return {
    ...request,
    path: request.origin + request.path,
    headers: authorization === undefined ? request.headers : [...request.headers, "proxy-authorization", authorization]
  }
}
