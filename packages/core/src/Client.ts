/**
 * An ordinary `HttpClient` of Effect over a provider's transport, for packages that take one.
 *
 * An answer is given whatever its status. A connection that dies before any byte of an answer is repaired once, where
 * verdict and declaration allow it ({@link Repair}); nothing else is sent twice. What fails is a `TransportError` with
 * our failure as its cause, a body that is cut after the headers included: never a `DecodeError`.
 *
 * `HttpClient.retryTransient` on top replays every `TransportError`, whatever its verdict. Retry by the verdict instead:
 * `Effect.retry({ while: (error) => Client.failureOf(error)?._tag === "ReplaySafe" })`.
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import type { Candidate } from "./Candidate.ts"
import * as Declaration from "./Declaration.ts"
import type { Failure } from "./Failure.ts"
import type { HttpRequest, HttpResponse, Method } from "./HttpTransport.ts"
import { HttpTransport, isMethod } from "./HttpTransport.ts"
import type { Problem } from "./InvalidInput.ts"
import { InvalidInput } from "./InvalidInput.ts"
import type { Outgoing } from "./internal/client/clientBody.ts"
import * as ClientBody from "./internal/client/clientBody.ts"
import * as ClientError from "./internal/client/clientError.ts"
import { Body, ClientResponse } from "./internal/client/clientResponse.ts"
import * as ModelRef from "./ModelRef.ts"
import { mayBeKey } from "./Preview.ts"
import * as Repair from "./Repair.ts"
import * as TimeLimits from "./TimeLimits.ts"

/** How a client is made. */
export interface Options {
  /** What failures and events call the model, since requests are not looked into. Default `unknown`. */
  readonly model?: string
  /** The credential's name in failures and events; the requests bring the credential itself. */
  readonly credential?: string
  /**
   * The limits of each request. The one on headers holds where the request accepts an event stream; those on contents do
   * not hold, because contents are not looked for.
   */
  readonly limits?: TimeLimits.TimeLimits
  /** What a request says of itself, asked where an attempt failed. Default: GET and HEAD are repeatable, else `unknown`. */
  readonly declare?: (request: HttpClientRequest) => Declaration.Declaration
  /** Whether the span of a request is told to the provider, in `traceparent` and `b3`. Default `false`. */
  readonly traceHeaders?: boolean
}

/**
 * Makes a client whose requests go through the transport of one provider.
 *
 * **Details**
 *
 * Requests name their URL in full. What cannot be sent fails as `EncodeError` or `InvalidUrlError`, unsent, with our
 * `InvalidInput` as its cause. Interruption ends the request on the wire, and so does leaving its body half read; the
 * body of an error that nobody reads is let go after a second. A body can be read once: `text`, `json` and their like
 * share what was read, `stream` does not. A stream of a request's body is sent once and never repaired.
 *
 * **Example**
 *
 * ```ts
 * import { Client } from "@holdfast/core"
 * import { TestTransport } from "@holdfast/testing"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const client = yield* Client.make("openai")
 *   const response = yield* client.get("https://api.openai.com/v1/models")
 *   return yield* response.json
 * }).pipe(Effect.provide(TestTransport.layer([TestTransport.stale(), TestTransport.answer({ body: "[]" })])))
 *
 * await Effect.runPromise(program) // => []
 * ```
 */
export const make = Effect.fnUntraced(function* (
  provider: string,
  options: Options = {}
): Effect.fn.Return<HttpClient.HttpClient, InvalidInput, HttpTransport> {
  const { send } = yield* HttpTransport
  const problems = problemsOf(provider, options)
  if (Arr.isReadonlyArrayNonEmpty(problems)) return yield* new InvalidInput({ problems })
  const { credential, model = anyModel, traceHeaders = false } = options
  const shared: Shared = {
    send,
    candidate: { provider, model, ...(credential === undefined ? undefined : { credential }) },
    limits: TimeLimits.resolve(options.limits),
    declare: options.declare ?? declare
  }
  const client = HttpClient.make((request, url, signal, fiber) => {
    const send = (outgoing: Outgoing) => execute(shared, { request, url, signal, outgoing })
    if (!isMethod(request.method)) return Effect.fail(ClientError.encodeError(request, "a method that is not sent"))
    const known = ClientBody.known(request.body)
    return known === undefined ? Effect.flatMap(ClientBody.encode(request, fiber.context), send) : send(known)
  })
  const discreet = discretion(traceHeaders)
  return HttpClient.transformResponse(client, Effect.updateContext(discreet))
})

/** The client of a provider as the `HttpClient` in the context. */
export const layer = (
  provider: string,
  options?: Options
): Layer.Layer<HttpClient.HttpClient, InvalidInput, HttpTransport> =>
  Layer.effect(HttpClient.HttpClient, make(provider, options))

/** What a request says of itself by its method alone: RFC 9110 section 9.2.1, safe methods. */
export const declare = ({ method }: { readonly method: string }): Declaration.Declaration =>
  method === "GET" || method === "HEAD" ? "repeatable" : "unknown"

/**
 * The failure of ours that an error stands for: what a client failed with, or an error of a package above that keeps it
 * as its cause, as its reason, or among the errors of its attempts.
 */
export const failureOf = (error: unknown): Failure | undefined => ClientError.failureOf(error)

interface Shared {
  readonly send: HttpTransport["Service"]["send"]
  readonly candidate: Candidate
  readonly limits: TimeLimits.Resolved
  readonly declare: (request: HttpClientRequest) => Declaration.Declaration
}

const anyModel = "unknown"

const problemsOf = (provider: string, { limits, model = anyModel }: Options): ReadonlyArray<Problem> => {
  const problems = [...TimeLimits.problems(limits)]
  if (!ModelRef.isProvider(provider) || !ModelRef.isModel(model)) {
    problems.unshift({
      kind: "MalformedModelRef",
      place: "client",
      expected: "the names of a provider and of a model, without spaces or a slash before them",
      found: mayBeKey(provider) || mayBeKey(model) ? "a text that may be a key" : JSON.stringify([provider, model])
    })
  }
  return problems
}

const secretHeaders = ["api-key", "x-goog-api-key", "proxy-authorization"]

/** What Effect would tell others by default: the provider of our spans, and the spans of keys in a URL. */
const discretion = (traceHeaders: boolean) => {
  // Fibers mostly call again in the same context.
  const known = new WeakMap<Context.Context<never>, Context.Context<never>>()
  return (context: Context.Context<never>): Context.Context<never> => {
    const before = known.get(context)
    if (before !== undefined) return before
    let discreet = Context.add(context, UrlParams.CurrentRedactedNames, [
      ...Context.get(context, UrlParams.CurrentRedactedNames),
      ClientError.secretParams
    ])
    discreet = Context.add(discreet, Headers.CurrentRedactedNames, [
      ...Context.get(context, Headers.CurrentRedactedNames),
      ...secretHeaders
    ])
    if (!traceHeaders) discreet = Context.add(discreet, HttpClient.TracerPropagationEnabled, false)
    known.set(context, discreet)
    return discreet
  }
}

/** One request under way. */
interface Execution {
  readonly request: HttpClientRequest
  readonly url: URL
  readonly signal: AbortSignal
  readonly outgoing: Outgoing
}

/** Sends a request whose body is ready. */
const execute = (shared: Shared, execution: Execution): Effect.Effect<HttpClientResponse, HttpClientError> => {
  const { outgoing, request, signal, url } = execution
  const scope = Scope.makeUnsafe()
  const held: Held = { scope, body: undefined }
  // Aborted by interruption, by the scope of the request, by the end of its reader, or as garbage.
  signal.addEventListener("abort", () => Effect.runFork(release(held)), { once: true })
  const sending = Repair.send(shared.send, (attempt) => new Asked(shared, execution, attempt), shared.limits.totalMs)
  return Effect.matchCauseEffect(Scope.provide(sending, scope), {
    onSuccess: (response) => {
      const body = new Body(response, scope)
      held.body = body
      const answer = new ClientResponse(request, withoutHash(url), body)
      return isOk(response) ? Effect.succeed(answer) : Effect.as(Effect.forkIn(body.letGo, scope), answer)
    },
    onFailure: (cause) =>
      Effect.andThen(
        Scope.close(scope, Exit.void),
        Effect.mapError(Effect.failCause(cause), errorOf(request, outgoing))
      )
  })
}

/** The request of one attempt. */
class Asked implements HttpRequest {
  readonly candidate: Candidate
  readonly method: Method
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: NonNullable<HttpRequest["body"]>
  readonly attempt: number
  readonly connection: "any" | "fresh"
  readonly streaming: boolean
  readonly limits: TimeLimits.Resolved
  private readonly declare: Shared["declare"]
  private readonly request: HttpClientRequest

  constructor(shared: Shared, { outgoing, request, url }: Execution, made: Repair.Attempt) {
    this.candidate = shared.candidate
    // Looked at before the body was.
    this.method = request.method as Method
    this.url = url.href
    this.headers = ClientBody.headersOf(request, outgoing)
    if (outgoing.body !== undefined) this.body = outgoing.body
    this.attempt = made.attempt
    this.connection = made.connection
    this.streaming = this.headers["accept"]?.includes("text/event-stream") === true
    this.limits = TimeLimits.within(shared.limits, made.totalMs)
    this.declare = shared.declare
    this.request = request
  }

  /** Read where an attempt failed. */
  get declaration(): Declaration.Declaration {
    return Declaration.toldBy(this.declare, this.request)
  }
}

/** What an abort ends. It must not lead to the response object: see {@link Body}. */
interface Held {
  readonly scope: Scope.Closeable
  body: Body | undefined
}

const release = ({ body, scope }: Held): Effect.Effect<void> => body?.close ?? Scope.close(scope, Exit.void)

const isOk = ({ status }: HttpResponse): boolean => status >= 200 && status < 300

const withoutHash = (url: URL): string => (url.hash === "" ? url.href : url.href.slice(0, -url.hash.length))

const errorOf =
  (request: HttpClientRequest, { broken }: Outgoing) =>
  (cause: Failure | InvalidInput): HttpClientError =>
    broken?.error === undefined
      ? ClientError.fromFailure(request, cause)
      : ClientError.encodeError(request, "the body's stream failed", broken.error.value)
