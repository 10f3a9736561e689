/**
 * A server-side socket, plain or TLS, and the three ways in which it can be closed.
 */
import type * as Net from "node:net"
import * as Tls from "node:tls"
import type { CloseHow } from "../FaultScript.ts"

/** `stream` carries the application's bytes; `raw` is the TCP socket below it, the same one where there is no TLS. */
export interface Socket {
  readonly raw: Net.Socket
  readonly stream: Net.Socket
}

/** A plain socket. */
export const plain = (raw: Net.Socket): Socket => ({ raw, stream: raw })

/** The server side of a TLS connection over an accepted socket. */
export const secure = (raw: Net.Socket, secureContext: Tls.SecureContext): Socket => ({
  raw,
  stream: new Tls.TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] })
})

/** Closes a socket; `done` runs once the FIN or RST has been handed to the kernel. */
export const close = ({ raw, stream }: Socket, how: CloseHow, done: () => void): void => {
  if (stream.destroyed) return done()
  switch (how) {
    case "fin":
      stream.once("close", done)
      stream.destroySoon()
      return
    case "half-fin":
      stream.end(done)
      return
    case "reset":
      stream.once("close", done)
      // Node refuses to reset through the TLS wrapper: only the TCP handle below it can.
      raw.resetAndDestroy()
  }
}
