/**
 * One connection: turns bytes into requests, carries out the plan for each, and notes what happened.
 *
 * It never decides what goes wrong; its host does, by choosing faults and replies.
 */
import type * as FaultScript from "../FaultScript.ts"
import type * as FaultTruth from "../FaultTruth.ts"
import * as Clock from "./clock.ts"
import { deliver } from "./delivery.ts"
import type { Plan } from "./plan.ts"
import type { Call, Replier } from "./reply.ts"
import { badRequest, goOn, requestTimeout } from "./reply.ts"
import type { RequestHead } from "./requestReader.ts"
import { RequestReader } from "./requestReader.ts"
import type { Rules } from "./rules.ts"
import { Choice } from "./rules.ts"
import type { Socket } from "./socket.ts"
import { close } from "./socket.ts"
import type { IdleLimit } from "./storm.ts"
import type { ConnectionRecord, Recorder, RequestRecord } from "./truth.ts"

/** What a connection asks of its endpoint; `recorder` and `rules` change together when a script is set. */
export interface Host {
  readonly recorder: Recorder
  readonly rules: Rules
  readonly replier: Replier
  /** The idle limit of a connection that falls idle now, if there is a storm. */
  readonly idleLimit: () => IdleLimit | undefined
  readonly gone: (connection: Connection) => void
}

/**
 * - `opening`: TLS handshake under way
 * - `idle`: between requests
 * - `reading`: part of a request has come
 * - `answering`: a plan is being carried out; what comes meanwhile waits
 * - `mute`: this side has sent FIN, but requests are still read and run
 * - `deaf`: nothing is said any more, and what comes is thrown away
 */
type Phase = "opening" | "idle" | "reading" | "answering" | "mute" | "deaf"

/** An accepted connection, from then until it is gone. */
export class Connection {
  readonly #host: Host
  readonly #socket: Socket
  readonly #reader = new RequestReader()
  readonly #openedAtMs = Clock.now()
  #recorder: Recorder
  #record: ConnectionRecord
  #phase: Phase = "idle"
  #request: RequestRecord | undefined
  #choice: Choice | undefined
  #waiting: Array<Buffer> = []
  #timer: Clock.Timer | undefined
  #stopDelivery: () => void = ignore
  #clientEnded = false
  #lastCall: Call | undefined

  constructor(host: Host, socket: Socket, record: ConnectionRecord) {
    this.#host = host
    this.#socket = socket
    this.#recorder = host.recorder
    this.#record = record
    const { raw, stream } = socket
    if (stream !== raw) {
      this.#phase = "opening"
      raw.on("error", ignore)
      stream.once("secure", () => this.#secured())
    }
    stream.on("data", (chunk: Buffer) => this.#receive(chunk))
    stream.on("end", () => this.#clientFinished())
    stream.on("error", () => this.#closedByClient("reset"))
    stream.on("close", () => this.#gone())
  }

  /** Whether no request is being received or answered and nothing has closed it. */
  get idle(): boolean {
    return this.#phase === "idle" && !this.#clientEnded
  }

  /** Cuts it as a script says, before any request. */
  cut(how: FaultScript.CutHow): void {
    if (how !== "stall") return this.#close(how, false, ignore)
    this.#phase = "deaf"
    if (this.#clientEnded) this.#socket.stream.destroySoon()
  }

  /** Closes it while it is idle; `done` runs once the close has been handed to the kernel. */
  closeIdle(how: FaultScript.IdleHow, done: () => void): void {
    if (!this.idle) return done()
    if (how !== "408" && how !== "200") return this.#close(how, true, done)
    const farewell = how === "408" ? requestTimeout : this.#host.replier.unsolicited(this.#lastCall)
    this.#closeWith(farewell, { by: "server", how, whileIdle: true }, done)
  }

  /** From now on throws away what comes. */
  ignoreInput(): void {
    this.#phase = "deaf"
  }

  /** Ends whatever is under way with RST. */
  abort(): void {
    if (this.#phase !== "idle") this.#close("reset", false, ignore)
  }

  #secured(): void {
    this.#record.handshake = "done"
    if (this.#phase === "opening") this.#phase = "idle"
  }

  #receive(chunk: Buffer): void {
    if (this.#phase === "idle") this.#begin()
    this.#record.bytesReceived += chunk.length
    if (this.#phase === "answering") this.#waiting.push(chunk)
    else this.#read(chunk)
  }

  #read(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0 && (this.#phase === "reading" || this.#phase === "mute" || this.#phase === "idle")) {
      const request = this.#request ?? this.#begin()
      rest = this.#take(request, rest)
    }
    if (rest.length > 0 && this.#phase === "answering") this.#waiting.push(rest)
  }

  #begin(): RequestRecord {
    Clock.cancel(this.#timer)
    const { recorder, rules } = this.#host
    if (this.#recorder !== recorder) {
      this.#recorder = recorder
      this.#record = recorder.connection(this.#openedAtMs, true)
    }
    const request = recorder.request(this.#record)
    this.#request = request
    if (this.#phase === "mute") return request
    this.#phase = "reading"
    const numbers = { connection: this.#record.id, request: request.index, nth: request.nth }
    this.#choice = new Choice(rules, numbers)
    return request
  }

  /** Gives the reader what the fault lets it have, and returns what is left for the next request. */
  #take(request: RequestRecord, chunk: Buffer): Buffer {
    const reader = this.#reader
    const headKnown = reader.head !== undefined
    const room = this.#bytesAllowed() - reader.bytes
    const headOnly = this.#choice?.needsHead === true
    const before = reader.bytes
    const rest = reader.push(room < chunk.length ? chunk.subarray(0, room) : chunk, headOnly)
    request.bytes = reader.bytes
    if (request.text !== undefined) request.text += chunk.toString("latin1", 0, reader.bytes - before)
    if (!headKnown && reader.head !== undefined) this.#headRead(request, reader.head)
    if (reader.state === "invalid") this.#refuse()
    else if (reader.state === "complete") this.#complete(request)
    else if (reader.bytes >= this.#bytesAllowed()) {
      this.#cutEarly(request)
      // What lies behind the cut is read by a half-closed connection only; on others it is thrown away.
      return room < chunk.length ? chunk.subarray(room) : rest
    }
    return rest
  }

  #headRead(request: RequestRecord, head: RequestHead): void {
    request.tag = head.tag
    this.#choice?.headRead(head.tag)
    const waits = head.expectsContinue && this.#reader.state === "body" && this.#phase === "reading"
    if (waits) this.#say(goOn)
  }

  #refuse(): void {
    if (this.#phase === "mute") this.#phase = "deaf"
    else this.#closeWith(badRequest, { by: "server", how: "fin", whileIdle: false }, ignore)
  }

  #bytesAllowed(): number {
    return this.#choice?.bytesAllowed ?? Number.POSITIVE_INFINITY
  }

  #cutEarly(request: RequestRecord): void {
    const cut = this.#choice?.earlyCut
    this.#choice = undefined
    if (cut === undefined) return
    this.#strike(request, cut)
    this.cut(cut.how)
  }

  #complete(request: RequestRecord): void {
    const { head } = this.#reader
    const early = this.#choice?.earlyCut
    this.#recorder.complete(request)
    if (this.#phase === "mute") this.#runUnanswered(request)
    else if (early !== undefined) {
      this.#cutEarly(request)
      if (early.how === "half-fin") this.#runUnanswered(request)
    } else if (head !== undefined) this.#reply(request, head, this.#choice?.fault)
    this.#request = undefined
    this.#choice = undefined
    this.#reader.reset()
  }

  #reply(request: RequestRecord, head: RequestHead, fault: FaultScript.Fault | undefined): void {
    const { call, plan, ran } = this.#host.replier.reply(head, this.#reader.body(), fault)
    if (fault !== undefined) this.#strike(request, fault)
    this.#name(request, call)
    if (ran && call !== undefined) this.#recorder.ran(request, call.runKey)
    this.#answer(plan, request)
  }

  #runUnanswered(request: RequestRecord): void {
    const { head } = this.#reader
    const call = head === undefined ? undefined : this.#host.replier.read(head, this.#reader.body())
    this.#name(request, call)
    if (call !== undefined) this.#recorder.ran(request, call.runKey)
  }

  #name(request: RequestRecord, call: Call | undefined): void {
    if (call === undefined) return
    this.#lastCall = call
    request.runKey = call.runKey
    request.api = call.wire.api
    request.stream = call.conversation.stream
  }

  #strike(request: RequestRecord, fault: FaultScript.Fault): void {
    request.fault = fault._tag
    this.#recorder.struck(fault._tag)
  }

  #answer(plan: Plan, request: RequestRecord): void {
    const record = this.#record
    const recorder = this.#recorder
    this.#phase = "answering"
    this.#stopDelivery = deliver(this.#socket.stream, plan, {
      sent: (write, last) => {
        record.bytesSent += write.text.length
        if (last && plan.whole) recorder.answered(request, "full")
        else if (write.informational !== true) recorder.answered(request, "partial")
      },
      finished: () => this.#finish(plan)
    })
  }

  #finish(plan: Plan): void {
    if (plan.afterwards._tag === "Cut") this.cut(plan.afterwards.how)
    else if (this.#clientEnded) this.#socket.stream.destroySoon()
    else this.#fallIdle(plan)
    this.#readWaiting()
  }

  #fallIdle({ afterwards }: Plan): void {
    this.#phase = "idle"
    if (this.#waiting.length > 0) return
    const limit =
      afterwards._tag === "IdleClose" ? { idleMs: afterwards.afterMs, how: afterwards.how } : this.#host.idleLimit()
    if (limit === undefined) return
    if (limit.idleMs === 0) this.closeIdle(limit.how, ignore)
    else this.#timer = Clock.after(limit.idleMs, () => this.closeIdle(limit.how, ignore))
  }

  #readWaiting(): void {
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    this.#read(Buffer.concat(waiting))
  }

  #close(how: FaultScript.CloseHow, whileIdle: boolean, done: () => void): void {
    this.#stop()
    this.#host.recorder.closed(this.#record, { by: "server", how, whileIdle })
    this.#phase = how === "half-fin" && !this.#clientEnded ? "mute" : "deaf"
    close(this.#socket, how, done)
  }

  #closeWith(farewell: string, closed: FaultTruth.Closed, done: () => void): void {
    this.#stop()
    this.#host.recorder.closed(this.#record, closed)
    this.#phase = "deaf"
    this.#say(farewell, () => close(this.#socket, "fin", done))
  }

  #say(text: string, said: () => void = ignore): void {
    this.#record.bytesSent += text.length
    this.#socket.stream.write(text, "latin1", said)
  }

  #stop(): void {
    Clock.cancel(this.#timer)
    this.#stopDelivery()
  }

  /** The client's FIN. An answer that is still owed is given first: a client may close one side only. */
  #clientFinished(): void {
    this.#closedByClient("fin")
    this.#clientEnded = true
    if (this.#phase !== "answering") this.#socket.stream.destroySoon()
  }

  #closedByClient(how: "fin" | "reset"): void {
    if (this.#phase === "opening") this.#record.handshake = "failed"
    this.#host.recorder.closed(this.#record, { by: "client", how, whileIdle: this.#phase === "idle" })
  }

  #gone(): void {
    this.#stop()
    this.#closedByClient("fin")
    this.#phase = "deaf"
    this.#host.gone(this)
  }
}

const ignore = (): void => {}
