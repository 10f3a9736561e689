/** One TCP or TLS connection, watched from outside: its age, its idle times, and who ended it how. */
import type * as Evidence from "@holdfast/core/Evidence"
import type * as Net from "node:net"

/** Who ended a connection: as evidence has it, or by `connection: close`, which both sides knew of. */
export type Ended = Evidence.Closed | "agreed"

/** What a pool knows of one origin. */
export interface Site {
  readonly origin: string
  /** Connections that wait for a next request. */
  idle: number
  /**
   * The shortest TCP handshake so far, in milliseconds: about one round trip. Nothing is known of it at first, and a
   * peer on this machine is never far.
   */
  roundTripMs: number
}

/** An origin of which nothing is known yet. */
export const newSite = (origin: string): Site => ({ origin, idle: 0, roundTripMs: Number.POSITIVE_INFINITY })

/** Who is told of connections. */
export interface Observer {
  readonly now: () => number
  readonly opened: (connection: Connection) => void
  readonly closed: (connection: Connection) => void
}

/** What the making of a connection took. */
export interface Made {
  /** Look-up, TCP and TLS, in milliseconds. */
  readonly connectMs: number
  /** The TCP handshake alone: about one round trip. */
  readonly handshakeMs: number
}

/** An established connection. */
export class Connection {
  readonly socket: Net.Socket
  readonly site: Site
  readonly made: Made
  readonly openedAt: number
  requestsServed = 0
  idleSince: number
  ended: Ended | undefined
  private readonly observer: Observer
  private open = true
  private idle = false

  constructor(socket: Net.Socket, site: Site, made: Made, observer: Observer) {
    this.socket = socket
    this.site = site
    this.made = made
    site.roundTripMs = isLoopback(socket.remoteAddress) ? 0 : Math.min(site.roundTripMs, made.handshakeMs)
    this.observer = observer
    this.openedAt = observer.now()
    this.idleSince = this.openedAt
    // undici adds its own listeners after these, so that the cause is known when it reports a failure.
    socket.on("end", () => this.note("peer-fin"))
    socket.on("error", (error) => this.note(endedBy(error)))
    socket.on("close", () => {
      this.note("local-abort")
      this.open = false
      observer.closed(this)
      this.setIdle(false)
    })
    observer.opened(this)
  }

  /** Records who ended the connection; who came first did it. */
  note(how: Ended): void {
    this.ended ??= how
  }

  /** Whether no request was on it when it closed. */
  get wasIdle(): boolean {
    return this.idle
  }

  /** A request goes on it. */
  start(): void {
    this.setIdle(false)
  }

  /** The request on it is over, answered or not. */
  finish(answered: boolean): void {
    this.idleSince = this.observer.now()
    // A request that broke takes its connection with it.
    if (!answered) return
    this.requestsServed++
    if (this.open) this.setIdle(true)
  }

  private setIdle(idle: boolean): void {
    if (this.idle === idle) return
    this.idle = idle
    this.site.idle += idle ? 1 : -1
  }
}

const isLoopback = (address: string | undefined): boolean =>
  address === undefined || address === "::1" || /^(::ffff:)?127\./.test(address)

/** Who closed, by the error the socket was destroyed with; ours carry undici's codes. */
const endedBy = (error: Error & { readonly code?: string }): Ended => {
  switch (error.code) {
    case "UND_ERR_INFO":
      return informational(error.message)
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return "local-limit"
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
    case "ETIMEDOUT":
      return "peer-reset"
    default:
      return "local-abort"
  }
}

// undici/lib/dispatcher/client-h1.js: the reasons it destroys a socket of its own accord.
const informational = (message: string): Ended => {
  switch (message) {
    case "socket idle timeout":
      return "local-limit"
    case "reset":
      return "agreed"
    default:
      return "local-abort"
  }
}
