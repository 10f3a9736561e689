/** One HTTP/2 connection: which streams it may carry, for how long, and what its peer said on leaving. */
import type * as Evidence from "@holdfast/core/Evidence"
import type { ClientHttp2Session } from "node:http2"
import { connect, constants } from "node:http2"
import type { Undici } from "../undici.ts"
import type { Connection, Ended } from "../connection.ts"
import { Exchange } from "./exchange.ts"
import type { Outgoing } from "./exchange.ts"
import { requestHead } from "./head.ts"
import type { Pace } from "./pulse.ts"
import { Pulse } from "./pulse.ts"

/** Who keeps sessions. */
export interface Keeper {
  readonly now: () => number
  readonly errors: Undici["errors"]
  readonly pace: Pace
  /** How long it may be idle, in milliseconds; 0: it carries one request. */
  readonly keepAliveMs: number
  /** The most requests that it carries. */
  readonly maxRequests: number
  /** The peer has sent its settings. */
  readonly ready: (session: Session) => void
  /** It may carry another stream. */
  readonly free: (session: Session) => void
  /** It takes no more streams. */
  readonly leaving: (session: Session) => void
  /** It has closed. */
  readonly gone: (session: Session) => void
  /** The peer wants HTTP/1.1. */
  readonly wantsHttp1: () => void
}

// Four times what HTTP/2 begins with: a long answer need not wait for a round trip every 64 KiB, and what a slow reader
// leaves lying stays small.
const streamWindow = 256 * 1024
const connectionWindow = 1024 * 1024

// What a peer may take to close after both have said goodbye.
const farewellMs = 1000

/** One HTTP/2 connection. */
export class Session {
  readonly connection: Connection
  readonly errors: Undici["errors"]
  error: Error | undefined
  /** Until its socket has closed. */
  readonly closed: Promise<void>
  private readonly http2: ClientHttp2Session
  private readonly keeper: Keeper
  private readonly pulse: Pulse
  private settled = false
  private running = 0
  private begun = 0
  private most = 0
  private leaving = false
  private last = Number.POSITIVE_INFINITY
  private idleTimer: NodeJS.Timeout | undefined

  constructor(origin: string, connection: Connection, keeper: Keeper) {
    this.connection = connection
    this.keeper = keeper
    this.errors = keeper.errors
    const { socket } = connection
    const settings = { enablePush: false, initialWindowSize: streamWindow }
    const http2 = connect(origin, { createConnection: () => socket, settings })
    this.http2 = http2
    http2.setLocalWindowSize(connectionWindow)
    this.pulse = new Pulse(keeper.pace, { http2, socket, isBusy: () => this.running > 0, lost: () => this.lose() })
    http2.on("remoteSettings", ({ maxConcurrentStreams = Number.POSITIVE_INFINITY }) => {
      this.most = maxConcurrentStreams
      if (this.settled) return keeper.free(this)
      this.settled = true
      keeper.ready(this)
      if (this.running === 0) this.rest()
    })
    http2.on("goaway", (code: number, last: number) => this.onGoaway(code, last))
    http2.on("error", (error) => (this.error ??= error))
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()))
    http2.on("close", () => this.end())
    socket.once("end", () => this.leave())
    // Node tells of a TLS alert after the handshake, and leaves the socket open.
    socket.once("error", (error) => this.break(error))
  }

  /** How many streams the peer lets it carry at a time. */
  get capacity(): number {
    return this.isUsable ? this.most : 0
  }

  /** How many more streams it may carry now. */
  get room(): number {
    return Math.min(this.capacity - this.running, this.keeper.maxRequests - this.begun)
  }

  /** Whether it has carried all that it may, or is too old for more. */
  get isSpent(): boolean {
    return this.begun >= this.keeper.maxRequests || this.connection.isOld
  }

  /** Whether it has served, and waits. */
  get isIdle(): boolean {
    return this.running === 0 && this.begun > 0
  }

  get isBusy(): boolean {
    return this.running > 0
  }

  private get isUsable(): boolean {
    const { http2 } = this
    return this.settled && !this.leaving && this.connection.ended === undefined && !http2.closed && !http2.destroyed
  }

  /** Whether the peer said that it will not process a stream (RFC 9113 section 6.8). */
  disowns(stream: number | undefined): boolean {
    return stream !== undefined && stream > this.last
  }

  /** Whether the peer said that it may have processed a stream. */
  owns(stream: number | undefined): boolean {
    return stream !== undefined && Number.isFinite(this.last) && stream <= this.last
  }

  /** Puts an attempt on a stream of its own. */
  start(outgoing: Outgoing): void {
    const { connection } = this
    const { fields, bytes } = requestHead(outgoing.sent)
    const now = this.keeper.now()
    const facts = this.facts(now)
    const fromIdle = facts.reused && this.running === 0
    let stream
    try {
      stream = this.http2.request(fields, { endStream: outgoing.sent.body === null })
    } catch (error) {
      // A head that HTTP/2 does not allow.
      return outgoing.attempt.abort(new this.errors.InvalidArgumentError(messageOf(error)))
    }
    if (this.running++ === 0) {
      clearTimeout(this.idleTimer)
      this.http2.ref()
      connection.start(now, connection.socket.bytesRead)
      this.pulse.begin(facts.idleMs)
    }
    this.begun++
    new Exchange(this, stream, { ...outgoing, facts, bytes, fromIdle }).begin()
  }

  /** A stream is no more. */
  release(answered: boolean): void {
    this.running--
    if (this.running > 0) {
      if (answered) this.connection.requestsServed++
    } else {
      this.connection.finish(answered, true)
      if (this.leaving || this.isSpent) this.retire("agreed")
      else this.rest()
    }
    this.keeper.free(this)
  }

  /** What a reset says of the peer. */
  learnFrom(code: number): void {
    if (code === constants.NGHTTP2_HTTP_1_1_REQUIRED) this.keeper.wantsHttp1()
  }

  /** Takes no more streams, and closes when those it carries have ended. */
  retire(why: Ended): void {
    this.leave()
    this.http2.close()
    if (this.running > 0) return
    this.connection.note(why)
    setTimeout(() => this.connection.socket.destroy(), farewellMs).unref()
  }

  /** Ends it with all its streams. */
  destroy(why: "local-limit" | "local-abort", error: Error): void {
    this.connection.note(why)
    this.break(error)
  }

  private facts(now: number): Evidence.Connection {
    const { idleSince, openedAt, requestsServed } = this.connection
    // One whose streams were all reset has served none, and is not fresh.
    const reused = this.begun > 0
    return { reused, ageMs: now - openedAt, idleMs: reused && this.running === 0 ? now - idleSince : 0, requestsServed }
  }

  /** Nothing is on it. It keeps no process alive, and is kept no longer than is said. */
  private rest(): void {
    this.http2.unref()
    clearTimeout(this.idleTimer)
    this.idleTimer = setTimeout(() => this.retire("local-limit"), this.keeper.keepAliveMs).unref()
  }

  private onGoaway(code: number, last: number): void {
    this.last = Math.min(this.last, last)
    // Told before Node ends the session. With an error it ends at once; without, its streams go on.
    if (this.running === 0 || code !== constants.NGHTTP2_NO_ERROR) this.connection.note("peer-fin")
    this.learnFrom(code)
    this.leave()
  }

  private leave(): void {
    if (this.leaving) return
    this.leaving = true
    this.keeper.leaving(this)
  }

  private lose(): void {
    this.destroy("local-limit", Object.assign(new Error("a ping was not answered"), { code: "ERR_HTTP2_PING_TIMEOUT" }))
  }

  private break(error: Error): void {
    this.error ??= error
    this.http2.destroy(error)
    this.connection.socket.destroy()
  }

  private end(): void {
    this.leave()
    this.pulse.stop()
    clearTimeout(this.idleTimer)
    this.keeper.gone(this)
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
