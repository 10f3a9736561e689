/** One TCP or TLS connection, watched from outside: its age, its idle times, and who ended it how. */
import type * as Evidence from "@holdfast/core/Evidence"
import type * as Net from "node:net"
import { PrefaceOverflow, prefaceBytes } from "./headLimit.ts"
import type { Idler, InForce } from "./idle/idling.ts"
import { Idling } from "./idle/idling.ts"
import { isAlert } from "./tls/certificate.ts"

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
  /** How old a connection may be to be used once more, in milliseconds. */
  readonly maxAgeMs: number
  /** How long its connections may be idle. */
  readonly idling: Idling
}

/** An origin of which nothing is known yet. */
export const newSite = (origin: string, observer: Observer, options?: Keeping): Site => {
  const site: Site = {
    origin,
    idle: 0,
    roundTripMs: Number.POSITIVE_INFINITY,
    maxAgeMs: options?.maxAgeMs ?? Number.POSITIVE_INFINITY,
    idling: new Idling({
      keepAliveMs: options?.keepAliveMs ?? Number.POSITIVE_INFINITY,
      learn: options?.learnIdleLimit ?? false,
      now: observer.now,
      roundTripMs: () => (Number.isFinite(site.roundTripMs) ? site.roundTripMs : 0),
      onChange: (limit, before) => observer.idleLimit?.(site, limit, before)
    })
  }
  return site
}

/** How long connections are kept. */
export interface Keeping {
  readonly keepAliveMs: number
  readonly learnIdleLimit: boolean
  readonly maxAgeMs?: number
}

/** Who is told of connections. */
export interface Observer {
  readonly now: () => number
  readonly opened: (connection: Connection) => void
  readonly closed: (connection: Connection) => void
  /** An idle limit was learnt, has changed, or is in force no more. */
  readonly idleLimit?: (site: Site, limit: InForce | undefined, before: InForce | undefined) => void
}

/** What the making of a connection took. */
export interface Made {
  /** Look-up, TCP and TLS, in milliseconds. */
  readonly connectMs: number
  /** The TCP handshake alone: about one round trip. */
  readonly handshakeMs: number
  /** The proxy it leads through, for people. */
  readonly proxy?: string | undefined
}

// A close this soon after a request was put on an idle connection, and instead of an answer, was meant for the idle
// connection. Of our own: longer than a busy event loop takes to hear of it, shorter than most answers take.
const crossedMs = 250

/** A request whose answer has a status once it begins. */
export interface Answerable {
  readonly status: number | undefined
}

/** An established connection. */
export class Connection implements Idler {
  readonly socket: Net.Socket
  readonly site: Site
  readonly made: Made
  readonly openedAt: number
  requestsServed = 0
  idleSince: number
  ended: Ended | undefined
  /** The alert with which the peer ended TLS. */
  alert: string | undefined
  timer: NodeJS.Timeout | undefined
  /** The server says how long it keeps connections, and undici goes by it. */
  hinted = false
  private readonly observer: Observer
  private open = true
  private idle = false
  private startedAt = 0
  private idleAtStartMs = 0
  private readAtStart = 0
  private awaiting: Answerable | undefined
  private bounded = false

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
    socket.on("error", (error) => this.fail(error))
    socket.on("close", () => {
      this.note("local-abort")
      this.open = false
      observer.closed(this)
      this.setIdle(false)
      site.idling.closed(this)
    })
    site.idling.opened(this)
    observer.opened(this)
  }

  /** Records who ended the connection; who came first did it. */
  note(how: Ended): void {
    if (this.ended !== undefined) return
    this.ended = how
    if (how === "peer-fin" || how === "peer-reset") this.observeClose()
  }

  private fail(error: Coded): void {
    const unasked = this.isIdle && error.code === "UND_ERR_SOCKET"
    if (error.code !== undefined && isAlert(error.code)) this.alert ??= error.code
    this.note(endedBy(error))
    // An answer that nobody asked for: a server about to close an idle connection may say so with a 408.
    if (unasked) this.observeClose()
  }

  /** Whether no request was on it when it closed. */
  get wasIdle(): boolean {
    return this.idle
  }

  /** @see Idler */
  get isIdle(): boolean {
    return this.idle && this.open && this.ended === undefined
  }

  /** A request is about to be given to it; where it has been idle for too long or is too old, another takes its place. */
  prepare(): void {
    if (this.isIdle && (this.isOld || this.site.idling.isOver(this))) this.evict()
  }

  /** Whether it is too old to be used once more. */
  get isOld(): boolean {
    const { maxAgeMs } = this.site
    return maxAgeMs !== Number.POSITIVE_INFINITY && this.observer.now() - this.openedAt >= maxAgeMs
  }

  /** @see Idler */
  evict(): void {
    this.note("local-limit")
    // Without an error, which undici would give to a request that waits for this connection.
    this.socket.destroy()
  }

  /** A request goes on it, which has read `bytesRead` so far. */
  start(now: number, bytesRead: number): void {
    this.startedAt = now
    this.idleAtStartMs = this.requestsServed > 0 ? now - this.idleSince : 0
    this.readAtStart = bytesRead
    this.setIdle(false)
  }

  /** Bounds what comes before the answer to the request on it. */
  boundPreface(request: Answerable): void {
    this.awaiting = request
    if (this.bounded) return
    this.bounded = true
    // undici reads first: it has listened since the connection stood.
    this.socket.on("readable", () => {
      if (this.awaiting === undefined || this.awaiting.status !== undefined) return
      if (this.socket.bytesRead - this.readAtStart > prefaceBytes) this.socket.destroy(new PrefaceOverflow())
    })
  }

  /** The request on it is over, answered or not. One that broke takes its connection with it, unless it had but a stream. */
  finish(answered: boolean, survives = answered): void {
    this.idleSince = this.observer.now()
    this.awaiting = undefined
    if (answered) {
      this.requestsServed++
      this.site.idling.survived(this.idleAtStartMs)
    }
    if (!survives || !this.open) return
    this.setIdle(true)
    this.site.idling.idle(this)
  }

  private setIdle(idle: boolean): void {
    if (this.idle === idle) return
    this.idle = idle
    this.site.idle += idle ? 1 : -1
  }

  /** The peer closed it: while it was idle, or so that the close and a request crossed. */
  private observeClose(): void {
    if (this.hinted || this.requestsServed === 0) return
    const now = this.observer.now()
    if (this.idle) return this.site.idling.peerClosed(now - this.idleSince)
    const crossed = this.socket.bytesRead === this.readAtStart && now - this.startedAt <= crossedMs
    if (crossed) this.site.idling.peerClosed(this.idleAtStartMs)
  }
}

const isLoopback = (address: string | undefined): boolean =>
  address === undefined || address === "::1" || /^(::ffff:)?127\./.test(address)

type Coded = Error & { readonly code?: string }

/** Who closed, by the error the socket was destroyed with; ours carry undici's codes. */
const endedBy = (error: Coded): Ended => {
  // It closes once it has said so; Node gives the alert as an error of its own.
  if (error.code !== undefined && isAlert(error.code)) return "peer-fin"
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
