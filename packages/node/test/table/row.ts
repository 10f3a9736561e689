/**
 * One row of a table of what goes wrong between us and a provider: what the peer does, what must be said of it, and what
 * the peer has seen of the request meanwhile. What is expected is written by hand, row by row, and never computed.
 */
import type { Closed, Phase, Unprocessed } from "@holdfast/core/Evidence"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import type { HttpTransport } from "@holdfast/core/HttpTransport"
import type { InvalidInput } from "@holdfast/core/InvalidInput"
import type * as Reason from "@holdfast/core/Reason"
import type { Rule, Verdict } from "@holdfast/core/Verdict"
import type { FaultServer } from "@holdfast/testing/FaultServer"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PoolOptions } from "../../src/Dispatcher.ts"
import type { Asked } from "../support/harness.ts"

/** A place in the table: how the answer is wanted, and on what connection the request goes. */
export interface Cell {
  readonly streaming: boolean
  readonly reused: boolean
}

/** A cell of a row, with the tag that its request carries. */
export interface Placed {
  readonly cell: Cell
  readonly tag: string
}

/** What the peer has seen of one attempt's request. */
export interface Seen {
  /** How many requests with the attempt's tag were begun; more than one is a resend. */
  readonly requests: number
  /** How many were received in full. */
  readonly complete: number
  /** How many were run. */
  readonly ran: number
  /** Bytes of it that the peer took, where it counts them. */
  readonly bytes?: number
  /** Whether a connection that carried it is open. */
  readonly open: boolean
}

/** What the peer must have seen at the end. */
export type Server = Pick<Seen, "complete" | "ran"> & Partial<Pick<Seen, "requests">>

/** A verdict and its rule. */
export type Judged = `${Verdict} ${Rule}`

/** Fields of a reason; a pattern stands for what is not the same each time, in JSON where it is no text. */
export type Telling = { readonly _tag: Reason.Tag } & { readonly [field: string]: unknown }

/** A failed attempt. */
export interface Fails {
  readonly reason: Telling
  readonly judged: Judged
  readonly phase: Phase
  readonly closed?: Closed
  readonly status?: number
  readonly unprocessed?: Unprocessed
  readonly proxied?: true
  /** The app was given some of a streamed answer. */
  readonly got?: true
  /** The next request goes on the same connection; unless told, it needs another. */
  readonly next?: "reused"
}

/** An answered attempt. */
export interface Answers {
  readonly status: number
  /** `cut`: the answer looks complete to HTTP and is not. */
  readonly text: "whole" | "cut" | "empty" | "other"
  /** What a layer above must judge of this answer, where its status is an error. */
  readonly judged?: Judged
  /** On what connection the attempt was answered, where that is not the cell's. */
  readonly on?: "fresh"
  /** On what connection the next request goes. */
  readonly next: "reused" | "fresh"
}

/** What must be said. */
export type Expected = Fails | Answers | "interrupted"

export const isAnswers = (expected: Expected): expected is Answers => expected !== "interrupted" && "text" in expected

/** A peer that plays a row. */
export interface Stage {
  readonly origin: string
  /** Where the next request goes, if the origin stays as bad as it is. */
  readonly healthy?: string
  readonly pool?: PoolOptions
  readonly asked?: (cell: Cell) => Asked
  /** Whether a text is the peer's whole answer. */
  readonly isWhole: (text: string, cell: Cell) => boolean
  readonly seen: (tag: string) => Effect.Effect<Seen, unknown, FaultServer>
  /** Which connection carried a request, where a connection may have carried others and answered none. */
  readonly connectionOf?: (tag: string) => unknown
  /** How it is asked, where that is more than sending and reading. */
  readonly attempt?: (going: Going) => Effect.Effect<Answered, Failure | InvalidInput, Needs>
}

/** An attempt that is about to be made. */
export interface Going {
  readonly request: HttpRequest
  /** Sends and reads, as the cell has it. */
  readonly send: Effect.Effect<Answered, Failure | InvalidInput, HttpTransport>
  /** Waits until the peer has the request in full. */
  readonly arrived: Effect.Effect<void, never, FaultServer>
  /** Closes the transport. */
  readonly close: Effect.Effect<void>
}

/** What was answered. */
export interface Answered {
  readonly status: number
  readonly text: string
  readonly reused: boolean | undefined
  readonly judged: Judged
  readonly bytesRead: number
}

type Needs = HttpTransport | FaultServer | Scope.Scope

/** Makes the peer of a row, for all of its cells. */
export type Scene = (cells: ReadonlyArray<Placed>) => Effect.Effect<Stage, unknown, FaultServer | Scope.Scope>

/** A row of a table. */
export interface Row {
  readonly says: string
  readonly scene: Scene
  /** Unless told, all four. */
  readonly cells?: ReadonlyArray<Cell>
  /** Whether the request is put on a connection that stands. */
  readonly starts: 0 | 1
  readonly expected: Expected | ((cell: Cell) => Expected)
  readonly server: Server
  /** No request can follow: the transport was closed. */
  readonly last?: true
}

/** All cells. */
export const everywhere: ReadonlyArray<Cell> = [false, true].flatMap((reused) =>
  [false, true].map((streaming) => ({ reused, streaming }))
)
/** On a connection of its own. */
export const fresh: ReadonlyArray<Cell> = everywhere.filter(({ reused }) => !reused)
/** On a connection that has carried another. */
export const reused: ReadonlyArray<Cell> = everywhere.filter(({ reused }) => reused)
/** Where it makes no difference how the answer is wanted. */
export const once: ReadonlyArray<Cell> = [{ streaming: false, reused: false }]

/** Names a cell. */
export const nameOf = ({ reused, streaming }: Cell): string =>
  `${reused ? "reused" : "fresh"}, ${streaming ? "streaming" : "whole"}`

/** It was received and run. */
export const ranOnce: Server = { complete: 1, ran: 1 }
/** It was received in part, if at all. */
export const cutShort: Server = { requests: 1, complete: 0, ran: 0 }
/** Nothing of it has come. */
export const nothing: Server = { requests: 0, complete: 0, ran: 0 }

/** In every place of an attempt that can hold one. */
export const secret = "sk-very-secret"
