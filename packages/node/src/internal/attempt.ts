/**
 * One attempt on undici: its handler, its evidence and its body, without Effect, so that the path per event is short.
 *
 * undici calls the handler; the transport reads. Evidence is kept here and never on an error object, because requests
 * that die together share one.
 */
import type * as Evidence from "@holdfast/core/Evidence"
import * as Reason from "@holdfast/core/Reason"
import type * as TimeLimits from "@holdfast/core/TimeLimits"
import type { Dispatcher } from "undici"
import type { Carrier, Place } from "./carrier.ts"
import { WholeConnection } from "./carrier.ts"
import type { Connecting } from "./connecting.ts"
import { ProxyError } from "./proxy/failure.ts"
import type { Proxy } from "./proxy/proxy.ts"

/** What undici gives as headers. */
export type IncomingHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

/** How an attempt ended for those who read it. */
export type Ending = { readonly _tag: "Complete" } | { readonly _tag: "Broken"; readonly error: Error }

/** What its carrier tells of an attempt. */
type Carried = Pick<Carrier, "bytesRead" | "bytesWritten" | "closed" | "sent" | "unprocessed">

/** Who reads an attempt. */
export interface Reader {
  /** The response head has come; called once at most. */
  onHead(status: number, headers: IncomingHeaders): void
  /** There is something to take, or `ending` is set. */
  onProgress(): void
}

// Enough for some hundred stream events; a slow reader then holds the socket back.
const highWaterMark = 64 * 1024

/**
 * The most that is kept of an answer that is wanted whole, in bytes. The number is ours: models answer in far less, and
 * a process bears it. What is read as it comes has no such limit.
 */
export const wholeLimit = 64 * 1024 * 1024

// What an answer may still take up once its reader has lost interest.
const leftover = { bytes: 64 * 1024, ms: 1000 }

/** One attempt. */
export class Attempt implements Dispatcher.DispatchHandler {
  readonly limits: TimeLimits.Resolved
  readonly startedAt: number
  ending: Ending | undefined
  status: number | undefined
  headers: IncomingHeaders = {}
  reader: Reader | undefined
  connecting: Connecting | undefined
  /** The answer came sooner than one to this request could. */
  answeredEarly = false
  /** The answer was wanted whole, and is longer than is kept. */
  oversized = false
  /** The limit of ours that ended it, where that was not one of undici's. */
  limit: Reason.Reason | undefined

  private readonly now: () => number
  private readonly instrumented: boolean
  private chunks: Array<Uint8Array> = []
  private buffered = 0
  private collecting = false
  private readonly total: NodeJS.Timeout | undefined
  private discarding: NodeJS.Timeout | undefined
  private discarded = 0
  private abandoned: Error | undefined
  private controller: Dispatcher.DispatchController | undefined
  private place: Place | undefined
  private carrier: Carrier | undefined
  private facts: Evidence.Connection | undefined
  private proxy: Proxy | undefined
  private forwarded = false
  private behindGateway = false
  private last: Carried = { bytesWritten: 0, bytesRead: 0, sent: false, closed: undefined, unprocessed: undefined }

  constructor(limits: TimeLimits.Resolved, now: () => number, instrumented: boolean) {
    this.limits = limits
    this.now = now
    this.instrumented = instrumented
    this.startedAt = now()
    const { totalMs } = limits
    if (totalMs > 0) {
      this.total = setTimeout(() => this.endFor(new Reason.TotalTimeout({ limitMs: totalMs })), totalMs)
    }
  }

  /** It goes through a proxy, which is handed the request itself or asked for a tunnel. */
  through(proxy: Proxy, forwarded: boolean): void {
    this.proxy = proxy
    this.forwarded = forwarded
  }

  /** Somebody else answers for the provider, so that what the peer says of itself is not said of the provider. */
  viaGateway(): void {
    this.behindGateway = true
  }

  /** The pool has chosen where it waits. */
  assign(place: Place): void {
    this.place = place
    this.connecting = place.connecting
    place.enter(this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.place?.leave(this)
    // Thrown, undici drops the request unwritten and keeps the connection; aborted, it would close it.
    if (this.abandoned !== undefined) throw this.abandoned
    if (this.controller !== undefined) {
      // undici means to send the request a second time; every resend is ours to decide.
      controller.abort(new Error("not sent twice"))
      return
    }
    const connection = this.place?.connection
    this.begin(controller, connection === undefined ? undefined : new WholeConnection(connection, this.now))
    connection?.boundPreface(this)
  }

  /** It has what carries it. */
  begin(controller: Dispatcher.DispatchController, carrier: Carrier | undefined): void {
    this.controller = controller
    this.carrier = carrier
    this.facts = carrier?.facts
  }

  onRequestSent(): void {
    this.carrier?.handedOver()
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHeaders): void {
    // 1xx are announcements; the answer is still to come.
    if (status < 200) return
    if (this.carrier?.isEarly(status) === true) {
      this.answeredEarly = true
      this.abort(new Error("an answer that is not to this request"))
      return
    }
    this.status = status
    // Not the provider's: who we are to a proxy is no business of its own.
    if (status === 407 && this.forwarded && this.proxy !== undefined) {
      this.abort(new ProxyError(this.proxy, "forwarding", { code: "PROXY_REFUSED", status }))
      return
    }
    this.headers = headers
    if (headers["keep-alive"] !== undefined) this.carrier?.hint()
    this.reader?.onHead(status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.discarding !== undefined) {
      this.discarded += chunk.byteLength
      if (this.discarded > leftover.bytes) this.abort(new Error("the rest of the answer is long"))
      return
    }
    this.chunks.push(chunk)
    this.buffered += chunk.byteLength
    if (this.collecting && this.buffered > wholeLimit) return this.overflow()
    if (this.buffered > highWaterMark && !this.collecting) controller.pause()
    this.reader?.onProgress()
  }

  onResponseEnd(): void {
    this.end(this.isCutOff() ? { _tag: "Broken", error: new CutOff() } : { _tag: "Complete" })
  }

  /** A body that only the close ends is whole unless the connection indicated an error: RFC 9112 section 8. */
  private isCutOff(): boolean {
    const { "content-length": length, "transfer-encoding": encoding } = this.headers
    return length === undefined && encoding === undefined && this.carrier?.closed === "peer-reset"
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    this.end({ _tag: "Broken", error })
  }

  /** Takes what has arrived; a socket that was held back goes on. */
  take(): Array<Uint8Array> {
    const chunks = this.chunks
    this.chunks = []
    this.buffered = 0
    if (this.controller?.paused === true) this.controller.resume()
    return chunks
  }

  /** From now on the whole body is wanted: nothing is held back, up to {@link wholeLimit}. */
  collect(): void {
    this.collecting = true
    if (this.controller?.paused === true) this.controller.resume()
  }

  /** The reader has all it wants: what little is left is read for nothing, so that the connection can serve again. */
  discard(): void {
    if (this.ending !== undefined || this.discarding !== undefined) return
    this.reader = undefined
    this.discarding = setTimeout(() => this.abort(new Error("the answer does not end")), leftover.ms).unref()
    this.take()
  }

  /** The reader has gone. What it discarded may still come to its end; anything else is given up. */
  release(): void {
    if (this.ending === undefined && this.discarding === undefined) this.abort(new Error("the scope closed"))
  }

  /** Gives the attempt up because a limit of ours has passed. */
  endFor(reason: Reason.Reason): void {
    if (this.ending !== undefined) return
    this.limit = reason
    this.abort(new Error(reason.message), "local-limit")
  }

  /** Gives the attempt up, in whatever phase it is. */
  abort(error: Error, why: "local-abort" | "local-limit" = "local-abort"): void {
    if (this.ending !== undefined) return
    if (this.controller !== undefined) {
      this.carrier?.note(why)
      this.controller.abort(error)
      return
    }
    this.abandoned = error
    this.end({ _tag: "Broken", error })
  }

  /** The alert with which the peer ended TLS on the connection that was made for it. */
  get alert(): string | undefined {
    return this.facts?.reused === false ? this.place?.connection?.alert : undefined
  }

  /** Whether undici put it on a connection. */
  get started(): boolean {
    return this.controller !== undefined
  }

  /** Milliseconds since it was handed over. */
  elapsedMs(): number {
    return this.now() - this.startedAt
  }

  /** How long the connection had been idle that it was handed to, whether or not it started on it. */
  get idleMs(): number {
    const connection = this.place?.connection
    return this.facts?.idleMs ?? (connection === undefined ? 0 : this.startedAt - connection.idleSince)
  }

  /** What is known of the attempt. */
  evidence(): Evidence.Evidence {
    const status = this.status === undefined ? undefined : { status: this.status }
    if (!this.instrumented) return { _tag: "Unknown", ...status }
    const carried = this.carrier ?? this.last
    const { bytesRead, bytesWritten, closed, unprocessed } = carried
    return {
      _tag: "Observed",
      phase: this.phaseOf(carried),
      bytesWritten,
      bytesRead,
      ...(this.facts === undefined ? undefined : { connection: this.facts }),
      ...(closed === undefined ? undefined : { closed }),
      ...status,
      ...(unprocessed === undefined ? undefined : { unprocessed }),
      ...(this.proxy === undefined && !this.behindGateway ? undefined : { proxied: true })
    }
  }

  private phaseOf({ bytesRead, sent }: Carried): Evidence.Phase {
    if (bytesRead > 0) return "responding"
    if (this.controller !== undefined) return sent ? "waiting" : "sending"
    return this.connecting?.phase ?? "queued"
  }

  private overflow(): void {
    this.oversized = true
    this.chunks = []
    this.abort(new Error("the answer is longer than is kept"))
  }

  private end(ending: Ending): void {
    if (this.ending !== undefined) return
    this.ending = ending
    if (this.controller === undefined) this.place?.leave(this, ending._tag === "Broken" ? ending.error : undefined)
    clearTimeout(this.discarding)
    clearTimeout(this.total)
    const { carrier } = this
    if (carrier !== undefined) {
      const { bytesRead, bytesWritten, closed, sent, unprocessed } = carrier
      // Frozen: the connection's counters go on with the next request.
      this.last = { bytesRead, bytesWritten, closed, sent, unprocessed }
      this.carrier = undefined
      carrier.finish(ending._tag === "Complete")
    }
    this.reader?.onProgress()
  }
}

/** The connection was reset in place of the close that ends a body without a length. */
class CutOff extends Error {
  readonly code = "ECONNRESET"
}
