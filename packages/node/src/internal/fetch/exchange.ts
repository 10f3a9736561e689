/** One call of `fetch` under way: a single fiber from the request to the last byte of the answer. */
import type { Failure } from "@holdfast/core/Failure"
import * as Failures from "@holdfast/core/Failure"
import type { HttpResponse, HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import * as Repair from "@holdfast/core/Repair"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Answers } from "./answer.ts"
import { hasNoBody } from "./answer.ts"
import type { Broken } from "./body.ts"
import { BodyReader } from "./bodyReader.ts"
import type { Manner, Target } from "./call.ts"
import { Call } from "./call.ts"
import * as Decoding from "./decoding.ts"
import type { Outgoing } from "./outgoing.ts"
import * as Redirect from "./redirect.ts"
import type { Refusals } from "./refusals.ts"

type Error = Failure | InvalidInput

/** What all calls of one `fetch` share. */
export interface Shared {
  readonly send: HttpTransport["Service"]["send"]
  readonly run: (effect: Effect.Effect<void, Error>) => Fiber.Fiber<void, Error>
  readonly now: () => number
  readonly manner: Manner
  readonly refusals: Refusals
  readonly answers: Answers
  /** Ends calls whose answer nobody can read any more. */
  readonly unread: FinalizationRegistry<BodyReader>
}

/** Who waits for the answer. */
export interface Waiting {
  readonly resolve: (response: Response) => void
  readonly reject: (error: unknown) => void
}

/** One call under way. */
export class Exchange {
  private readonly shared: Shared
  private readonly redirect: Outgoing["redirect"]
  private readonly call: Call
  private readonly broken: Broken
  private readonly startedAt: number
  /** Until it is answered; then the body's reader takes its place, which holds no answer that could be collected. */
  private waiting: Waiting | undefined
  private reader: BodyReader | undefined
  private response: HttpResponse | undefined
  private fiber: Fiber.Fiber<void, Error> | undefined
  private over = false
  private stopListening: (() => void) | undefined

  constructor(shared: Shared, target: Target, redirect: Outgoing["redirect"], broken: Broken, waiting: Waiting) {
    this.shared = shared
    this.redirect = redirect
    this.call = new Call(shared.manner, target)
    this.broken = broken
    this.waiting = waiting
    this.startedAt = shared.now()
  }

  /** Sends it, unless it is an SDK's retry. */
  start(signal: AbortSignal | undefined): void {
    if (this.shared.refusals.refuses(this.call.headers)) {
      this.settle(new TypeError("fetch failed", { cause: this.shared.refusals.failureFor(this.call) }))
      return
    }
    if (signal !== undefined) this.listen(signal)
    this.fiber = this.shared.run(Effect.scoped(this.program(this.call, 0)))
    this.fiber.addObserver((exit) => this.exited(exit))
  }

  private listen(signal: AbortSignal): void {
    const onAbort = () => this.abort(signal.reason)
    signal.addEventListener("abort", onAbort, { once: true })
    this.stopListening = () => signal.removeEventListener("abort", onAbort)
  }

  private program(call: Call, hops: number): Effect.Effect<void, Error, Scope.Scope> {
    const sent = Repair.send(this.shared.send, (attempt) => call.request(attempt), this.leftMs(hops))
    return Effect.flatMap(sent, (response) => {
      const next = Redirect.next(this.redirect, call, response, hops)
      switch (next._tag) {
        case "Answer":
          return this.answered(call, response, hops)
        case "Follow":
          return Effect.andThen(response.discard, this.program(new Call(this.shared.manner, next.target), hops + 1))
        case "Refuse":
          return this.refuse(response, next.detail)
      }
    })
  }

  /** What is left of the call's time after so many redirects; 0 is no limit. */
  private leftMs(hops: number): number {
    const { totalMs } = this.shared.manner.limits
    return totalMs === 0 || hops === 0 ? totalMs : Math.max(1, totalMs - (this.shared.now() - this.startedAt))
  }

  private refuse(response: HttpResponse, detail: string): Effect.Effect<never, Error> {
    return Effect.andThen(
      response.discard,
      Effect.suspend(() => Effect.fail(this.malformed(response, detail)))
    )
  }

  private malformed(response: HttpResponse, detail: string): Failure {
    return Failures.make({
      reason: new Reason.MalformedResponse({ what: "http", detail }),
      evidence: response.evidence(),
      declaration: this.call.declaration,
      candidate: this.call.candidate,
      elapsedMs: response.elapsedMs()
    })
  }

  private answered(call: Call, response: HttpResponse, hops: number): Effect.Effect<void, Error, Scope.Scope> {
    const { status } = response
    // What `Response` cannot hold.
    if (status > 599) return this.refuse(response, `the status ${status}`)
    const origin = { url: call.url, redirected: hops > 0 }
    if (hasNoBody(call.method, status)) {
      return Effect.map(response.discard, () => this.give(this.shared.answers(response, null, origin)))
    }
    const reader = new BodyReader(() => this.left(response))
    const body = reader.stream()
    this.shared.unread.register(body, reader)
    this.response = response
    this.reader = reader
    this.give(this.shared.answers(response, this.decoded(body, response), origin))
    return pump(response, reader)
  }

  private decoded(body: ReadableStream<Uint8Array>, response: HttpResponse): ReadableStream<Uint8Array> {
    const encoding = response.headers["content-encoding"]
    const chain = Decoding.decodersOf(encoding)
    if (chain.length === 0) return body
    return Decoding.decode(body, chain, (detail) => {
      const failure = this.noted(this.malformed(response, `content-encoding ${encoding}: ${detail}`))
      return new TypeError("terminated", { cause: failure })
    })
  }

  private give(response: Response): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.resolve(response)
  }

  private abort(reason: unknown): void {
    if (this.over) return
    this.over = true
    this.stopListening?.()
    this.shared.refusals.forget(this.call)
    this.settle(reason)
    this.fiber?.interruptUnsafe()
  }

  /** Nobody reads the answer any more: what little is left is read for nothing, and one that goes on is ended. */
  private left(response: HttpResponse): void {
    if (this.over) return
    this.over = true
    this.stopListening?.()
    // Beside the call's own fiber, which may be waiting for the next bytes.
    this.shared.run(Effect.map(response.discard, () => this.fiber?.interruptUnsafe()))
  }

  private exited(exit: Exit.Exit<void, Error>): void {
    if (this.over) return
    this.over = true
    this.stopListening?.()
    if (exit._tag === "Success") this.reader?.close()
    else this.fail(Cause.squash(exit.cause))
  }

  private fail(cause: unknown): void {
    const { thrown } = this.broken.error ?? {}
    const why = this.broken.error !== undefined ? thrown : Failures.isFailure(cause) ? this.noted(cause) : cause
    this.settle(new TypeError(this.waiting === undefined ? "terminated" : "fetch failed", { cause: why }))
  }

  private settle(error: unknown): void {
    const { waiting } = this
    this.waiting = undefined
    if (waiting === undefined) this.reader?.error(error)
    else waiting.reject(error)
  }

  /** The failure as the caller gets it, kept for a retry of an SDK. */
  private noted(raw: Failure): Failure {
    const { totalMs } = this.shared.manner.limits
    const ours = totalMs > 0 && raw.reason._tag === "TotalTimeout" && raw.reason.limitMs !== totalMs
    const given = this.reader?.given === true && !isJson(this.response)
    const failure =
      ours || given
        ? Failures.amend(raw, {
            ...(ours ? { reason: new Reason.TotalTimeout({ limitMs: totalMs }) } : undefined),
            ...(given ? { exposure: "output" as const } : undefined)
          })
        : raw
    this.shared.refusals.remember(this.call, failure)
    return failure
  }
}

/** Whether the beginning of an answer says nothing before its end has come. */
const isJson = (response: HttpResponse | undefined): boolean =>
  /^application\/(?:[\w.-]+\+)?json\b(?!-seq)/i.test(response?.headers["content-type"] ?? "")

/** Hands the body over, at the pace of its reader. */
const pump = (response: HttpResponse, reader: BodyReader): Effect.Effect<void, Failure, Scope.Scope> =>
  Effect.flatMap(Stream.toPull(response.body), (pull) => {
    const take: Pull.Pull<void, Failure> = Effect.flatMap(pull, (chunks) => {
      reader.give(chunks)
      return loop
    })
    const loop: Pull.Pull<void, Failure> = Effect.flatMap(reader.wanted, () => take)
    return Pull.catchDone(loop, () => Effect.void)
  })
