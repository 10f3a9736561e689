/**
 * What the demo and its two runs, which are processes of their own, tell each other: a job in, lines of JSON out.
 */
import * as Schema from "effect/Schema"
import { Scenario } from "./scenario.ts"

/** What a run is to do, and where its servers are. */
export const Job = Schema.Struct({
  scenario: Scenario,
  /** Origins of the Anthropic-format provider, of the OpenAI-format one, and of the fault server's control plane. */
  primary: Schema.String,
  fallback: Schema.String,
  control: Schema.String
})
/** @see {@link Job} */
export type Job = typeof Job.Type

/** A job as an argument of a process. */
export const JobJson = Schema.fromJsonString(Job)

/** What a run found out itself; what the server counted is asked of the server. */
export const Found = Schema.Struct({
  completed: Schema.Int,
  swapped: Schema.Int,
  announcedSwaps: Schema.Int,
  /** Calls that failed because the connection they were put on was closed. */
  staleMet: Schema.Int,
  /** Connections seen closed before a call was put on them; absent where nobody watches. */
  staleAvoided: Schema.optionalKey(Schema.Int),
  /** Calls of `staleMet` that the same model answered after all. */
  staleRepaired: Schema.Int,
  p50Ms: Schema.Finite,
  p99Ms: Schema.Finite
})
/** @see {@link Found} */
export type Found = typeof Found.Type

/** A line of a run's output. */
export const Line = Schema.Union([
  /** The process has warmed up, and the first turn that counts begins. */
  Schema.TaggedStruct("Begun", {}),
  Schema.TaggedStruct("Progress", { turns: Schema.Int }),
  Schema.TaggedStruct("Finished", { found: Found }),
  Schema.TaggedStruct("Failed", { why: Schema.String })
])
/** @see {@link Line} */
export type Line = typeof Line.Type

/** A line as text. */
export const LineJson = Schema.fromJsonString(Line)
