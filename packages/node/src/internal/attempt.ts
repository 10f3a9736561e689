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
import type { Connecting } from "./connecting.ts"
import type { Connection } from "./connection.ts"
import { isEarly } from "./earlyAnswer.ts"
import type { ClientTrace } from "./tracedClient.ts"

/** What undici gives as headers. */
export type IncomingHeaders = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2]

/** How an attempt ended for those who read it. */
export type Ending = { readonly _tag: "Complete" } | { readonly _tag: "Broken"; readonly error: Error }

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
  private trace: ClientTrace | undefined
  private connection: Connection | undefined
  private facts: Evidence.Connection | undefined
  private sent = false
  private onConnectionAt = 0
  private writtenBefore = 0
  private readBefore = 0
  private last: { readonly written: number; readonly read: number; readonly closed: Evidence.Closed | undefined } = {
    written: 0,
    read: 0,
    closed: undefined
  }

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

  /** The pool has chosen a client. */
  assign(trace: ClientTrace): void {
    this.trace = trace
    this.connecting = trace.connecting
    trace.waiting.add(this)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.trace?.waiting.delete(this)
    // Thrown, undici drops the request unwritten and keeps the connection; aborted, it would close it.
    if (this.abandoned !== undefined) throw this.abandoned
    if (this.controller !== undefined) {
      // undici means to send the request a second time; every resend is ours to decide.
      controller.abort(new Error("not sent twice"))
      return
    }
    this.controller = controller
    const connection = this.trace?.connection
    if (connection === undefined) return
    const now = this.now()
    const reused = connection.requestsServed > 0
    this.connection = connection
    this.onConnectionAt = now
    this.writtenBefore = connection.socket.bytesWritten
    this.readBefore = connection.socket.bytesRead
    this.facts = {
      reused,
      ageMs: now - connection.openedAt,
      idleMs: reused ? now - connection.idleSince : 0,
      requestsServed: connection.requestsServed
    }
    connection.start()
  }

  onRequestSent(): void {
    // undici is done with it; the socket may not be, a TLS one for a turn of the event loop.
    this.noteSent()
    if (!this.sent && this.connection !== undefined) setImmediate(() => this.noteSent())
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHeaders): void {
    // 1xx are announcements; the answer is still to come.
    if (status < 200) return
    if (this.isEarlyAnswer(status)) {
      this.answeredEarly = true
      this.abort(new Error("an answer that is not to this request"))
      return
    }
    this.status = status
    this.headers = headers
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
    this.end({ _tag: "Complete" })
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
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
      this.connection?.note(why)
      this.controller.abort(error)
      return
    }
    this.abandoned = error
    this.end({ _tag: "Broken", error })
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
    const connection = this.trace?.connection
    return this.facts?.idleMs ?? (connection === undefined ? 0 : this.startedAt - connection.idleSince)
  }

  /** What is known of the attempt. */
  evidence(): Evidence.Evidence {
    const status = this.status === undefined ? undefined : { status: this.status }
    if (!this.instrumented) return { _tag: "Unknown", ...status }
    const { closed, read, written } = this.connection === undefined ? this.last : this.read(this.connection)
    return {
      _tag: "Observed",
      phase: this.phaseAfter(read),
      bytesWritten: written,
      bytesRead: read,
      ...(this.facts === undefined ? undefined : { connection: this.facts }),
      ...(closed === undefined ? undefined : { closed }),
      ...status
    }
  }

  private phaseAfter(bytesRead: number): Evidence.Phase {
    if (bytesRead > 0) return "responding"
    if (this.controller !== undefined) return this.sent ? "waiting" : "sending"
    return this.connecting?.phase ?? "queued"
  }

  /** The request is sent when the socket has nothing more to write; of a socket that is gone nothing can be told. */
  private noteSent(): void {
    const socket = this.connection?.socket
    if (socket === undefined || socket.destroyed) return
    if (socket.writableLength === 0) this.sent = true
    else if (socket.writableNeedDrain) socket.once("drain", () => this.noteSent())
  }

  private read(connection: Connection) {
    return {
      written: connection.socket.bytesWritten - this.writtenBefore,
      read: connection.socket.bytesRead - this.readBefore,
      closed: connection.ended === "agreed" ? undefined : connection.ended
    }
  }

  private isEarlyAnswer(status: number): boolean {
    if (this.connection === undefined || this.facts?.reused !== true) return false
    return isEarly(status, this.now() - this.onConnectionAt, this.connection.site.roundTripMs)
  }

  private overflow(): void {
    this.oversized = true
    this.chunks = []
    this.abort(new Error("the answer is longer than is kept"))
  }

  private leaveQueue(ending: Ending): void {
    const { trace } = this
    trace?.waiting.delete(this)
    // A connection that nobody else waits for need not be made.
    if (trace?.waiting.size === 0 && ending._tag === "Broken") trace.connecting?.abandon(ending.error)
  }

  private end(ending: Ending): void {
    if (this.ending !== undefined) return
    this.ending = ending
    if (this.controller === undefined) this.leaveQueue(ending)
    clearTimeout(this.discarding)
    clearTimeout(this.total)
    const connection = this.connection
    if (connection !== undefined) {
      // Frozen: the connection's counters go on with the next request.
      this.last = this.read(connection)
      this.connection = undefined
      connection.finish(ending._tag === "Complete")
    }
    this.reader?.onProgress()
  }
}
