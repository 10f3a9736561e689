/**
 * One attempt at a scripted transport: it plays an encounter against the clock, within the request's limits, and
 * fails as the transport over sockets does.
 */
import type * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { isStreamed } from "@holdfast/core/RequestHead"
import * as Reason from "@holdfast/core/Reason"
import type { RequestHead } from "@holdfast/core/RequestHead"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Headers from "effect/http/Headers"
import type { Answered, Encounter, Ending } from "./encounter.ts"
import { headOf } from "./template.ts"

/** What became of an attempt. */
export type Outcome =
  | { readonly _tag: "Pending" }
  | { readonly _tag: "Complete" }
  | { readonly _tag: "Discarded" }
  | { readonly _tag: "Failed"; readonly failure: Failure.Failure }
  | { readonly _tag: "Aborted"; readonly by: "interruption" | "scope" | "signal" }

/** @see module documentation */
export class ScriptedAttempt {
  readonly request: HttpRequest
  readonly sentAtMs: number
  outcome: Outcome = { _tag: "Pending" }
  endedAtMs: number | undefined
  readonly #encounter: Encounter
  readonly #host: string
  readonly #clock: Clock.Clock
  readonly #limits: TimeLimits.Resolved
  readonly #requestBytes: number
  /** Fails whoever waits when a layer above ends the attempt. */
  readonly #stopped = Deferred.makeUnsafe<never, Failure.Failure>()
  #phase: Evidence.Phase
  #bytesRead = 0
  #status: number | undefined
  #closed: Evidence.Closed | undefined
  /** When the last thing came, in milliseconds of the clock. */
  #lastAtMs: number

  constructor(request: HttpRequest, head: RequestHead, encounter: Encounter, clock: Clock.Clock) {
    this.request = request
    this.#encounter = encounter
    this.#host = head.host
    this.#clock = clock
    this.#limits = head.limits
    this.#requestBytes = sizeOf(request, head)
    this.#phase = encounter._tag === "Unconnected" ? encounter.phase : "connecting"
    this.sentAtMs = this.#now()
    this.#lastAtMs = this.sentAtMs
  }

  evidence(): Evidence.Evidence {
    const encounter = this.#encounter
    if (encounter._tag === "Given") return encounter.evidence
    const started = this.#phase === "waiting" || this.#phase === "responding"
    return {
      _tag: "Observed",
      phase: this.#phase,
      bytesWritten: started ? this.#requestBytes : 0,
      bytesRead: this.#bytesRead,
      ...(started && encounter._tag !== "Unconnected" && { connection: encounter.connection }),
      ...(this.#closed !== undefined && { closed: this.#closed }),
      ...(this.#status !== undefined && { status: this.#status })
    }
  }

  /** Ends the attempt from our side, unless it has ended. */
  abort(by: "interruption" | "scope" | "signal"): void {
    if (this.outcome._tag !== "Pending") return
    if (this.#phase === "waiting" || this.#phase === "responding") this.#closed = "local-abort"
    this.#end({ _tag: "Aborted", by })
  }

  /** Waits for the head of the answer. */
  readonly head: Effect.Effect<HttpResponse, Failure.Failure> = Effect.suspend(() => {
    const encounter = this.#encounter
    switch (encounter._tag) {
      case "Given":
        return Effect.andThen(this.#wait(encounter.afterMs), this.#failing(encounter.reason))
      case "Unconnected":
        return Effect.andThen(this.#connect(encounter.afterMs), () => this.#failing(encounter.reason(this.#host)))
      case "Unanswered":
        return Effect.andThen(this.#sendAndWait(encounter), () => {
          this.#read(encounter.headBytes)
          return this.#ends(encounter.ending)
        })
      case "Answered":
        return Effect.map(this.#sendAndWait(encounter), () => {
          const { headers, status } = encounter
          const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
          this.#read(headOf({ status, headers: lines }, []).length)
          this.#status = status
          return this.#response(encounter)
        })
    }
  })

  #now(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }

  #connect(ms: number): Effect.Effect<void, Failure.Failure> {
    const limitMs = this.#limits.connectMs
    return this.#within(ms, limitMs, () => new Reason.ConnectTimeout({ host: this.#host, limitMs }))
  }

  #sendAndWait({ connectMs, headMs }: { readonly connectMs: number; readonly headMs: number }) {
    const limitMs = TimeLimits.ofAnswer(this.#limits, this.request.streaming === true).headersMs
    return Effect.andThen(this.#connect(connectMs), () => {
      this.#phase = "waiting"
      return this.#within(headMs, limitMs, () => new Reason.HeadersTimeout({ limitMs }))
    })
  }

  #response(answer: Answered): HttpResponse {
    let index = 0
    const limitMs = this.#limits.livenessMs
    const stalled = () => new Reason.StreamStalled({ limitMs, waitedFor: "bytes" })

    const pull: Pull.Pull<readonly [Uint8Array], Failure.Failure> = Effect.suspend(() => {
      if (this.outcome._tag === "Failed") return Effect.fail(this.outcome.failure)
      if (this.outcome._tag === "Aborted") return this.#gone(this.outcome.by)
      if (this.outcome._tag !== "Pending") return Cause.done()
      const chunk = answer.chunks[index]
      if (chunk === undefined) {
        if (answer.ending !== "silence") return this.#ends(answer.ending)
        return Effect.andThen(this.#within(Number.POSITIVE_INFINITY, limitMs, stalled), Effect.never)
      }
      return Effect.map(this.#within(chunk.afterMs, limitMs, stalled), () => {
        index += 1
        this.#read(chunk.bytes.length)
        return [chunk.bytes] as const
      })
    })

    const body = Stream.fromPull(Effect.succeed(pull))
    return {
      status: answer.status,
      headers: Headers.fromInput(answer.headers),
      body,
      text: Effect.map(Stream.runCollect(body), (chunks) => Buffer.concat(chunks).toString("utf8")),
      end: (reason) =>
        Effect.sync(() => {
          if (this.outcome._tag !== "Pending") return
          this.#closed = "local-limit"
          const failure = this.#failure(reason)
          this.#end({ _tag: "Failed", failure })
          Deferred.doneUnsafe(this.#stopped, Effect.fail(failure))
        }),
      discard: Effect.sync(() => {
        if (this.outcome._tag !== "Pending") return
        const nothingLeft = answer.chunks[index] === undefined && answer.ending === "complete"
        this.#end({ _tag: nothingLeft ? "Complete" : "Discarded" })
      }),
      evidence: () => this.evidence(),
      elapsedMs: () => this.#now() - this.sentAtMs
    }
  }

  /** What a reader gets who comes after the end. */
  #gone(by: "interruption" | "scope" | "signal"): Effect.Effect<never, Failure.Failure> {
    return by === "scope" ? Effect.fail(this.#failure(lostIn("body", "unknown"))) : Effect.interrupt
  }

  /** Waits for what comes `ms` after the last thing that came; what would take longer than the limit, 0 being none, fails. */
  #within(ms: number, limitMs: number, reason: () => Reason.Reason): Effect.Effect<void, Failure.Failure> {
    const { totalMs } = this.#limits
    const leftMs = totalMs === 0 ? Number.POSITIVE_INFINITY : this.sentAtMs + totalMs - this.#lastAtMs
    const ownMs = limitMs === 0 ? Number.POSITIVE_INFINITY : limitMs
    if (ms <= leftMs && ms <= ownMs) return this.#wait(ms)
    return Effect.andThen(this.#wait(Math.min(leftMs, ownMs)), () => {
      if (this.#phase === "waiting" || this.#phase === "responding") this.#closed = "local-limit"
      return this.#failing(leftMs <= ownMs ? new Reason.TotalTimeout({ limitMs: totalMs }) : reason())
    })
  }

  #wait(ms: number): Effect.Effect<void, Failure.Failure> {
    const untilMs = this.#lastAtMs + ms
    const left = untilMs - this.#now()
    const arrived = Effect.sync(() => {
      this.#lastAtMs = untilMs
    })
    if (left <= 0) return arrived
    const waiting = Effect.raceFirst(
      left === Number.POSITIVE_INFINITY ? Effect.never : Effect.sleep(left),
      Deferred.await(this.#stopped)
    )
    const { signal } = this.request
    return Effect.andThen(signal === undefined ? waiting : Effect.raceFirst(waiting, interruptedBy(signal)), arrived)
  }

  #read(bytes: number): void {
    this.#bytesRead += bytes
    if (bytes > 0) this.#phase = "responding"
  }

  #ends(ending: Exclude<Ending, "complete">): Effect.Effect<never, Failure.Failure>
  #ends(ending: Ending): Effect.Effect<never, Failure.Failure | Cause.Done>
  #ends(ending: Ending): Effect.Effect<never, Failure.Failure | Cause.Done> {
    switch (ending) {
      case "complete":
        this.#end({ _tag: "Complete" })
        return Cause.done()
      case "silence":
        return Effect.never
      case "malformed":
        this.#closed = "local-abort"
        return this.#failing(new Reason.MalformedResponse({ what: "http", detail: "not HTTP/1.1" }))
      default:
        this.#closed = ending === "fin" ? "peer-fin" : "peer-reset"
        return this.#failing(this.#lost(ending))
    }
  }

  /** What a close by the peer is, by how far the attempt had come. */
  #lost(how: "fin" | "reset"): Reason.Reason {
    if (this.#status !== undefined) return lostIn("body", how)
    if (this.#bytesRead > 0) return lostIn("head", how)
    const encounter = this.#encounter
    return encounter._tag === "Unanswered" && encounter.connection.reused
      ? new Reason.StaleConnection({ idleMs: encounter.connection.idleMs, how })
      : lostIn("request", how)
  }

  #failing(reason: Reason.Reason): Effect.Effect<never, Failure.Failure> {
    return Effect.suspend(() => {
      const failure = this.#failure(reason)
      this.#end({ _tag: "Failed", failure })
      return Effect.fail(failure)
    })
  }

  #failure(reason: Reason.Reason): Failure.Failure {
    return Failure.make({
      reason,
      evidence: this.evidence(),
      declaration: this.request.declaration,
      candidate: this.request.candidate,
      attempt: this.request.attempt ?? 1,
      elapsedMs: this.#now() - this.sentAtMs
    })
  }

  #end(outcome: Outcome): void {
    this.outcome = outcome
    this.endedAtMs = this.#now()
  }
}

const lostIn = (during: "request" | "head" | "body", how: "fin" | "reset" | "unknown") =>
  new Reason.ConnectionLost({ how, during })

/** Interrupts when the signal aborts: what its caller has ended is no failure. */
const interruptedBy = (signal: AbortSignal): Effect.Effect<never> =>
  Effect.callback((resume) => {
    if (signal.aborted) return resume(Effect.interrupt)
    const onAbort = () => resume(Effect.interrupt)
    signal.addEventListener("abort", onAbort, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", onAbort))
  })

/** What the request would take on an HTTP/1.1 connection; the headers that a transport adds of its own do not count. */
const sizeOf = ({ body = "", method }: HttpRequest, { headers, host, path }: RequestHead): number => {
  const text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n${headers.join("")}`
  // Each of the names and values is followed by two characters: a colon and a space, or the end of its line.
  return Buffer.byteLength(text, "latin1") + 2 * headers.length + (isStreamed(body) ? 0 : Buffer.byteLength(body))
}
