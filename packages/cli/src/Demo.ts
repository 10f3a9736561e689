/**
 * The demo: the same agent turns through the same storm of closing connections, once as agents do it today and once
 * through Holdfast. Server and clients are processes of their own, because one event loop for both would make stale
 * connections far likelier than they are.
 */
import * as Effect from "effect/Effect"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { DemoFailed } from "./DemoFailed.ts"
import type { DemoReport } from "./DemoReport.ts"
import * as Column from "./internal/demo/column.ts"
import * as Scenario from "./internal/demo/scenario.ts"

/** What a demo is made of. The same seed gives the same turns, the same think times and the same storm. */
export interface Options {
  readonly turns: number
  readonly seed: number
  /** Told how many turns of a run are over. */
  readonly onProgress?: (run: DemoFailed["run"], turns: number) => Effect.Effect<void>
}

/** Runs both, one after the other, so that neither takes the other's time. */
export const run = ({
  onProgress = () => Effect.void,
  seed,
  turns
}: Options): Effect.Effect<DemoReport, DemoFailed, ChildProcessSpawner> =>
  Effect.gen(function* () {
    const scenario = Scenario.demo({ seed, turns })
    const naive = yield* Column.play("naive", scenario, (done) => onProgress("naive", done))
    const holdfast = yield* Column.play("holdfast", scenario, (done) => onProgress("holdfast", done))
    return { turns, seed, naive, holdfast }
  })
