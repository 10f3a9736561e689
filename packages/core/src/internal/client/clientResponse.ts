/** The answer to a request of an `HttpClient`. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Pull from "effect/Pull"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Cookies from "effect/http/Cookies"
import type * as Headers from "effect/http/Headers"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import type * as Failure from "../../Failure.ts"
import { amend } from "../../Failure.ts"
import type { HttpResponse } from "../../HttpTransport.ts"
import { setCookies } from "../../HttpTransport.ts"
import * as ClientError from "./clientError.ts"

// How long the answer to an error may stay unread, and what is then kept of it: callers that go by the status alone leave
// its body unread, and a long one would hold its connection until the garbage is collected.
const unread = { ms: 1000, bytes: 64 * 1024 }

/** Why there is nothing to read. */
class Gone {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

type Whole = string | Uint8Array

/**
 * A body that is read once, by whoever comes first. It knows nothing of the response object, whose collection as garbage
 * is what ends an answer that nobody reads.
 */
export class Body {
  readonly response: HttpResponse
  readonly scope: Scope.Closeable
  private taken = false
  private whole: Deferred.Deferred<Whole, Failure.Failure | Gone> | undefined

  constructor(response: HttpResponse, scope: Scope.Closeable) {
    this.response = response
    this.scope = scope
  }

  /** The request is over. An answer that nobody has begun to read may still come to its end, if that is near. */
  get close(): Effect.Effect<void> {
    const close = Scope.close(this.scope, Exit.void)
    return this.taken ? close : Effect.andThen(this.response.discard, close)
  }

  /** The whole body, as text or as bytes, as the first who asked wanted it; the same for all who ask. */
  read(as: "text" | "bytes"): Effect.Effect<Whole, Failure.Failure | Gone> {
    return Effect.suspend(() => {
      if (this.whole !== undefined) return Deferred.await(this.whole)
      if (this.taken) return Effect.fail(new Gone("the body is being read, or has been"))
      const { body, text } = this.response
      return this.hold(as === "text" ? text : bytesOf(body))
    })
  }

  /** The body as it comes. */
  get stream(): Stream.Stream<Uint8Array, Failure.Failure | Gone> {
    return Stream.suspend((): Stream.Stream<Uint8Array, Failure.Failure | Gone> => {
      if (this.whole !== undefined) return Stream.fromEffect(Effect.map(Deferred.await(this.whole), toBytes))
      if (this.taken) return Stream.fail(new Gone("the body is being read, or has been"))
      this.taken = true
      return Stream.transformPull(this.response.body, (upstream) => Effect.sync(() => exposing(upstream)))
    })
  }

  /** Keeps the beginning of a body that nobody has read after a while, and lets go of the rest. */
  get letGo(): Effect.Effect<void> {
    return Effect.andThen(
      Effect.sleep(unread.ms),
      Effect.suspend(() => (this.taken ? Effect.void : Effect.ignore(this.hold(this.beginning))))
    )
  }

  private hold(reading: Effect.Effect<Whole, Failure.Failure | Gone>): Effect.Effect<Whole, Failure.Failure | Gone> {
    const whole = Deferred.makeUnsafe<Whole, Failure.Failure | Gone>()
    this.taken = true
    this.whole = whole
    return Effect.onExit(reading, (exit) => {
      const interrupted = Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)
      Deferred.doneUnsafe(whole, interrupted ? Exit.fail(new Gone("its reader was interrupted")) : exit)
      return Scope.close(this.scope, exit)
    })
  }

  private get beginning(): Effect.Effect<Uint8Array, Failure.Failure | Gone> {
    return Effect.suspend(() => {
      const chunks: Array<Uint8Array> = []
      let left = unread.bytes
      const read = Stream.runForEachWhile(this.response.body, (chunk) =>
        Effect.sync(() => {
          chunks.push(chunk)
          left -= chunk.byteLength
          return left > 0
        })
      )
      const given = Effect.suspend(() =>
        left > 0
          ? Effect.succeed(joined(chunks))
          : Effect.andThen(this.response.discard, Effect.fail(new Gone(`nobody read it within ${unread.ms} ms`)))
      )
      return Effect.andThen(read, given)
    })
  }
}

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

/** Once bytes were given out, so may have been output: a failure after them says so. */
const exposing = (upstream: Pull.Pull<Chunks, Failure.Failure>): Pull.Pull<Chunks, Failure.Failure> => {
  let pulls = 0
  const pull = Effect.mapError(upstream, (error) =>
    Cause.isDone(error) || pulls === 1 ? error : amend(error, { exposure: "output" })
  )
  return Effect.suspend(() => {
    pulls += 1
    return pull
  })
}

const bytesOf = (body: HttpResponse["body"]): Effect.Effect<Uint8Array, Failure.Failure> =>
  Effect.map(Stream.runCollect(body), joined)

const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

const toBytes = (whole: Whole): Uint8Array => (typeof whole === "string" ? new TextEncoder().encode(whole) : whole)

/** Text without the mark that some writers put before it. */
const toText = (whole: Whole): string =>
  typeof whole !== "string" ? new TextDecoder().decode(whole) : whole.charCodeAt(0) === 0xfeff ? whole.slice(1) : whole

/** The answer, as an `HttpClient` gives it. */
export class ClientResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly url: string
  private readonly body: Body
  private parsed: Cookies.Cookies | undefined

  constructor(request: HttpClientRequest, url: string, body: Body) {
    super()
    this.request = request
    this.url = url
    this.body = body
  }

  get status(): number {
    return this.body.response.status
  }

  get headers(): Headers.Headers {
    return this.body.response.headers
  }

  get cookies(): Cookies.Cookies {
    return (this.parsed ??= Cookies.fromSetCookie(setCookies(this.headers)))
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError> {
    return Stream.mapError(this.body.stream, this.toError)
  }

  get text(): Effect.Effect<string, HttpClientError> {
    return Effect.mapBoth(this.body.read("text"), { onFailure: this.toError, onSuccess: toText })
  }

  get json(): Effect.Effect<Schema.Json, HttpClientError> {
    return Effect.flatMap(this.text, (text) =>
      this.decoded("JSON", () => (text === "" ? null : (JSON.parse(text) as Schema.Json)))
    )
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError> {
    return Effect.map(this.bytes, ({ buffer, byteLength, byteOffset }) =>
      byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
    )
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError> {
    return Effect.flatMap(this.text, (text) =>
      // A question mark that stands first is a part of the first name, and not what sets a query off.
      this.decoded("form fields", () => UrlParams.fromInput(new URLSearchParams(text.replace(/^\?/, "%3F"))))
    )
  }

  get formData(): Effect.Effect<FormData, HttpClientError> {
    return Effect.flatMap(this.bytes, (bytes) =>
      Effect.tryPromise({
        try: () => new Response(bytes, { headers: { "content-type": this.headers["content-type"] ?? "" } }).formData(),
        catch: (cause) => ClientError.decodeError(this, "the body is no form", cause)
      })
    )
  }

  /** Nothing that is sent through a transport asks for an upgrade. */
  get upgrade(): Effect.Effect<never, HttpClientError> {
    return Effect.fail(ClientError.statusError(this, "no upgrade was asked for"))
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  private get bytes(): Effect.Effect<Uint8Array<ArrayBuffer>, HttpClientError> {
    return Effect.mapBoth(this.body.read("bytes"), {
      onFailure: this.toError,
      // Made by us, and over no shared memory.
      onSuccess: (whole) => toBytes(whole) as Uint8Array<ArrayBuffer>
    })
  }

  private decoded<A>(what: string, decode: () => A): Effect.Effect<A, HttpClientError> {
    return Effect.try({
      try: decode,
      catch: (cause) => ClientError.decodeError(this, `the body is no ${what}`, cause)
    })
  }

  private readonly toError = (error: Failure.Failure | Gone): HttpClientError =>
    error instanceof Gone
      ? ClientError.decodeError(this, `no body to read: ${error.why}`)
      : ClientError.fromFailure(this.request, error)
}
