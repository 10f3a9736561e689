/** One attempt of a model call at one candidate: encoded, sent, and its answer read. */
import * as Evidence from "@holdfast/core/Evidence"
import type { Attempt } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse, HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Provider, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Reason from "@holdfast/core/Reason"
import type * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import type { Codec, Encoded, ModelCall, Reading, Target } from "../Codec.ts"
import type { Codecs } from "../Codecs.ts"
import { cleanerOf } from "./cleaner.ts"
import * as ContentType from "./contentType.ts"
import * as Json from "./json.ts"
import { readEvents } from "./readEvents.ts"

/** What attempts are made with. */
export interface Means {
  readonly transport: HttpTransport["Service"]
  readonly registry: ProviderRegistry["Service"]
  readonly codecs: Codecs["Service"]
  readonly limits: TimeLimits.Resolved
}

/** What an attempt fails with. */
export type Error = Failure.Failure | InvalidInput

/** The whole answer of one attempt. */
export const generate = (
  means: Means,
  call: ModelCall,
  attempt: Attempt
): Effect.Effect<Array<Response.PartEncoded>, Error> =>
  Effect.scoped(
    Effect.flatMap(send(means, call, attempt, false), (sent) =>
      Effect.flatMap(sent.response.text, (text) => decodeText(sent, text))
    )
  )

/** The parts of one attempt's answer, as they come. */
export const stream = (
  means: Means,
  call: ModelCall,
  attempt: Attempt
): Stream.Stream<Response.StreamPartEncoded, Error> =>
  Stream.unwrap(
    Effect.map(send(means, call, attempt, true), (sent) =>
      ContentType.isEventStream(sent.response)
        ? readEvents(sent.codec, sent.response, (reason) => failureOf(sent, reason), sent.reading, means.limits)
        : Stream.fromEffect(notStreamed(sent))
    )
  )

interface Sent {
  readonly codec: Codec
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly reading: Reading
}

/** Sends the call; an error answer is read and classified here. */
const send = Effect.fnUntraced(function* (
  means: Means,
  call: ModelCall,
  attempt: Attempt,
  streaming: boolean
): Effect.fn.Return<Sent, Error, Scope.Scope> {
  const { candidate } = attempt
  const spoken = means.codecs.of(candidate)
  if (spoken === undefined) return yield* unspeakable(attempt)
  const { codec, definition, facts } = spoken
  const provider = yield* means.registry.provider(candidate.provider, candidate.credential)
  const target = { model: candidate.model, definition, facts }
  const { body, headers } = yield* Effect.fromResult(encode(codec, settled(means, call, attempt), target, streaming))
  const request: HttpRequest = {
    candidate,
    method: "POST",
    url: provider.baseUrl + codec.path,
    headers: headersOf(provider, codec, headers, streaming),
    body,
    declaration: codec.declare(call, candidate.model),
    attempt: attempt.attempt,
    connection: attempt.connection,
    streaming,
    limits: limitsOf(means.limits, attempt.totalMs, streaming)
  }
  const response = yield* Effect.mapError(means.transport.send(request), named(means.limits))
  const reading: Reading = {
    clean: cleanerOf(request.headers),
    provider: definition.id,
    ...(definition.errors === undefined ? undefined : { errors: definition.errors })
  }
  const sent: Sent = { codec, request, response, reading }
  return response.status >= 200 && response.status < 300 ? sent : yield* refusal(sent)
})

/** Within what is left of the call's time; before a streamed answer has begun, it has no content either. */
const limitsOf = (limits: TimeLimits.Resolved, totalMs: number, streaming: boolean): TimeLimits.Resolved => {
  const headersMs = streaming && firstContentStrikesFirst(limits) ? limits.firstContentMs : limits.headersMs
  return headersMs === limits.headersMs && totalMs === limits.totalMs ? limits : { ...limits, headersMs, totalMs }
}

const firstContentStrikesFirst = ({ firstContentMs, headersMs }: TimeLimits.Resolved): boolean =>
  firstContentMs > 0 && (headersMs === 0 || firstContentMs < headersMs)

/** The limit that was reached before the head, by its own name. */
const named =
  (limits: TimeLimits.Resolved) =>
  (error: Error): Error =>
    Failure.isFailure(error) && error.reason._tag === "HeadersTimeout" && firstContentStrikesFirst(limits)
      ? Failure.amend(error, { reason: new Reason.FirstOutputTimeout({ limitMs: limits.firstContentMs }) })
      : error

const headersOf = (
  provider: Provider,
  { framing }: Codec,
  own: Encoded["headers"],
  streaming: boolean
): HttpRequest["headers"] => ({
  ...provider.headers,
  ...own,
  "content-type": "application/json",
  accept: !streaming ? "application/json" : framing === "sse" ? "text/event-stream" : "application/x-ndjson"
})

/** The call with what configuration says of the model; the app's own parameters come first. */
const settled = ({ registry }: Means, call: ModelCall, { candidate }: Attempt): ModelCall => {
  const { params, ...settings } = registry.settings(candidate)
  return { ...call, params: { ...params, ...call.params }, settings }
}

interface Text {
  readonly body: string
  readonly headers: Encoded["headers"]
}

/** The body as text. Values of the app's own may refuse to become JSON. */
const encode = (codec: Codec, call: ModelCall, target: Target, streaming: boolean): Result.Result<Text, InvalidInput> =>
  Result.flatMap(
    Result.try({ try: () => codec.encode(call, target, streaming), catch: unencodable }),
    Result.flatMap(({ body, headers }) =>
      Result.try({ try: () => ({ body: JSON.stringify(body), headers }), catch: unencodable })
    )
  )

const unencodable = (error: unknown): InvalidInput =>
  InvalidInput.of({
    kind: "InvalidBody",
    place: "prompt, tools or params",
    expected: "values that can be written as JSON",
    found: error instanceof globalThis.Error ? error.message.replace(/\s+/g, " ").slice(0, 120) : "another value"
  })

const unspeakable = (attempt: Attempt): InvalidInput =>
  InvalidInput.of({
    kind: "InvalidOption",
    place: `providers.${attempt.candidate.provider}.api`,
    expected: "a wire format that is registered",
    found: attempt.candidate.api ?? "none"
  })

/** An error answer, read and named. */
const refusal = (sent: Sent): Effect.Effect<never, Error> =>
  Effect.flatMap(beginningOf(sent.response), (body) => {
    const { status, headers } = sent.response
    const { notRun, reason } = sent.codec.classify({ status, headers, body }, sent.reading)
    return Effect.fail(failureOf(sent, reason, notRun))
  })

// Far above any error that a provider words; a page or a stream in its place is cut there.
const longestError = 64 * 1024

/** The body's first 64 KiB as text; the rest is of no interest. */
const beginningOf = ({ body, discard }: HttpResponse): Effect.Effect<string, Failure.Failure> =>
  Effect.suspend(() => {
    const utf8 = new TextDecoder()
    let text = ""
    let left = longestError
    const read = Stream.runForEachWhile(body, (chunk) =>
      Effect.sync(() => {
        text += utf8.decode(chunk.subarray(0, left), { stream: true })
        left -= chunk.byteLength
        return left > 0
      })
    )
    return Effect.andThen(
      read,
      Effect.suspend(() => Effect.as(left > 0 ? Effect.void : discard, text))
    )
  })

const decodeText = (sent: Sent, text: string): Effect.Effect<Array<Response.PartEncoded>, Failure.Failure> => {
  const json = Json.parse(text)
  if (Result.isFailure(json)) return Effect.fail(failureOf(sent, unreadable(sent, text)))
  return Result.match(sent.codec.decode(json.success, sent.reading), {
    onSuccess: Effect.succeed,
    onFailure: (reason) => Effect.fail(failureOf(sent, reason))
  })
}

/** An answer that is no stream although one was asked for; it may be an error that says 200. */
const notStreamed = (sent: Sent): Effect.Effect<never, Error> => {
  const other = failureOf(sent, notA("an event stream", sent))
  if (!ContentType.isJson(sent.response)) return Effect.fail(other)
  return Effect.flatMap(sent.response.text, (text) => Effect.flatMap(decodeText(sent, text), () => Effect.fail(other)))
}

const failureOf = (sent: Sent, reason: Reason.Reason, notRun = false): Failure.Failure => {
  const evidence = sent.response.evidence()
  return Failure.make({
    reason,
    evidence: notRun ? Evidence.asNotRun(evidence) : evidence,
    declaration: sent.request.declaration,
    candidate: sent.request.candidate,
    elapsedMs: sent.response.elapsedMs()
  })
}

/** An answer that is no JSON: a page, or JSON that breaks off although its framing was whole. */
const unreadable = (sent: Sent, text: string): Reason.Reason =>
  ContentType.isJson(sent.response) || /^\s*[[{]/.test(text)
    ? new Reason.MalformedResponse({
        what: "json",
        detail: text.trim() === "" ? "the answer is empty" : "the answer is not JSON to its end"
      })
    : notA("JSON", sent)

const notA = (what: string, { reading: { clean }, response }: Sent): Reason.Reason =>
  new Reason.MalformedResponse({
    what: "content-type",
    detail: `expected ${what}, got ${clean(ContentType.of(response) ?? "no content-type", 80)}`
  })
