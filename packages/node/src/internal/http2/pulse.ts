/**
 * Whether an HTTP/2 connection is alive while streams wait on it. One that has been silent for a while is pinged; a peer
 * that does not answer has gone, and whoever waits need not wait for its own limit.
 */
import type { ClientHttp2Session } from "node:http2"
import type * as Net from "node:net"

/** Milliseconds. */
export interface Pace {
  /** How often is looked. */
  readonly lookMs: number
  /** How long a connection with streams may be silent before it is pinged. */
  readonly silentMs: number
  /** How long the answer to a ping may take. */
  readonly pongMs: number
  /** A connection that has been idle for longer is pinged beside the first request on it. */
  readonly doubtMs: number
}

/**
 * Of our own. A lost path is known after 25 s at most, well before a liveness limit of 90 s, and servers that count pings
 * (gRPC's, nginx's flood detection) count more of them than one in 15 s.
 */
export const defaultPace: Pace = { lookMs: 5000, silentMs: 15_000, pongMs: 10_000, doubtMs: 1000 }

/** What is watched. */
export interface Watched {
  readonly http2: ClientHttp2Session
  readonly socket: Net.Socket
  readonly isBusy: () => boolean
  readonly lost: () => void
}

/** The pulse of one connection. */
export class Pulse {
  private readonly pace: Pace
  private readonly watched: Watched
  private readonly timer: NodeJS.Timeout
  private waiting: NodeJS.Timeout | undefined
  private read = 0
  private silentMs = 0

  constructor(pace: Pace, watched: Watched) {
    this.pace = pace
    this.watched = watched
    this.timer = setInterval(() => this.look(), pace.lookMs).unref()
  }

  /** The connection, idle until now for so long, carries a request. */
  begin(idleMs: number): void {
    this.silentMs = 0
    this.read = this.watched.socket.bytesRead
    if (idleMs > this.pace.doubtMs) this.ping()
  }

  stop(): void {
    clearInterval(this.timer)
    clearTimeout(this.waiting)
  }

  private look(): void {
    const { bytesRead } = this.watched.socket
    const isSilent = this.watched.isBusy() && bytesRead === this.read
    this.read = bytesRead
    this.silentMs = isSilent ? this.silentMs + this.pace.lookMs : 0
    if (this.silentMs >= this.pace.silentMs) this.ping()
  }

  private ping(): void {
    const { http2, lost } = this.watched
    if (this.waiting !== undefined || http2.closed || http2.destroyed) return
    this.silentMs = 0
    this.waiting = setTimeout(lost, this.pace.pongMs).unref()
    // Nothing is done about a ping that could not be sent, or was given up with the session.
    http2.ping(() => {
      clearTimeout(this.waiting)
      this.waiting = undefined
    })
  }
}
