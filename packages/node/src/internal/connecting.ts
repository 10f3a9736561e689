/** The making of one connection, phase by phase. */
import type * as Evidence from "@holdfast/core/Evidence"
import * as Net from "node:net"
import type { buildConnector } from "undici"
import type { Made } from "./connection.ts"

/** How a connection is made: undici's connector, or one of our own over it. */
export type Connector = buildConnector.connector

/** A connection in the making. */
export class Connecting {
  phase: Extract<Evidence.Phase, "resolving" | "connecting" | "securing"> = "resolving"
  private readonly now: () => number
  private readonly secure: boolean
  private readonly startedAt: number
  private resolvedAt: number
  private connectedAt: number | undefined
  private socket: Net.Socket | undefined

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
    socket.once("connect", () => {
      if (this.secure) this.phase = "securing"
      this.connectedAt = this.now()
    })
  }

  /** What it took, once the connection stands. */
  get made(): Made {
    const now = this.now()
    return { connectMs: now - this.startedAt, handshakeMs: (this.connectedAt ?? now) - this.resolvedAt }
  }

  /** Gives the connection up: its socket closes and the connector reports the error. */
  abandon(error: Error): void {
    this.socket?.destroy(error)
  }
}
