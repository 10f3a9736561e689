/**
 * `HttpTransport` over undici: one attempt, straight through `dispatch`, with the evidence of what became of it.
 *
 * It adds no header of its own, trace headers included, unless asked; it follows no redirect, repeats nothing and
 * decompresses nothing.
 */
import * as Client from "@holdfast/core/Client"
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
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as Dispatcher from "./Dispatcher.ts"
import { Dispatchers, make as makeDispatchers } from "./Dispatchers.ts"
import { declareRequest } from "./internal/declareRequest.ts"
import type { Error as SendingError } from "./internal/sending.ts"
import { Sending } from "./internal/sending.ts"

export { HttpTransport } from "@holdfast/core/HttpTransport"
export { fetch } from "./internal/fetch/fetch.ts"

/**
 * An `HttpClient` of Effect over the transport of one provider: {@link Client.make}, which knows the generation
 * endpoints, so that a stale connection under one of their calls is repaired.
 */
export const client = (
  provider: string,
  options?: Client.Options
): Effect.Effect<HttpClient.HttpClient, InvalidInput, HttpTransport> =>
  Client.make(provider, { declare: declareRequest, ...options })

/** {@link client} as the `HttpClient` in the context. */
export const layerClient = (
  provider: string,
  options?: Client.Options
): Layer.Layer<HttpClient.HttpClient, InvalidInput, HttpTransport> =>
  Client.layer(provider, { declare: declareRequest, ...options })

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
    const readUrl = RequestHead.makeUrlReader()
    // Bodies that come as they are made, and have been sent.
    const spent = new WeakSet<AsyncIterable<Uint8Array>>()
    let closed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => (closed = true)))

    const acquire = (provider: string): Effect.Effect<Dispatcher.Dispatcher["Service"], InvalidInput> =>
      dispatchers.contextEffect(provider).pipe(
        Effect.map((context) => {
          const dispatcher = Context.get(context, Dispatcher.Dispatcher)
          known.set(provider, dispatcher)
          return dispatcher
        }),
        Effect.provideService(Scope.Scope, scope)
      )

    const answerOf = (
      request: HttpRequest,
      head: RequestHead.RequestHead,
      dispatcher: Dispatcher.Dispatcher["Service"],
      scope: Scope.Scope
    ): Effect.Effect<HttpResponse, SendingError> => {
      const sending = new Sending(request, head, dispatcher, now)
      return Effect.andThen(
        Scope.addFinalizerExit(scope, () => {
          sending.release()
          return Effect.void
        }),
        sending.answer
      )
    }

    const send = (request: HttpRequest): Effect.Effect<HttpResponse, Failure | InvalidInput, Scope.Scope> =>
      Effect.withFiber((fiber) => {
        const head = RequestHead.read(request, readUrl)
        if (Result.isFailure(head)) return Effect.fail(head.failure)
        if (closed) return afterClosing(request)
        if (options.traceHeaders === true) addTraceHeaders(head.success, fiber.context)
        if (RequestHead.isStreamed(request.body)) {
          if (spent.has(request.body)) return Effect.fail(sentBefore())
          spent.add(request.body)
        }
        const { provider } = request.candidate
        const scope = Context.getUnsafe(fiber.context, Scope.Scope)
        const dispatcher = known.get(provider)
        return dispatcher === undefined
          ? Effect.flatMap(acquire(provider), (acquired) => answerOf(request, head.success, acquired, scope))
          : answerOf(request, head.success, dispatcher, scope)
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

const sentBefore = () =>
  InvalidInput.of({
    kind: "InvalidBody",
    place: "body",
    expected: "a body that has not been sent: bytes that come as they are made come once",
    found: "one that has been sent",
    fix: "make a new one for each attempt, or give the bytes"
  })

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
