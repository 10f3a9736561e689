/**
 * What really happened at a fault server: the truth that a client's verdict is compared with.
 *
 * Counters and records of an endpoint begin when its script was set. Bytes are those of the application: under TLS, plaintext.
 */
import * as Schema from "effect/Schema"
import { CloseHow, IdleHow } from "./FaultScript.ts"

/** One request, from its first byte on. */
export const Request = Schema.Struct({
  /** From 1, on its connection. */
  index: Schema.Int,
  /** From 1, on the endpoint, in the order of first bytes. */
  nth: Schema.Int,
  /** The `x-fault-tag` header. */
  tag: Schema.NullOr(Schema.String),
  /** Milliseconds since the process started. */
  startedAtMs: Schema.Finite,
  /** Bytes of this request, head and framing included, that the server took. */
  bytes: Schema.Int,
  /** Those bytes, as Latin-1 text; where the server records bytes. */
  text: Schema.optionalKey(Schema.String),
  /** Whether the whole request was received. */
  complete: Schema.Boolean,
  /** Whether the model ran; never without `complete`. */
  ran: Schema.Boolean,
  /** `${userText}#${toolResults}`: one logical piece of model work, whatever the wire format. A long text is shortened to its start and a hash. */
  runKey: Schema.NullOr(Schema.String),
  api: Schema.NullOr(Schema.Literals(["anthropic", "openai", "openai-responses"])),
  stream: Schema.Boolean,
  /**
   * `full`: every byte of the model's answer, or of a scripted status response, was handed to the operating system. `partial`: some response
   * bytes were. Informational responses do not count.
   */
  answered: Schema.Literals(["none", "partial", "full"]),
  /** The tag of the fault that struck it. */
  fault: Schema.optionalKey(Schema.String)
})
/** @see {@link Request} */
export type Request = typeof Request.Type

/** How a connection ended; who ended it is who spoke first (FIN, RST). */
export const Closed = Schema.Struct({
  by: Schema.Literals(["server", "client"]),
  how: Schema.Union([CloseHow, IdleHow]),
  /** No request was being received or answered. */
  whileIdle: Schema.Boolean
})
/** @see {@link Closed} */
export type Closed = typeof Closed.Type

/** One connection. */
export const Connection = Schema.Struct({
  /** From 1, since the script was set. */
  id: Schema.Int,
  /** Milliseconds since the process started. */
  openedAtMs: Schema.Finite,
  /** It was open before the script was set and has been used since. */
  survivor: Schema.Boolean,
  /** How TLS ended up; absent on a plain endpoint and while the handshake is under way. */
  handshake: Schema.optionalKey(Schema.Literals(["done", "failed"])),
  bytesReceived: Schema.Int,
  /** Response bytes handed to the operating system. */
  bytesSent: Schema.Int,
  requests: Schema.Array(Request),
  closed: Schema.optionalKey(Closed)
})
/** @see {@link Connection} */
export type Connection = typeof Connection.Type

/** How often a run key was run. */
export const Run = Schema.Struct({ runKey: Schema.String, count: Schema.Int })
/** @see {@link Run} */
export type Run = typeof Run.Type

/** Counters of one endpoint; kept whatever `record` says. */
export const Counts = Schema.Struct({
  connections: Schema.Int,
  /** Connections open now. */
  open: Schema.Int,
  requests: Schema.Int,
  complete: Schema.Int,
  ran: Schema.Int,
  /** Runs of a key that this endpoint had run before. */
  duplicateRuns: Schema.Int,
  answeredFull: Schema.Int,
  answeredPartial: Schema.Int,
  answeredNone: Schema.Int,
  /** Closes count even where the connection was opened before the script was set and has not been used since. */
  closedByServer: Schema.Int,
  closedByClient: Schema.Int,
  /** Connections that the server closed while they were idle. */
  closedWhileIdle: Schema.Int,
  /** How often each kind of fault struck a request or a connection. */
  faults: Schema.Record(Schema.String, Schema.Int)
})
/** @see {@link Counts} */
export type Counts = typeof Counts.Type

/** The state of an armed storm. `dealt` keeps the first thousand limits, in the order in which they were dealt. */
export const StormState = Schema.Struct({
  bursting: Schema.Boolean,
  /** Lengths of the periods begun so far, quiet first. */
  periodsMs: Schema.Array(Schema.Int),
  limits: Schema.Int,
  dealt: Schema.Array(Schema.Struct({ idleMs: Schema.Int, how: CloseHow }))
})
/** @see {@link StormState} */
export type StormState = typeof StormState.Type

/** One endpoint. `connections` is empty where only counts are recorded. */
export const Endpoint = Schema.Struct({
  refused: Schema.Boolean,
  counts: Counts,
  connections: Schema.Array(Connection),
  storm: Schema.optionalKey(StormState)
})
/** @see {@link Endpoint} */
export type Endpoint = typeof Endpoint.Type

/** A side effect of an agent's tool, by the key that the tool gave it. */
export const SideEffect = Schema.Struct({ key: Schema.String, count: Schema.Int })
/** @see {@link SideEffect} */
export type SideEffect = typeof SideEffect.Type

/** The whole truth. Runs are counted over all endpoints: a key that ran here and there has run twice. */
export const Truth = Schema.Struct({
  endpoints: Schema.Record(Schema.String, Endpoint),
  runs: Schema.Struct({ total: Schema.Int, distinct: Schema.Int, duplicates: Schema.Array(Run) }),
  effects: Schema.Array(SideEffect)
})
/** @see {@link Truth} */
export type Truth = typeof Truth.Type

/** The requests of an endpoint in the order in which they began; none for an unknown endpoint. */
export const requests = (truth: Truth, endpoint: string): ReadonlyArray<Request> =>
  (truth.endpoints[endpoint]?.connections ?? [])
    .flatMap((connection) => connection.requests)
    .toSorted((a, b) => a.nth - b.nth)

/** Side effects that happened more than once. */
export const repeatedEffects = (truth: Truth): ReadonlyArray<SideEffect> =>
  truth.effects.filter((effect) => effect.count > 1)
