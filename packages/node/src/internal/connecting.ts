/** The making of one connection, phase by phase. */
import type * as Evidence from "@holdfast/core/Evidence"
import * as Net from "node:net"
import { TLSSocket } from "node:tls"
import type { buildConnector } from "undici"
import type { Made } from "./connection.ts"
import { hostAndPort } from "./proxy/proxy.ts"

/** How a connection is made: undici's connector, or one of our own over it. */
export type Connector = buildConnector.connector

/** A connector that tells how far it is; one that does not is such a connector too. */
export type TellingConnector = (
  options: buildConnector.Options,
  callback: buildConnector.Callback,
  connecting: Connecting
) => void

/** An address that gave no connection, as `address:port`, and why; `ETIMEDOUT` where it gave no answer in its time. */
export interface Tried {
  readonly address: string
  readonly code: string
}

/** A connection in the making. */
export class Connecting {
  phase: Extract<Evidence.Phase, "resolving" | "connecting" | "proxying" | "securing"> = "resolving"
  /** The proxy on the way, for people. */
  proxy: string | undefined
  /** The error it was given up with. */
  abandoned: Error | undefined
  /** How long it may take, in milliseconds, where somebody waits for it who says so. */
  limitMs: number | undefined
  /** The certificate that the peer showed in the handshake, accepted or not, in DER. */
  certificate: Buffer | undefined
  private readonly now: () => number
  private secure: boolean
  private readonly startedAt: number
  private resolvedAt: number
  private connectedAt: number | undefined
  private socket: Net.Socket | undefined
  /** Codes by address; none while it is being tried. */
  private readonly addresses = new Map<string, string | undefined>()

  constructor(now: () => number, hostname: string, secure: boolean) {
    this.now = now
    this.secure = secure
    // An address is not looked up, and no event says so.
    if (Net.isIP(hostname) !== 0) this.phase = "connecting"
    this.startedAt = now()
    this.resolvedAt = this.startedAt
  }

  /**
   * Follows the socket that undici's connector returns. Its type says `void`; should it ever return nothing, the phase
   * stays `resolving`, which claims the least.
   */
  watch(socket: unknown): void {
    if (!(socket instanceof Net.Socket)) return
    this.socket = socket
    socket.once("lookup", (error: Error | null) => {
      if (error) return
      this.phase = "connecting"
      this.resolvedAt = this.now()
    })
    const forget = this.followAddresses(socket)
    socket.once("connect", () => {
      if (this.secure) this.phase = "securing"
      this.connectedAt = this.now()
      forget()
    })
    if (this.secure) this.followHandshake(socket)
  }

  /** It leads to a proxy first, at this host: `watch` follows the socket there. */
  through(proxy: string, host: string): void {
    this.proxy = proxy
    this.secure = false
    this.phase = Net.isIP(host) === 0 ? "resolving" : "connecting"
  }

  /** The proxy is being asked for a way to the provider. */
  ask(): void {
    this.phase = "proxying"
  }

  /** TLS with the provider begins, on a socket over the one to the proxy. */
  handshake(socket: unknown): void {
    this.phase = "securing"
    if (!(socket instanceof Net.Socket)) return
    this.socket = socket
    this.followHandshake(socket)
  }

  /** The addresses that were tried, as far as events told of them; of a proxy's name, if it leads through one. */
  get tried(): ReadonlyArray<Tried> {
    return Array.from(this.addresses, ([address, code = "ETIMEDOUT"]) => ({ address, code }))
  }

  /** What it took, once the connection stands. */
  get made(): Made {
    const now = this.now()
    return {
      connectMs: now - this.startedAt,
      handshakeMs: (this.connectedAt ?? now) - this.resolvedAt,
      proxy: this.proxy
    }
  }

  /** Gives the connection up: its socket closes and the connector reports the error. */
  abandon(error: Error): void {
    this.abandoned ??= error
    this.socket?.destroy(error)
  }

  /** Ends with what takes its listeners off again. */
  private followAddresses(socket: Net.Socket): () => void {
    const begun = (address: string, port: number) => this.addresses.set(hostAndPort(address, port), undefined)
    const failed = (address: string, port: number, _: number, error: NodeJS.ErrnoException) =>
      this.addresses.set(hostAndPort(address, port), error.code ?? error.name)
    socket.on("connectionAttempt", begun).on("connectionAttemptFailed", failed)
    return () => {
      socket.off("connectionAttempt", begun).off("connectionAttemptFailed", failed)
      this.addresses.clear()
    }
  }

  /** Before Node looks at the certificate itself: one that it does not accept it takes away with the socket. */
  private followHandshake(socket: Net.Socket): void {
    if (!(socket instanceof TLSSocket)) return
    socket.prependListener("secure", () => {
      // getPeerX509Certificate would take it away from Node's own check that follows (22.23 and 24.21, not 26.10).
      const { raw }: { readonly raw?: Buffer } = socket.getPeerCertificate()
      this.certificate = raw
    })
  }
}
