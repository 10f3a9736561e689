/** One attempt of a model call at one candidate: encoded, sent, and its answer read. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Declaration } from "@holdfast/core/Declaration"
import type { Attempt } from "@holdfast/core/Failover"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpTransport } from "@holdfast/core/HttpTransport"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Provider, ProviderRegistry } from "@holdfast/core/ProviderRegistry"
import * as Reason from "@holdfast/core/Reason"
import * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import type { Codec, Encoded, ModelCall } from "../../Codec.ts"
import type { Codecs, Spoken } from "../../Codecs.ts"
import { betasJoined } from "./betas.ts"
import * as ContentType from "../answer/contentType.ts"
import { cross } from "../prompt/crossing.ts"
import type { Error, Sent } from "./exchange.ts"
import { failureOf, isGiven, notA, readingOf, refusal, unreadable } from "./exchange.ts"
import * as Json from "../json.ts"
import { check } from "../prompt/modality.ts"
import { readEvents } from "../answer/readEvents.ts"
import { providerFor } from "./keyInUse.ts"
import { wholeOf } from "../answer/wholeOf.ts"

/** What attempts are made with. */
export interface Means {
  readonly transport: HttpTransport["Service"]
  readonly registry: ProviderRegistry["Service"]
  readonly codecs: Codecs["Service"]
  /** The call's own limits, which come before the provider's. */
  readonly limits: TimeLimits.TimeLimits | undefined
}

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

/** Makes another part of a part. */
export type Each = (part: Response.StreamPartEncoded) => Response.StreamPartEncoded

/** The parts of one attempt's answer, as they come, each as it is made by `each`. */
export const stream = (
  means: Means,
  call: ModelCall,
  attempt: Attempt,
  each?: Each
): Stream.Stream<Response.StreamPartEncoded, Error> =>
  // Not `Stream.unwrap`, whose own step would come before each read.
  Stream.fromChannel(
    Channel.fromTransform((_: Pull.Pull<unknown, unknown, unknown>, scope) =>
      Effect.flatMap(Scope.provide(send(means, call, attempt, true), scope), (sent) =>
        Channel.toPullScoped(partsOf(sent, each).channel, scope)
      )
    )
  )

const partsOf = (sent: Sent, each: Each | undefined): Stream.Stream<Response.StreamPartEncoded, Error> =>
  ContentType.isStream(sent.codec, sent.response)
    ? readEvents(sent.codec, sent.response, (reason) => failureOf(sent, reason), {
        reading: sent.reading,
        limits: sent.limits,
        joins: true,
        ...(each === undefined ? undefined : { each })
      })
    : Stream.fromEffect(notStreamed(sent))

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

/** Sends the call; an error answer is read and classified here. */
const send = (
  means: Means,
  call: ModelCall,
  attempt: Attempt,
  streaming: boolean
): Effect.Effect<Sent, Error, Scope.Scope> =>
  Effect.suspend(() => {
    const spoken = means.codecs.of(attempt.candidate)
    if (spoken === undefined) return unspeakable(attempt)
    return Effect.flatMap(providerFor(means.registry, attempt), (provider) =>
      sendTo(means, call, attempt, streaming, spoken, provider)
    )
  })

const sendTo = (
  means: Means,
  call: ModelCall,
  attempt: Attempt,
  streaming: boolean,
  spoken: Spoken,
  provider: Provider
): Effect.Effect<Sent, Error, Scope.Scope> => {
  const { candidate } = attempt
  const { codec, definition } = spoken
  const limits = limitsAt(means, provider)
  const own = settled(means, call, candidate)
  const encoded = encode(spoken, own, candidate, streaming)
  if (Result.isFailure(encoded)) return Effect.fail(encoded.failure)
  const { body, headers } = encoded.success
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
  return Effect.matchEffect(means.transport.send(request), {
    onFailure: (error) => Effect.fail(named(error, limits, streaming)),
    onSuccess: (response) => {
      const sent: Sent = { codec, request, response, reading: readingOf(definition, request), limits }
      return isGiven(response) ? Effect.succeed(sent) : refusal(sent)
    }
  })
}

/** Within what is left of the call's time; before a streamed answer has begun, it has no content either. */
const limitsOf = (limits: TimeLimits.Resolved, totalMs: number, streaming: boolean): TimeLimits.Resolved => {
  const headersMs = streaming && firstContentStrikesFirst(limits) ? limits.firstContentMs : limits.headersMs
  return headersMs === limits.headersMs && totalMs === limits.totalMs ? limits : { ...limits, headersMs, totalMs }
}

const firstContentStrikesFirst = ({ firstContentMs, headersMs }: TimeLimits.Resolved): boolean =>
  firstContentMs > 0 && (headersMs === 0 || firstContentMs < headersMs)

/** The limit that was reached before the head, by its own name. */
const named = (error: Error, limits: TimeLimits.Resolved, streaming: boolean): Error =>
  Failure.isFailure(error) && error.reason._tag === "HeadersTimeout" && streaming && firstContentStrikesFirst(limits)
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
  try {
    return Result.map(codec.encode(readable, { model, definition, facts }, streaming), ({ body, headers }) => ({
      body: JSON.stringify(body),
      headers
    }))
  } catch (error) {
    return Result.fail(unencodable(said)(error))
  }
}

const said = "prompt, tools or params"

/** Values of the app's own, at a place, that cannot become a body. */
export const unencodable =
  (place: string) =>
  (error: unknown): InvalidInput =>
    InvalidInput.of({
      kind: "InvalidBody",
      place,
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
