/** What carries an attempt, as far as evidence goes: a connection while it is the attempt's alone, or a stream of one. */
import type * as Evidence from "@holdfast/core/Evidence"
import type { Connecting } from "./connecting.ts"
import type { Connection } from "./connection.ts"
import type { Attempt } from "./attempt.ts"
import { isEarly } from "./earlyAnswer.ts"

/** Where an attempt is until it starts. */
export interface Place {
  readonly connecting: Connecting | undefined
  readonly connection: Connection | undefined
  readonly enter: (attempt: Attempt) => void
  /** It has started, or, with an error, will not any more. */
  readonly leave: (attempt: Attempt, error?: Error) => void
}

/** What carries an attempt. */
export interface Carrier {
  /** The connection, as it was when the attempt started on it. */
  readonly facts: Evidence.Connection
  readonly bytesWritten: number
  readonly bytesRead: number
  /** Whether the request has left in full. */
  readonly sent: boolean
  readonly closed: Evidence.Closed | undefined
  readonly unprocessed: Evidence.Unprocessed | undefined
  /** Whether an answer of this status comes too soon to be one to this request. */
  readonly isEarly: (status: number) => boolean
  /** The request has been handed over in full. */
  readonly handedOver: () => void
  /** The peer says how long it keeps connections. */
  readonly hint: () => void
  /** It is ended by us. */
  readonly note: (why: "local-abort" | "local-limit") => void
  /** The attempt is over. */
  readonly finish: (answered: boolean) => void
}

/** A connection that carries one attempt at a time. */
export class WholeConnection implements Carrier {
  readonly facts: Evidence.Connection
  sent = false
  readonly unprocessed = undefined
  private readonly connection: Connection
  private readonly now: () => number
  private readonly startedAt: number
  private readonly writtenBefore: number
  private readonly readBefore: number
  private over = false

  constructor(connection: Connection, now: () => number) {
    const { idleSince, openedAt, requestsServed, socket } = connection
    const startedAt = now()
    const reused = requestsServed > 0
    this.connection = connection
    this.now = now
    this.startedAt = startedAt
    this.writtenBefore = socket.bytesWritten
    this.readBefore = socket.bytesRead
    this.facts = { reused, ageMs: startedAt - openedAt, idleMs: reused ? startedAt - idleSince : 0, requestsServed }
    connection.start(startedAt, this.readBefore)
  }

  get bytesWritten(): number {
    return this.connection.socket.bytesWritten - this.writtenBefore
  }

  get bytesRead(): number {
    return this.connection.socket.bytesRead - this.readBefore
  }

  get closed(): Evidence.Closed | undefined {
    const { ended } = this.connection
    return ended === "agreed" ? undefined : ended
  }

  isEarly(status: number): boolean {
    return this.facts.reused && isEarly(status, this.now() - this.startedAt, this.connection.site.roundTripMs)
  }

  handedOver(): void {
    // undici is done with it; the socket may not be, a TLS one for a turn of the event loop.
    this.noteSent()
    if (!this.sent) setImmediate(() => this.noteSent())
  }

  hint(): void {
    this.connection.hinted = true
  }

  note(why: "local-abort" | "local-limit"): void {
    this.connection.note(why)
  }

  finish(answered: boolean): void {
    this.over = true
    this.connection.finish(answered)
    if (answered && this.connection.socket.writableLength > 0) setImmediate(() => this.checkSent())
  }

  /**
   * Answered before the request had left: what is still to be written would hold up whoever comes next. A turn later,
   * because of one read and one write that are done at the same time, Node tells the read first.
   */
  private checkSent(): void {
    const { connection } = this
    if (!connection.isIdle || connection.socket.writableLength === 0) return
    connection.note("local-abort")
    connection.evict()
  }

  /** The request is sent when the socket has nothing more to write; of a socket that is gone nothing can be told. */
  private noteSent(): void {
    const { socket } = this.connection
    if (this.over || socket.destroyed) return
    if (socket.writableLength === 0) this.sent = true
    else if (socket.writableNeedDrain) socket.once("drain", () => this.noteSent())
  }
}
