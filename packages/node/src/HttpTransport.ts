/**
 * `HttpTransport` over undici: one attempt, straight through `dispatch`, with the evidence of what became of it.
 *
 * It adds no header of its own, trace headers included, unless asked; it follows no redirect, repeats nothing and
 * decompresses nothing.
 */
import * as Evidence from "@holdfast/core/Evidence"
import type { Failure } from "@holdfast/core/Failure"
import * as Failures from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import { HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import type { Telemetry } from "@holdfast/core/Telemetry"
import * as RequestHead from "@holdfast/core/RequestHead"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import { Readable } from "node:stream"
import * as Dispatcher from "./Dispatcher.ts"
import { Dispatchers, make as makeDispatchers } from "./Dispatchers.ts"
import { Attempt } from "./internal/attempt.ts"
import { classify } from "./internal/classify.ts"
import type { Sent } from "./internal/pool.ts"
import type { Break } from "./internal/response.ts"
import { Response } from "./internal/response.ts"

export { HttpTransport } from "@holdfast/core/HttpTransport"

/** How a transport behaves towards all providers. */
export interface Options {
  /** Sends the current span's `traceparent` and `b3` to providers. Default `false`. */
  readonly traceHeaders?: boolean
}

/** Makes an {@link HttpTransport} over the given dispatchers. */
export const make = (
  options: Options = {}
): Effect.Effect<HttpTransport["Service"], never, Dispatchers | Scope.Scope> =>
  Effect.gen(function* () {
    const dispatchers = yield* Dispatchers
    const clock = yield* Clock.Clock
    const scope = yield* Effect.scope
    const now = () => clock.currentTimeMillisUnsafe()
    const known = new Map<string, Dispatcher.Dispatcher["Service"]>()
    let closed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))

    const dispatcherOf = (provider: string): Effect.Effect<Dispatcher.Dispatcher["Service"], InvalidInput> => {
      const dispatcher = known.get(provider)
      return dispatcher === undefined
        ? Effect.provideService(acquire(provider), Scope.Scope, scope)
        : Effect.succeed(dispatcher)
    }

    const acquire = (provider: string) =>
      Effect.map(dispatchers.contextEffect(provider), (context) => {
        const dispatcher = Context.get(context, Dispatcher.Dispatcher)
        known.set(provider, dispatcher)
        return dispatcher
      })

    const send = (request: HttpRequest): Effect.Effect<HttpResponse, Failure | InvalidInput, Scope.Scope> =>
      Effect.withFiber((fiber) => {
        const head = RequestHead.read(request)
        if (Result.isFailure(head)) return Effect.fail(head.failure)
        if (closed) return afterClosing(request)
        if (options.traceHeaders === true) addTraceHeaders(head.success, fiber.context)
        return Effect.flatMap(dispatcherOf(request.candidate.provider), (dispatcher) =>
          dispatch(request, head.success, dispatcher, now)
        )
      })

    return HttpTransport.of({ send })
  })

/** The transport, with a pool for every provider; `Dispatchers.swap` beside it replaces a provider's. */
export const layer: Layer.Layer<HttpTransport, never, Telemetry> = Layer.suspend(() => layerOptions({}))

/** {@link layer}, with options. */
export const layerOptions = (options: Options): Layer.Layer<HttpTransport, never, Telemetry> =>
  Layer.provide(layerNoDeps(options), Layer.effect(Dispatchers, makeDispatchers))

/** The transport over dispatchers that are provided. */
export const layerNoDeps = (options?: Options): Layer.Layer<HttpTransport, never, Dispatchers> =>
  Layer.effect(HttpTransport, make(options))

/** Nothing is sent once the transport's scope has closed. */
const afterClosing = (request: HttpRequest): Effect.Effect<never, Failure> =>
  Effect.fail(
    Failures.make({
      reason: new Reason.ConnectionLost({ how: "unknown", during: "request" }),
      evidence: Evidence.unsent,
      declaration: request.declaration,
      candidate: request.candidate,
      attempt: request.attempt ?? 1,
      thrown: new Error("the transport is closed")
    })
  )

const addTraceHeaders = (head: RequestHead.RequestHead, context: Context.Context<never>): void => {
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  if (span?._tag !== "Span") return
  for (const [name, value] of Object.entries(HttpTraceContext.toHeaders(span))) head.headers.push(name, value)
}

const dispatch = (
  request: HttpRequest,
  head: RequestHead.RequestHead,
  dispatcher: Dispatcher.Dispatcher["Service"],
  now: () => number
): Effect.Effect<HttpResponse, Failure | InvalidInput, Scope.Scope> => {
  const { limits } = head
  const attempt = new Attempt(limits, now, dispatcher.instrumented)
  const broke = breakOf(request, head, attempt, now)
  const answered = Effect.callback<HttpResponse, Failure | InvalidInput>((resume) => {
    attempt.reader = {
      onHead: (status) => {
        attempt.reader = undefined
        resume(Effect.succeed(new Response(attempt, status, broke, now)))
      },
      onProgress: () => {
        if (attempt.ending?._tag !== "Broken") return
        resume(refused(attempt, attempt.ending.error) ?? broke(attempt.ending.error))
      }
    }
    if (request.signal?.aborted === true) return attempt.abort(new SignalAborted())
    dispatcher.dispatch(
      {
        origin: head.origin,
        path: head.path,
        method: request.method,
        headers: head.headers,
        body: bodyOf(request.body),
        fresh: request.connection === "fresh",
        headersTimeout: request.streaming === true ? limits.headersMs : 0,
        bodyTimeout: limits.livenessMs
      },
      attempt
    )
    return Effect.sync(() => attempt.abort(new Error("interrupted")))
  })
  return Effect.flatMap(Effect.scope, (scope) =>
    Effect.andThen(Scope.addFinalizer(scope, release(attempt, request.signal)), answered)
  )
}

/** A body that comes as it is made goes as a stream, which undici ends with the attempt. */
const bodyOf = (body: HttpRequest["body"]): Sent["body"] =>
  RequestHead.isStreamed(body) ? Readable.from(body, { objectMode: false }) : (body ?? null)

/** What the dispatcher would not even queue. A proxy's 407, which comes with the same code, is an answer and no refusal. */
const refused = (attempt: Attempt, error: Error): Effect.Effect<never, InvalidInput> | undefined =>
  !attempt.started && "code" in error && error.code === "UND_ERR_INVALID_ARG"
    ? Effect.fail(
        InvalidInput.of({
          kind: "InvalidOption",
          place: "request, or an option of its dispatcher",
          expected: "what the dispatcher takes",
          found: `its refusal: ${error.message}`
        })
      )
    : undefined

/** Ends an answer that nobody read to its end, and until then listens to the caller's signal. */
const release = (attempt: Attempt, signal: AbortSignal | undefined): Effect.Effect<void> => {
  const onAbort = () => attempt.abort(new SignalAborted())
  signal?.addEventListener("abort", onAbort, { once: true })
  return Effect.sync(() => {
    signal?.removeEventListener("abort", onAbort)
    attempt.release()
  })
}

/** The caller's signal ended the attempt: an interruption, not a failure. */
class SignalAborted extends Error {}

const breakOf =
  (request: HttpRequest, head: RequestHead.RequestHead, attempt: Attempt, now: () => number): Break =>
  (error) =>
    Effect.suspend(() => {
      if (error instanceof SignalAborted) return Effect.interrupt
      return Effect.fail(
        Failures.make({
          reason: classify(attempt, error, head.host),
          evidence: attempt.evidence(),
          declaration: request.declaration,
          candidate: request.candidate,
          attempt: request.attempt ?? 1,
          elapsedMs: now() - attempt.startedAt,
          thrown: error
        })
      )
    })
