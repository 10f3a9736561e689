/** A stream's bytes through a codec, without a transport. */
import * as Failure from "@holdfast/core/Failure"
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import type { Reason } from "@holdfast/core/Reason"
import type { Codec } from "@holdfast/providers/Codec"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import * as Headers from "effect/http/Headers"
import { readEvents } from "../../src/internal/answer/readEvents.ts"

/** What came of a stream. */
export interface Decoded {
  readonly parts: ReadonlyArray<Response.StreamPartEncoded>
  /** Why it is no answer, if it is none. */
  readonly reason: Reason | undefined
}

/** Decodes a body that comes in these chunks, one to each read; `joins`: what a read brings of a block is one delta. */
export const decode = (codec: Codec, chunks: ReadonlyArray<Uint8Array>, joins = false): Effect.Effect<Decoded> =>
  Effect.suspend(() => {
    const parts: Array<Response.StreamPartEncoded> = []
    const body = Stream.fromIterable(chunks).pipe(Stream.rechunk(1))
    return readEvents(codec, responseOf(body), failureOf, { joins }).pipe(
      Stream.runForEach((part) => Effect.sync(() => parts.push(part))),
      Effect.exit,
      Effect.map((exit) => ({ parts, reason: Exit.isSuccess(exit) ? undefined : reasonOf(exit.cause) }))
    )
  })

const reasonOf = (cause: Cause.Cause<Failure.Failure>): Reason => {
  const error = Cause.squash(cause)
  if (!Failure.isFailure(error)) throw error
  return error.reason
}

const failureOf = (reason: Reason): Failure.Failure =>
  Failure.make({
    reason,
    evidence: { _tag: "Unknown", status: 200 },
    declaration: "repeatable",
    candidate: { provider: "p", model: "m" }
  })

const responseOf = (body: HttpResponse["body"]): HttpResponse => ({
  status: 200,
  headers: Headers.fromInput({ "content-type": "text/event-stream" }),
  body,
  text: Effect.succeed(""),
  discard: Effect.void,
  end: () => Effect.void,
  evidence: () => ({ _tag: "Unknown", status: 200 }),
  elapsedMs: () => 0
})

/** What an answer amounts to, whole or streamed. */
export interface Amount {
  readonly text: string
  readonly reasoning: string
  /** Of tools of the app's. */
  readonly calls: ReadonlyArray<{ readonly id: string; readonly name: string; readonly params: unknown }>
  readonly finish: string | undefined
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
}

/** Adds the parts of an answer up. */
export const amountOf = (parts: ReadonlyArray<Response.StreamPartEncoded | Response.PartEncoded>): Amount => {
  const finish = parts.find((part) => part.type === "finish")
  const all = (pieceOf: (part: (typeof parts)[number]) => string | undefined) =>
    parts.map((part) => pieceOf(part) ?? "").join("")
  const said = (part: (typeof parts)[number]) =>
    part.type === "text" ? part.text : part.type === "text-delta" ? part.delta : undefined
  const thought = (part: (typeof parts)[number]) =>
    part.type === "reasoning" ? part.text : part.type === "reasoning-delta" ? part.delta : undefined
  return {
    text: all(said),
    reasoning: all(thought),
    calls: parts.flatMap((part) =>
      part.type === "tool-call" && part.providerExecuted !== true
        ? [{ id: part.id, name: part.name, params: part.params }]
        : []
    ),
    finish: finish?.reason,
    inputTokens: finish?.usage.inputTokens.total,
    outputTokens: finish?.usage.outputTokens.total
  }
}

/** The same generator everywhere, so that a failing split can be met again (mulberry32). */
export const random = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Cuts bytes into chunks of 1 to `most` bytes. */
export const split = (bytes: Uint8Array, next: () => number, most: number): ReadonlyArray<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(next() * most)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

/** Cuts bytes within every character of more than one byte, and nowhere else. */
export const splitWithinCharacters = (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  const chunks: Array<Uint8Array> = []
  let from = 0
  for (const [at, byte] of bytes.entries()) {
    if ((byte & 0xc0) !== 0x80) continue
    chunks.push(bytes.subarray(from, at))
    from = at
  }
  return [...chunks, bytes.subarray(from)]
}
