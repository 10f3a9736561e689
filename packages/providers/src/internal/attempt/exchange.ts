/** The answer to one attempt: what it is read with, and what it is where it is none. */
import * as Evidence from "@holdfast/core/Evidence"
import * as Failure from "@holdfast/core/Failure"
import type { HttpRequest, HttpResponse } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import * as Reason from "@holdfast/core/Reason"
import type * as TimeLimits from "@holdfast/core/TimeLimits"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Codec, Reading } from "../../Codec.ts"
import type { ProviderDefinition } from "../../ProviderDefinition.ts"
import { cleanerOf } from "./cleaner.ts"
import * as ContentType from "../answer/contentType.ts"

/** What an attempt fails with. */
export type Error = Failure.Failure | InvalidInput

/** An attempt that was answered. */
export interface Sent<C extends Pick<Codec, "classify"> = Codec> {
  readonly codec: C
  readonly request: HttpRequest
  readonly response: HttpResponse
  readonly reading: Reading
  readonly limits: TimeLimits.Resolved
}

/** What the answer to a request is read with. */
export const readingOf = (
  { errors, id, statusPage }: ProviderDefinition,
  { headers }: Pick<HttpRequest, "headers">
): Reading => ({
  clean: cleanerOf(headers),
  provider: id,
  ...(errors === undefined ? undefined : { errors }),
  ...(statusPage === undefined ? undefined : { statusPage })
})

/** Whether the answer is what was asked for, as far as its status tells. */
export const isGiven = ({ status }: HttpResponse): boolean => status >= 200 && status < 300

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

/** An answer of another content type than was asked for. */
export const notA = (
  what: string,
  { reading: { clean }, response }: Pick<Sent, "reading" | "response">
): Reason.Reason =>
  new Reason.MalformedResponse({
    what: "content-type",
    detail: `expected ${what}, got ${clean(ContentType.of(response) ?? "no content-type", 80)}`
  })
