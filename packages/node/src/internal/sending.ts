/** One request on its way: handed to a dispatcher, answered or broken, and let go with its scope. */
import { Readable } from "node:stream"
import type { Failure } from "@holdfast/core/Failure"
import * as Failures from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { RequestHead } from "@holdfast/core/RequestHead"
import { isStreamed } from "@holdfast/core/RequestHead"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import type { Dispatcher } from "../Dispatcher.ts"
import type { Reader } from "./attempt.ts"
import { Attempt } from "./attempt.ts"
import { classify } from "./classify.ts"
import { codeOf } from "./codeOf.ts"
import type { Sent } from "./pool.ts"
import { Response } from "./response.ts"

/** What a request ends with, if not with an answer. */
export type Error = Failure | InvalidInput

type Resume = (answer: Effect.Effect<HttpResponse, Error>) => void

/** One request on its way. */
export class Sending implements Reader {
  readonly attempt: Attempt
  private readonly request: HttpRequest
  private readonly head: RequestHead
  private readonly dispatcher: Dispatcher["Service"]
  private resume: Resume | undefined
  private stopListening: (() => void) | undefined

  constructor(request: HttpRequest, head: RequestHead, dispatcher: Dispatcher["Service"], now: () => number) {
    this.request = request
    this.head = head
    this.dispatcher = dispatcher
    const limits = TimeLimits.ofAnswer(head.limits, request.streaming === true)
    this.attempt = new Attempt(limits, now, dispatcher.instrumented)
    if (request.signal !== undefined) this.listen(request.signal)
  }

  /** Hands it over and waits for the head of the answer. */
  get answer(): Effect.Effect<HttpResponse, Error> {
    return Effect.callback((resume) => {
      const { attempt, request } = this
      if (request.signal?.aborted === true) {
        attempt.abort(new SignalAborted())
        return resume(Effect.interrupt)
      }
      this.resume = resume
      attempt.reader = this
      this.dispatcher.dispatch(this.sent(), attempt)
      return Effect.sync(() => attempt.abort(new globalThis.Error("interrupted")))
    })
  }

  /** Ends an answer that nobody read to its end. */
  release(): void {
    this.stopListening?.()
    this.attempt.release()
  }

  /** What its reader gets for what ended it. */
  broke(error: globalThis.Error): Effect.Effect<never, Failure> {
    if (error instanceof SignalAborted) return Effect.interrupt
    const { attempt, request } = this
    return Effect.fail(
      Failures.make({
        reason: classify(attempt, error, this.head.host),
        evidence: attempt.evidence(),
        declaration: request.declaration,
        candidate: request.candidate,
        attempt: request.attempt ?? 1,
        elapsedMs: attempt.elapsedMs(),
        thrown: error
      })
    )
  }

  /** @see Reader */
  onHead(status: number): void {
    this.attempt.reader = undefined
    // One read of the socket may hold the body, too, or its beginning: they are taken together.
    queueMicrotask(() => this.resume?.(Effect.succeed(new Response(this, status))))
  }

  /** @see Reader */
  onProgress(): void {
    const { ending } = this.attempt
    if (ending?._tag === "Broken") this.resume?.(this.refused(ending.error) ?? this.broke(ending.error))
  }

  private sent(): Sent {
    const { head, request } = this
    return {
      origin: head.origin,
      path: head.path,
      method: request.method,
      headers: head.headers,
      body: bodyOf(request.body),
      fresh: request.connection === "fresh",
      headersTimeout: this.attempt.limits.headersMs,
      bodyTimeout: head.limits.livenessMs
    }
  }

  /** What the dispatcher would not even queue. A proxy's 407, which comes with the same code, is an answer and no refusal. */
  private refused(error: globalThis.Error): Effect.Effect<never, InvalidInput> | undefined {
    if (this.attempt.started || codeOf(error) !== "UND_ERR_INVALID_ARG") return undefined
    return Effect.fail(
      InvalidInput.of({
        kind: "InvalidOption",
        place: "request, or an option of its dispatcher",
        expected: "what the dispatcher takes",
        found: `its refusal: ${error.message}`
      })
    )
  }

  /** Until it is let go, the caller's signal ends it. */
  private listen(signal: AbortSignal): void {
    const onAbort = () => this.attempt.abort(new SignalAborted())
    signal.addEventListener("abort", onAbort, { once: true })
    this.stopListening = () => signal.removeEventListener("abort", onAbort)
  }
}

/** The caller's signal ended the attempt: an interruption, not a failure. */
class SignalAborted extends globalThis.Error {}

/** A body that comes as it is made goes as a stream, which undici ends with the attempt. */
const bodyOf = (body: HttpRequest["body"]): Sent["body"] =>
  isStreamed(body) ? Readable.from(body, { objectMode: false }) : (body ?? null)
