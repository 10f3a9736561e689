/** One attempt of a model call at one candidate: encoded, sent, and its answer read. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Declaration } from "@holdfast/core/Declaration"
import * as Evidence from "@holdfast/core/Evidence"
import type { Attempt } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse, HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Provider, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Reason from "@holdfast/core/Reason"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import type { Codec, Encoded, ModelCall, Reading } from "../Codec.ts"
import type { Codecs, Spoken } from "../Codecs.ts"
import { betasJoined } from "./betas.ts"
import { cleanerOf } from "./cleaner.ts"
import * as ContentType from "./contentType.ts"
import { cross } from "./crossing.ts"
import * as Json from "./json.ts"
import { check } from "./modality.ts"
import { readEvents } from "./readEvents.ts"
import { rereading } from "./rereading.ts"
import { wholeOf } from "./wholeOf.ts"

/** What attempts are made with. */
export interface Means {
  readonly transport: HttpTransport["Service"]
  readonly registry: ProviderRegistry["Service"]
  readonly codecs: Codecs["Service"]
  /** The call's own limits, which come before the provider's. */
  readonly limits: TimeLimits.TimeLimits | undefined
}

/** What an attempt fails with. */
export type Error = Failure.Failure | InvalidInput

/** The whole answer of one attempt. */
export const generate = (
  means: Means,
  call: ModelCall,
  attempt: Attempt
): Effect.Effect<Array<Response.PartEncoded>, Error> =>
  means.codecs.of(attempt.candidate)?.codec.alwaysStreams === true
    ? Effect.map(Stream.runCollect(stream(means, call, attempt)), wholeOf)
    : Effect.scoped(
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
      ContentType.isStream(sent.codec, sent.response)
        ? readEvents(sent.codec, sent.response, (reason) => failureOf(sent, reason), sent.reading, sent.limits)
        : Stream.fromEffect(notStreamed(sent))
    )
  )

/** An attempt that was answered. */
export interface Sent<C extends Pick<Codec, "classify"> = Codec> {
  readonly codec: C
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly reading: Reading
  readonly limits: TimeLimits.Resolved
}

/** The limits of a call at a provider. */
export const limitsAt = ({ limits }: Pick<Means, "limits">, provider: Provider): TimeLimits.Resolved =>
  TimeLimits.resolve({ ...provider.limits, ...limits })

/** Whether a call can be put to a candidate at all; a candidate that nobody can speak to is not asked either. */
export const suits =
  (means: Means, call: ModelCall, streaming: boolean) =>
  (candidate: Candidate): boolean => {
    const spoken = means.codecs.of(candidate)
    return (
      spoken !== undefined && Result.isSuccess(encode(spoken, settled(means, call, candidate), candidate, streaming))
    )
  }

/** Whether doing a call twice at a candidate matters. */
export const declarationAt = (means: Means, call: ModelCall, candidate: Candidate): Declaration =>
  means.codecs.of(candidate)?.codec.declare(settled(means, call, candidate), candidate.model) ?? "unknown"

/** Sends the call, and once more if its key has been replaced; an error answer is read and classified here. */
const send = (
  means: Means,
  call: ModelCall,
  attempt: Attempt,
  streaming: boolean
): Effect.Effect<Sent, Error, Scope.Scope> =>
  Effect.suspend(() => {
    const spoken = means.codecs.of(attempt.candidate)
    if (spoken === undefined) return unspeakable(attempt)
    return rereading(means.registry, attempt, (provider, attempt) =>
      sendTo(means, call, attempt, streaming, spoken, provider)
    )
  })

const sendTo = Effect.fnUntraced(function* (
  means: Means,
  call: ModelCall,
  attempt: Attempt,
  streaming: boolean,
  spoken: Spoken,
  provider: Provider
): Effect.fn.Return<Sent, Error, Scope.Scope> {
  const { candidate } = attempt
  const { codec, definition } = spoken
  const limits = limitsAt(means, provider)
  const own = settled(means, call, candidate)
  const { body, headers } = yield* Effect.fromResult(encode(spoken, own, candidate, streaming))
  const request: HttpRequest = {
    candidate,
    method: "POST",
    url: provider.baseUrl + codec.path,
    headers: headersOf(provider, codec, headers, streaming),
    body,
    declaration: codec.declare(own, candidate.model),
    attempt: attempt.attempt,
    connection: attempt.connection,
    streaming,
    limits: limitsOf(limits, attempt.totalMs, streaming)
  }
  const response = yield* Effect.mapError(means.transport.send(request), named(limits))
  const reading: Reading = {
    clean: cleanerOf(request.headers),
    provider: definition.id,
    ...(definition.errors === undefined ? undefined : { errors: definition.errors }),
    ...(definition.statusPage === undefined ? undefined : { statusPage: definition.statusPage })
  }
  const sent: Sent = { codec, request, response, reading, limits }
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
  ...betasJoined(provider.headers, own),
  "content-type": "application/json",
  accept: !streaming ? "application/json" : framing === "sse" ? "text/event-stream" : "application/x-ndjson"
})

/** The call with what configuration says of the model; the app's own parameters come first. */
const settled = ({ registry }: Means, call: ModelCall, candidate: Candidate): ModelCall => {
  const { params, ...settings } = registry.settings(candidate)
  return { ...call, params: { ...params, ...call.params }, settings }
}

interface Text {
  readonly body: string
  readonly headers: Encoded["headers"]
}

/** The body as text, for whom it is meant. Values of the app's own may refuse to become JSON. */
const encode = (
  { codec, definition, facts }: Spoken,
  call: ModelCall,
  { model, provider }: Candidate,
  streaming: boolean
): Result.Result<Text, InvalidInput> => {
  const prompt = cross(call.prompt, {
    provider,
    model,
    api: codec.api,
    makerOf: (name) => (name === model ? facts : definition.describe(name))?.family?.maker
  })
  const unseen = check(prompt, `${provider}/${model}`, facts)
  if (unseen !== undefined) return Result.fail(unseen)
  const readable = prompt === call.prompt ? call : { ...call, prompt }
  return Result.flatMap(
    Result.try({
      try: () => codec.encode(readable, { model, definition, facts }, streaming),
      catch: unencodable
    }),
    Result.flatMap(({ body, headers }) =>
      Result.try({ try: () => ({ body: JSON.stringify(body), headers }), catch: unencodable })
    )
  )
}

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
export const refusal = (sent: Sent<Pick<Codec, "classify">>): Effect.Effect<never, Error> =>
  Effect.flatMap(Effect.zip(beginningOf(sent.response), Clock.currentTimeMillis), ([body, at]) => {
    const { status, headers } = sent.response
    const { notRun, reason } = sent.codec.classify({ status, headers, body, at }, sent.reading)
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
  const other = failureOf(sent, notA(sent.codec.framing === "sse" ? "an event stream" : "lines of JSON", sent))
  if (!ContentType.isJson(sent.response)) return Effect.fail(other)
  return Effect.flatMap(sent.response.text, (text) => Effect.flatMap(decodeText(sent, text), () => Effect.fail(other)))
}

/** The failure of an attempt that was answered. */
export const failureOf = (
  sent: Pick<Sent, "request" | "response">,
  reason: Reason.Reason,
  notRun = false
): Failure.Failure => {
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
export const unreadable = (sent: Pick<Sent, "reading" | "response">, text: string): Reason.Reason =>
  ContentType.isJson(sent.response) || /^\s*[[{]/.test(text)
    ? new Reason.MalformedResponse({
        what: "json",
        detail: text.trim() === "" ? "the answer is empty" : "the answer is not JSON to its end"
      })
    : notA("JSON", sent)

const notA = (what: string, { reading: { clean }, response }: Pick<Sent, "reading" | "response">): Reason.Reason =>
  new Reason.MalformedResponse({
    what: "content-type",
    detail: `expected ${what}, got ${clean(ContentType.of(response) ?? "no content-type", 80)}`
  })
