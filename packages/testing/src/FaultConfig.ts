/**
 * What a fault server serves: its endpoints, what their model answers, and how much of the truth is kept.
 *
 * Plain JSON data, so that the same configuration works from a test, from a file and from a pipe.
 */
import * as Schema from "effect/Schema"
import * as FaultScript from "./FaultScript.ts"

/** An inclusive range of milliseconds, `[least, most]`. */
export const MillisRange = Schema.Tuple([Schema.Natural, Schema.Natural]).check(
  Schema.makeFilter(([least, most]) => least <= most || "Expected the first number to be at most the second")
)

const Weight = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * A storm of idle closes: quiet periods and bursts alternate, starting quiet, from the moment it is armed. A connection that falls
 * idle during a burst gets an idle limit and is closed in a drawn way when it reaches it, even if the burst is over by then; in
 * a quiet period none gets a limit. The same seed gives the same periods and the same sequence of limits and ways.
 */
export const Storm = Schema.Struct({
  seed: Schema.Int,
  quietMs: MillisRange,
  burstMs: MillisRange,
  idleMs: MillisRange,
  /** Relative weights; a way that is not named is never drawn. */
  how: Schema.Struct({
    fin: Schema.optionalKey(Weight),
    "half-fin": Schema.optionalKey(Weight),
    reset: Schema.optionalKey(Weight)
  }).check(
    Schema.makeFilter(
      (how) => (how.fin ?? 0) + (how["half-fin"] ?? 0) + (how.reset ?? 0) > 0 || "Expected a weight above 0"
    )
  )
})
/** @see {@link Storm} */
export type Storm = typeof Storm.Type

/**
 * What the model says: `text` (default "Hello from the model.") in `events` deltas (default 4); `keepAliveHint` in seconds. Every
 * `{id}` in the text becomes the id of the answer, so that a text made of two answers is seen.
 */
export const Answer = Schema.Struct({
  text: Schema.optionalKey(Schema.NonEmptyString),
  events: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  keepAliveHint: Schema.optionalKey(Schema.Natural)
})
/** @see {@link Answer} */
export type Answer = typeof Answer.Type

/** Makes the model an agent: while a request declares `tool` and holds fewer than `steps` tool results, it is answered with a call of it. */
export const Agent = Schema.Struct({ tool: Schema.NonEmptyString, steps: Schema.Natural })
/** @see {@link Agent} */
export type Agent = typeof Agent.Type

/**
 * The certificate of a TLS endpoint: `good` (for localhost and 127.0.0.1, from the server's own authority), `expired`, `wrong-host`
 * (same authority), or `self-signed`; `false` is plain TCP.
 */
export const Tls = Schema.Literals([false, "good", "expired", "wrong-host", "self-signed"])
/** @see {@link Tls} */
export type Tls = typeof Tls.Type

/** One endpoint. With `refuse` its port is known but nothing listens there: ECONNREFUSED. */
export const Endpoint = Schema.Struct({
  tls: Schema.optionalKey(Tls),
  refuse: Schema.optionalKey(Schema.Boolean),
  /** Unless told, any free port. */
  port: Schema.optionalKey(Schema.Port),
  answer: Schema.optionalKey(Answer),
  agent: Schema.optionalKey(Agent),
  storm: Schema.optionalKey(Storm),
  /** The script to begin with, and to return to at a reset. */
  script: Schema.optionalKey(FaultScript.Script)
})
/** @see {@link Endpoint} */
export type Endpoint = typeof Endpoint.Type

const endpointName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** Endpoints by name; names stand in control URLs. */
export const Endpoints = Schema.Record(Schema.String, Endpoint).check(
  Schema.makeFilter((endpoints) =>
    Object.keys(endpoints)
      .filter((name) => !endpointName.test(name))
      .map((name) => ({
        path: [name],
        issue: "Expected a name of letters, digits, dots, dashes and underscores"
      }))
  )
)

/**
 * A whole server. `record: "counts"` keeps counters and duplicate runs only, for runs of 100,000 requests and more;
 * `"full"` (the default) also keeps every connection and request, `"bytes"` the bytes of every request too, keys included.
 */
export const Config = Schema.Struct({
  endpoints: Endpoints,
  record: Schema.optionalKey(Schema.Literals(["full", "counts", "bytes"])),
  controlPort: Schema.optionalKey(Schema.Port)
})
/** @see {@link Config} */
export type Config = typeof Config.Type
