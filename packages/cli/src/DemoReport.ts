/**
 * What a demo found out: one column for each run, with the same numbers in both.
 */
import * as Schema from "effect/Schema"

/** One run. A turn counts as swapped where any of its calls was answered by another model than the one asked for. */
export const Column = Schema.Struct({
  /** Turns that ended with a text of a model. */
  completed: Schema.Int,
  swapped: Schema.Int,
  /** Turns of `swapped` whose app was told. */
  announcedSwaps: Schema.Int,
  /** Runs of a model call beyond its first, over both providers; counted by the server. */
  duplicateRuns: Schema.Int,
  /** Side effects beyond the first with the same key; counted by the server. */
  duplicateSideEffects: Schema.Int,
  /** Calls that failed because the connection they were put on was closed. */
  staleMet: Schema.Int,
  /** Idle connections that the server closed and that no call was put on. */
  staleAvoided: Schema.Int,
  /** Calls of `staleMet` that the same model answered after all. */
  staleRepaired: Schema.Int,
  /** Median of what a turn took beyond its tool's work, in milliseconds. */
  p50Ms: Schema.Finite,
  /** 99th percentile of the same. */
  p99Ms: Schema.Finite
})
/** @see {@link Column} */
export type Column = typeof Column.Type

/** Both runs of a demo. */
export const DemoReport = Schema.Struct({
  turns: Schema.Int,
  seed: Schema.Int,
  naive: Column,
  holdfast: Column
})
/** @see {@link DemoReport} */
export type DemoReport = typeof DemoReport.Type
