/** One run of the demo: a server and a client, each a process of its own, and what both have to say of it. */
import * as FaultServer from "@holdfast/testing/FaultServer"
import type * as FaultTruth from "@holdfast/testing/FaultTruth"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { DemoFailed } from "../../DemoFailed.ts"
import type { Column } from "../../DemoReport.ts"
import type { Found, Job } from "./message.ts"
import { LineJson } from "./message.ts"
import type { Scenario } from "./scenario.ts"
import { serverOf } from "./scenario.ts"

/** Whose run it is. */
export type Name = DemoFailed["run"]

/** Plays a scenario in one of the two ways. `onTurns` is told how many turns are over. */
export const play = (
  name: Name,
  scenario: Scenario,
  onTurns: (turns: number) => Effect.Effect<void>
): Effect.Effect<Column, DemoFailed, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    const server = yield* FaultServer.make(serverOf(scenario))
    const primary = yield* server.endpoint("primary")
    const fallback = yield* server.endpoint("fallback")
    const job: Job = {
      scenario,
      primary: primary.origin,
      fallback: fallback.origin,
      control: server.control.origin
    }
    const found = yield* follow(name, job, { begun: server.armStorm("primary"), onTurns })
    return columnOf(found, yield* server.truth)
  }).pipe(
    Effect.catchTag("FaultServerError", (cause) => new DemoFailed({ run: name, why: cause.message, cause })),
    Effect.scoped
  )

interface Listener {
  /** The storm begins with the first turn that counts, whatever a process takes to start. */
  readonly begun: Effect.Effect<void, FaultServer.FaultServerError>
  readonly onTurns: (turns: number) => Effect.Effect<void>
}

const silence = "30 seconds"

/** Starts a run's process and follows what it says until it has finished. */
const follow = (
  name: Name,
  job: Job,
  listener: Listener
): Effect.Effect<
  Found,
  DemoFailed | FaultServer.FaultServerError,
  ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
> =>
  Effect.gen(function* () {
    const child = yield* command(name, JSON.stringify(job))
    const found = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.timeoutOrElse({
        duration: silence,
        orElse: () => Stream.fail(new DemoFailed({ run: name, why: `it said nothing for ${silence}` }))
      }),
      Stream.mapEffect(
        Effect.fnUntraced(function* (text) {
          const line = yield* Schema.decodeEffect(LineJson)(text)
          switch (line._tag) {
            case "Begun":
              yield* listener.begun
              return Option.none()
            case "Progress":
              yield* listener.onTurns(line.turns)
              return Option.none()
            case "Finished":
              return Option.some(line.found)
            case "Failed":
              return yield* new DemoFailed({ run: name, why: line.why })
          }
        })
      ),
      Stream.filter(Option.isSome),
      Stream.runHead
    )
    if (Option.isSome(found)) return found.value.value
    const how = yield* Effect.match(child.exitCode, {
      onSuccess: (code) => `with code ${code}`,
      onFailure: () => "by a signal"
    })
    return yield* new DemoFailed({ run: name, why: `its process ended ${how} before it had finished` })
  }).pipe(
    Effect.catchTags({
      PlatformError: (cause) => new DemoFailed({ run: name, why: "its process could not be run", cause }),
      SchemaError: (cause) => new DemoFailed({ run: name, why: "expected lines of JSON from its process", cause })
    })
  )

/** From sources the program is run by type stripping, under the condition that makes other packages' sources visible too. */
const command = (name: Name, argument: string) => {
  const fromSource = import.meta.url.endsWith(".ts")
  const program = fileURLToPath(new URL(`./${name}Process.${fromSource ? "ts" : "js"}`, import.meta.url))
  return ChildProcess.make(
    process.execPath,
    [...(fromSource ? ["--conditions=@holdfast/source"] : []), program, argument],
    // The input stays open as long as the demo lives; the process watches for its end.
    { stdin: { stream: Stream.never }, stderr: "inherit", forceKillAfter: "2 seconds" }
  )
}

/** What the run found out itself, and what the server counted. */
export const columnOf = (found: Found, truth: FaultTruth.Truth): Column => {
  const closedWhileIdle = truth.endpoints["primary"]?.counts.closedWhileIdle ?? 0
  return {
    completed: found.completed,
    swapped: found.swapped,
    announcedSwaps: found.announcedSwaps,
    duplicateRuns: beyondFirst(truth.runs.duplicates),
    duplicateSideEffects: beyondFirst(truth.effects),
    staleMet: found.staleMet,
    // Whoever does not watch its connections avoided what the server closed and it did not meet.
    staleAvoided: found.staleAvoided ?? Math.max(0, closedWhileIdle - found.staleMet),
    staleRepaired: found.staleRepaired,
    p50Ms: found.p50Ms,
    p99Ms: found.p99Ms
  }
}

/** How often what was counted happened again. */
export const beyondFirst = (counted: ReadonlyArray<{ readonly count: number }>): number =>
  counted.reduce((sum, { count }) => sum + count - 1, 0)
