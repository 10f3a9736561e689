/**
 * Whose calls they are: the run, the session and the lane of an app, for logs alone.
 *
 * Nothing is decided by it. It travels with the fiber, and the first event of every attempt carries it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** Whose calls they are. Names of the app's own; no secrets, they go to logs and journals. */
export const Caller = Schema.Struct({
  /** One run of an agent. Where it is not named, a log takes the turn's name for it, and without a turn the call's. */
  runId: Schema.optionalKey(Schema.String),
  /** The conversation that the run belongs to. */
  sessionId: Schema.optionalKey(Schema.String),
  /** The queue that the run was taken from. */
  lane: Schema.optionalKey(Schema.String)
})

/** Whose calls they are. */
export type Caller = typeof Caller.Type

/** For whom the current fiber calls, if the app has said so. For a stream: `Stream.provideService(Caller.Current, ...)`. */
export const Current: Context.Reference<Caller | undefined> = Context.Reference<Caller | undefined>(
  "@holdfast/core/Caller/Current",
  { defaultValue: () => undefined }
)

/**
 * Says for whom an effect calls. What is not said again stays as it was around it.
 *
 * **Example**
 *
 * ```ts
 * import { Caller } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const lane = Effect.map(Caller.Current, (caller) => `${caller?.sessionId}/${caller?.lane}`)
 * const program = lane.pipe(Caller.provide({ lane: "cron" }), Caller.provide({ sessionId: "s-1", lane: "main" }))
 * await Effect.runPromise(program) // => "s-1/cron"
 * ```
 */
export const provide =
  (caller: Caller) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Current, (outer) => Effect.provideService(effect, Current, { ...outer, ...caller }))
