/**
 * The life of a run as a process: its argument is a job, its output is lines of JSON, and it ends when its input does, so
 * that it never outlives the demo.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type { Found, Job, Line } from "./message.ts"
import { JobJson } from "./message.ts"
import type { Watcher } from "./play.ts"

/** Plays a job. */
export type Run<E> = (job: Job, watcher: Watcher) => Effect.Effect<Found, E>

/** Runs as a process. */
export const main = <E extends { readonly message: string }>(run: Run<E>): void =>
  whole(run).pipe(Effect.provide(NodeStdio.layer), NodeRuntime.runMain)

const whole = <E extends { readonly message: string }>(run: Run<E>) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    const [argument] = yield* stdio.args
    const job = yield* Schema.decodeEffect(JobJson)(argument ?? "")
    const every = Math.min(mostSilentTurns, Math.ceil(job.scenario.turns / 50))
    const played = run(job, {
      begun: say({ _tag: "Begun" }),
      onTurn: (turns) => (turns % every === 0 ? say({ _tag: "Progress", turns }) : Effect.void)
    })
    // What is awaited of the parent is its end alone.
    const orphaned = Stream.runDrain(stdio.stdin).pipe(Effect.andThen(Effect.interrupt))
    const found = yield* Effect.raceFirst(played, orphaned)
    yield* say({ _tag: "Finished", found })
  }).pipe(Effect.catch(({ message }) => say({ _tag: "Failed", why: message })))

/** Less than a second's worth. */
const mostSilentTurns = 40

const say = (line: Line): Effect.Effect<void> => Console.log(JSON.stringify(line))
