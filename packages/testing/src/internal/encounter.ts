/**
 * What one attempt at a scripted transport meets, as data: how long each part of it takes, and how and where it ends.
 *
 * It says what happens on the wire; what a transport makes of that, reason and evidence, follows from it in one place,
 * `scriptedAttempt.ts`.
 */
import type * as Evidence from "@holdfast/core/Evidence"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import type { Reason } from "@holdfast/core/Reason"

/** How an attempt ends on its connection: as HTTP has it, by the peer's FIN or RST, in silence, or in what is no HTTP. */
export type Ending = "complete" | "fin" | "reset" | "silence" | "malformed"

/** A piece of a body, `afterMs` after the one before. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly afterMs: number
}

/** No connection comes about: after `afterMs` the phase fails. */
export interface Unconnected {
  readonly _tag: "Unconnected"
  readonly phase: "resolving" | "connecting" | "securing"
  /** `Infinity`: never. */
  readonly afterMs: number
  readonly reason: (host: string) => Reason
}

interface OnConnection {
  readonly connectMs: number
  readonly connection: Evidence.Connection
  /** From the sent request to the head of the answer, or to the end where there is none. */
  readonly headMs: number
  readonly ending: Ending
}

/** The request is sent, and of an answer `headBytes` bytes come, which are no whole head. */
export interface Unanswered extends OnConnection {
  readonly _tag: "Unanswered"
  readonly ending: Exclude<Ending, "complete">
  readonly headBytes: number
}

/** The head of an answer comes, then its chunks. */
export interface Answered extends OnConnection {
  readonly _tag: "Answered"
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly chunks: ReadonlyArray<Chunk>
}

/** A failure with evidence as given. */
export interface Given {
  readonly _tag: "Given"
  readonly afterMs: number
  readonly reason: Reason
  readonly evidence: Evidence.Evidence
}

/** What one attempt meets. */
export type Encounter = Unconnected | Unanswered | Answered | Given

/** Decides what an attempt meets; `serial` counts the attempts of a transport from 1. */
export type Meet = (request: HttpRequest, serial: number) => Encounter

/** A connection that has carried nothing. */
export const fresh: Evidence.Connection = { reused: false, ageMs: 0, idleMs: 0, requestsServed: 0 }

/** A connection that answered one request and was then idle. */
export const idle = (idleMs: number): Evidence.Connection => ({
  reused: true,
  ageMs: idleMs,
  idleMs,
  requestsServed: 1
})
