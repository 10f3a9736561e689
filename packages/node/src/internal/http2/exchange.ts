/**
 * One attempt on one stream. The answer is whole when the peer has ended the stream, and only then: what follows an end
 * takes nothing back, and a stream that is reset, whatever the code, has not ended.
 */
import type * as Evidence from "@holdfast/core/Evidence"
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2"
import { constants } from "node:http2"
import { Readable } from "node:stream"
import type { Dispatcher } from "undici"
import type { Attempt } from "../attempt.ts"
import type { Carrier } from "../carrier.ts"
import { codeOf } from "../codeOf.ts"
import { PrefaceOverflow, prefaceBytes } from "../headLimit.ts"
import type { Sent } from "../pool.ts"
import type { Lost } from "./failure.ts"
import { nameOf, StreamError } from "./failure.ts"
import { answerHeaders, sizeOf } from "./head.ts"
import type { Session } from "./session.ts"

/** An attempt, and what is sent for it. */
export interface Outgoing {
  readonly sent: Sent
  readonly attempt: Attempt
}

/** An attempt that has a stream. */
export interface Started extends Outgoing {
  readonly facts: Evidence.Connection
  /** The size of its head. */
  readonly bytes: number
  /** Whether its connection had waited for it. */
  readonly fromIdle: boolean
}

/** One attempt on one stream. */
export class Exchange implements Carrier, Dispatcher.DispatchController {
  readonly facts: Evidence.Connection
  bytesRead = 0
  aborted = false
  reason: Error | null = null
  private readonly session: Session
  private readonly stream: ClientHttp2Stream
  private readonly outgoing: Started
  private given: number
  private began = false
  private ended = false
  private over = false
  private answered = false
  private released = false
  private error: Error | undefined
  private ours: "local-abort" | "local-limit" | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(session: Session, stream: ClientHttp2Stream, outgoing: Started) {
    this.session = session
    this.stream = stream
    this.outgoing = outgoing
    this.facts = outgoing.facts
    this.given = outgoing.bytes
  }

  /** Sends it. */
  begin(): void {
    const { attempt, sent } = this.outgoing
    this.watchEnd()
    this.stream.on("headers", (fields) => this.onAnnouncement(fields))
    this.stream.on("response", (fields) => this.onHead(fields))
    this.stream.on("error", (error) => (this.error = error))
    this.stream.on("close", () => this.onClose())
    attempt.begin(this, this)
    this.limit(sent.headersTimeout, () => new this.session.errors.HeadersTimeoutError())
    this.write()
  }

  /** Header bytes as a header list counts them, and what was given of the body: an upper bound. */
  get bytesWritten(): number {
    return this.given - (this.stream.destroyed ? 0 : this.stream.bufferSize)
  }

  get sent(): boolean {
    return this.stream.writableFinished
  }

  get paused(): boolean {
    return this.stream.isPaused()
  }

  get closed(): Evidence.Closed | undefined {
    const { ended } = this.session.connection
    return this.ours ?? (ended === "agreed" ? undefined : ended)
  }

  /** A claim of the peer's counts only where it sent nothing that contradicts it. */
  get unprocessed(): Evidence.Unprocessed | undefined {
    if (this.bytesRead > 0 || this.ours !== undefined) return undefined
    if (this.session.disowns(this.stream.id)) return "goaway"
    return this.stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? "refused-stream" : undefined
  }

  /** Streams are told apart: what comes on one is meant for its request. */
  isEarly(): boolean {
    return false
  }

  handedOver(): void {}

  hint(): void {}

  note(why: "local-abort" | "local-limit"): void {
    this.ours ??= why
  }

  pause(): void {
    this.stream.pause()
  }

  resume(): void {
    this.stream.resume()
  }

  /** Gives the stream up; its session and its neighbours go on. */
  abort(reason: Error): void {
    if (this.over) return
    this.aborted = true
    this.reason = reason
    this.note("local-abort")
    this.outgoing.attempt.onResponseError(this, reason)
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  /** @see Carrier */
  finish(answered: boolean): void {
    this.over = true
    this.answered = answered
    clearTimeout(this.timer)
    const { body } = this.outgoing.sent
    if (body instanceof Readable) body.destroy()
    // Both sides have ended: HTTP/2 counts it no more, though Node has yet to close it.
    if (answered && this.stream.writableFinished) this.release()
  }

  /**
   * Node ends the readable side of a stream that was reset with NO_ERROR or CANCEL as it ends that of a stream the peer
   * has ended; the two differ in when they end it, after the stream was closed or before.
   */
  private watchEnd(): void {
    const { stream } = this
    const push = stream.push.bind(stream)
    stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
      if (chunk === null && !stream.closed) this.ended = true
      const more = push(chunk, encoding)
      if (this.ended && this.began) this.complete()
      return more
    }
  }

  private onAnnouncement(fields: IncomingHttpHeaders): void {
    this.bytesRead += sizeOf(fields)
    if (!this.began && this.bytesRead > prefaceBytes) this.abort(new PrefaceOverflow())
  }

  private onHead(fields: IncomingHttpHeaders): void {
    if (this.over || this.began) return
    const status = Number(fields[":status"])
    this.began = true
    this.bytesRead += sizeOf(fields)
    this.limit(this.outgoing.sent.bodyTimeout, () => new this.session.errors.BodyTimeoutError())
    this.outgoing.attempt.onResponseStart(this, status, answerHeaders(fields))
    if (this.over) return
    this.stream.on("data", (chunk: Buffer) => this.onData(chunk))
    if (this.ended) this.complete()
  }

  private onData(chunk: Buffer): void {
    if (this.over) return
    this.bytesRead += chunk.byteLength
    this.timer?.refresh()
    this.outgoing.attempt.onResponseData(this, chunk)
  }

  /** The peer has ended the stream. What is left of the answer is here, and is taken however slow its reader is. */
  private complete(): void {
    if (this.over) return
    while (this.stream.read() !== null);
    if (this.over) return
    this.outgoing.attempt.onResponseEnd()
    // Answered before the request had been read: the rest of it is of no use.
    if (!this.stream.writableFinished) setImmediate(() => this.stream.close(constants.NGHTTP2_CANCEL))
  }

  private onClose(): void {
    if (!this.over) {
      this.session.learnFrom(this.stream.rstCode)
      this.outgoing.attempt.onResponseError(this, new StreamError(this.lost(), this.error))
    }
    this.release()
  }

  private release(): void {
    if (this.released) return
    this.released = true
    this.session.release(this.answered)
  }

  private lost(): Lost {
    const { connection, error } = this.session
    const { ended } = connection
    const disowned = this.session.disowns(this.stream.id)
    const byPeer = ended === "peer-fin" || ended === "peer-reset"
    const code = codeOf(this.error ?? error) ?? `ERR_HTTP2_${nameOf(this.stream.rstCode)}`
    return {
      code,
      how:
        disowned || ended === "peer-fin" ? "fin" : ended === "peer-reset" || ended === undefined ? "reset" : "unknown",
      stale: this.outgoing.fromIdle && (disowned || (byPeer && !this.session.owns(this.stream.id))),
      malformed: code === "ERR_HTTP2_ERROR" ? (this.error ?? error)?.message : undefined
    }
  }

  private write(): void {
    const { sent } = this.outgoing
    const { stream } = this
    if (sent.body === null) return
    if (!(sent.body instanceof Readable)) {
      const bytes = Buffer.from(sent.body as string)
      this.given += bytes.byteLength
      stream.end(bytes)
      return
    }
    const { body } = sent
    body.on("data", (chunk: Buffer) => {
      if (stream.destroyed || stream.closed) return
      this.given += chunk.byteLength
      if (!this.began) this.timer?.refresh()
      if (!stream.write(chunk)) body.pause()
    })
    stream.on("drain", () => body.resume())
    body.on("end", () => stream.end())
    body.on("error", (error) => this.abort(error))
  }

  private limit(ms: number, error: () => Error): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (ms > 0) this.timer = setTimeout(() => this.expire(ms, error), ms)
  }

  private expire(ms: number, error: () => Error): void {
    // A reader that has its own pace is not the peer's doing.
    if (this.began && this.paused) return this.limit(ms, error)
    this.note("local-limit")
    this.abort(error())
  }
}
