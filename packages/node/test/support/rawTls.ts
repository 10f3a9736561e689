/** A TLS server in this process that does what it is told with each socket, and knows which protocols it was offered. */
import * as Tls from "node:tls"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { listening } from "./listener.ts"
import { localCertificate } from "./localCertificate.ts"

export interface RawTls {
  readonly origin: string
  readonly ca: string
  readonly sockets: ReadonlyArray<Tls.TLSSocket>
  /** By connection. */
  readonly offered: ReadonlyArray<ReadonlyArray<string>>
}

/** Serves for the life of the scope; without protocols it ignores what it is offered. */
export const rawTls = (
  protocols: ReadonlyArray<string> | undefined,
  onSocket: (socket: Tls.TLSSocket) => void
): Effect.Effect<RawTls, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { cert, key } = yield* Effect.promise(localCertificate)
    const sockets: Array<Tls.TLSSocket> = []
    const offered: Array<ReadonlyArray<string>> = []
    const choose = ({ protocols: offer }: { readonly protocols: ReadonlyArray<string> }) => {
      offered.push(offer)
      return offer.find((protocol) => protocols?.includes(protocol))
    }
    const server = Tls.createServer(
      { cert, key, ...(protocols === undefined ? undefined : { ALPNCallback: choose }) },
      (socket) => {
        socket.on("error", () => undefined)
        sockets.push(socket)
        onSocket(socket)
      }
    )
    const { port } = yield* listening(server)
    return { origin: `https://localhost:${port}`, ca: cert, sockets, offered }
  })
