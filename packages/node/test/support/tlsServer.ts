/** An HTTPS server in this process that answers every request, and remembers what its clients showed it. */
import * as Http2 from "node:http2"
import type { TlsOptions, TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { listening } from "./listener.ts"

/** What was seen of one handshake. */
export interface Seen {
  readonly servername: string | false | null | undefined
  readonly authorized: boolean
  readonly resumed: boolean
}

export interface TlsServer {
  readonly port: number
  readonly seen: ReadonlyArray<Seen>
}

/** Serves for the life of the scope. */
export const tlsServer = (
  options: Http2.SecureServerOptions & TlsOptions
): Effect.Effect<TlsServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const seen: Array<Seen> = []
    const server = Http2.createSecureServer({ allowHTTP1: true, ...options }, (_, response) => {
      response.setHeader("content-type", "application/json")
      response.end("{}")
    })
    server.on("secureConnection", (socket: TLSSocket & { readonly servername?: string | false | null }) => {
      socket.on("error", () => undefined)
      const { authorized, servername } = socket
      seen.push({ servername, authorized, resumed: socket.isSessionReused() })
    })
    server.on("sessionError", () => undefined)
    const { port } = yield* listening(server)
    return { port, seen }
  })
