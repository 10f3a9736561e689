/** Asks an HTTP proxy for a tunnel: CONNECT (RFC 9110 section 9.3.6). */
import * as Http from "node:http"
import type * as Net from "node:net"
import type { Refusal } from "./failure.ts"
import { refusalOf } from "./failure.ts"
import type { Proxy } from "./proxy.ts"
import { authorizationOf } from "./proxy.ts"

// Node's default, whatever the process was started with. Of a refusal only the status is wanted.
const maxHeaderSize = 16 * 1024

/** Asks on a socket of the proxy's; ends with nothing once the socket leads to the target. */
export const askConnect = (
  socket: Net.Socket,
  target: string,
  proxy: Proxy,
  done: (refusal: Refusal | undefined) => void
): void => {
  const authorization = authorizationOf(proxy)
  const request = Http.request({
    method: "CONNECT",
    path: target,
    createConnection: () => socket,
    setHost: false,
    maxHeaderSize,
    headers: {
      host: target,
      connection: "keep-alive",
      ...(authorization === undefined ? undefined : { "proxy-authorization": authorization })
    }
  })
  request.on("error", (error) => done(refusalOf(error)))
  request.once("connect", ({ statusCode = 0 }, _, head) => {
    if (statusCode < 200 || statusCode > 299) return done({ code: "PROXY_REFUSED", status: statusCode })
    if (head.length > 0) socket.unshift(head)
    done(undefined)
  })
  request.end()
}
