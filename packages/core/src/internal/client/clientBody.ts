/** The body of a request of an `HttpClient`, as a transport takes it. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type * as HttpBody from "effect/http/HttpBody"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpRequest } from "../../HttpTransport.ts"
import { isStreamed } from "../../RequestHead.ts"
import { encodeError } from "./clientError.ts"

/** What is sent in place of an `HttpBody`. */
export interface Outgoing {
  readonly body: HttpRequest["body"]
  /** The content type that the encoding chose, a form's boundary for one. */
  readonly contentType: string | undefined
  /** What a stream failed with while it was sent. */
  readonly broken?: Broken
}

/** Where a stream's own error is kept, because what a transport says of it is that the request did not go out. */
export interface Broken {
  error: { readonly value: unknown } | undefined
}

const plain = (body: HttpRequest["body"]): Outgoing => ({ body, contentType: undefined })

const empty = plain(undefined)

/** The body, where it is one already. */
export const known = (body: HttpBody.HttpBody): Outgoing | undefined => {
  switch (body._tag) {
    case "Empty":
      return empty
    case "Uint8Array":
      return plain(body.text ?? body.body)
    case "Raw":
      return knownRaw(body.body)
    case "FormData":
    case "Stream":
      return undefined
  }
}

const knownRaw = (body: unknown): Outgoing | undefined => {
  if (body === undefined || body === null) return empty
  if (typeof body === "string" || body instanceof Uint8Array) return plain(body)
  if (body instanceof ArrayBuffer) return plain(new Uint8Array(body))
  if (ArrayBuffer.isView(body)) return plain(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  return Predicate.hasProperty(body, Symbol.asyncIterator) ? plain(body as AsyncIterable<Uint8Array>) : undefined
}

/** The body, which is encoded first. Forms are encoded whole, so that they have a length and can be sent again. */
export const encode = (
  request: HttpClientRequest,
  context: Context.Context<never>
): Effect.Effect<Outgoing, HttpClientError> => {
  const { body } = request
  switch (body._tag) {
    case "Stream":
      return Effect.sync(() => streamed(body.stream, context))
    case "FormData":
      return encoded(request, body.formData, true)
    case "Raw":
      return encodable(body.body)
        ? encoded(request, body.body, body.contentType === undefined)
        : Effect.fail(encodeError(request, "a raw body of a kind that cannot be sent"))
    default:
      return Effect.succeed(empty)
  }
}

type Encodable = FormData | URLSearchParams | Blob

const encodable = (body: unknown): body is Encodable =>
  body instanceof FormData || body instanceof URLSearchParams || body instanceof Blob

const encoded = (
  request: HttpClientRequest,
  body: Encodable,
  chooses: boolean
): Effect.Effect<Outgoing, HttpClientError> =>
  Effect.tryPromise({
    try: async () => {
      const response = new Response(body)
      const contentType = chooses ? (response.headers.get("content-type") ?? undefined) : undefined
      return { body: new Uint8Array(await response.arrayBuffer()), contentType }
    },
    catch: (cause) => encodeError(request, "a body that could not be read", cause)
  })

/** Runs with the services of whoever sends; ends with the attempt, which gives the iterator up. */
const streamed = (stream: Stream.Stream<Uint8Array, unknown>, context: Context.Context<never>): Outgoing => {
  const broken: Broken = { error: undefined }
  const noted = Stream.tapError(stream, (value) => Effect.sync(() => void (broken.error = { value })))
  return { body: Stream.toAsyncIterableWith(noted, context), contentType: undefined, broken }
}

/** The request's headers, with the encoding's content type. How long a known body is, the transport says itself. */
export const headersOf = (
  { headers }: HttpClientRequest,
  { body, contentType }: Outgoing
): Readonly<Record<string, string>> => {
  if (contentType === undefined && (headers["content-length"] === undefined || isStreamed(body))) return headers
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (name !== "content-length" || isStreamed(body)) kept[name] = value
  }
  if (contentType !== undefined) kept["content-type"] = contentType
  return kept
}
