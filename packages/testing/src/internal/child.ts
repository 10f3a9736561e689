/**
 * Starts the fault server as a process of its own and waits until it says where it is.
 */
import * as NodeChildProcessSpawner from "@effect/platform-node/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as FaultConfig from "../FaultConfig.ts"
import { FaultServerError } from "../FaultServerError.ts"
import { FirstLine, type Ready } from "./ready.ts"

/** Beyond this the machine is too busy to test anything. */
const startLimit = "30 seconds"

/** Starts the process. It ends with the scope, or with this process, because its input then ends. */
export const start = (config: FaultConfig.Config): Effect.Effect<Ready, FaultServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* command(config)
    const line = yield* child.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.runHead)
    const said = yield* Schema.decodeEffect(FirstLine)(Option.getOrElse(line, () => ""))
    if (!said.ready) return yield* new FaultServerError({ action: "start", problems: said.problems })
    return said
  }).pipe(
    Effect.catchTag(["PlatformError", "SchemaError"], (cause) =>
      failed("Expected a first line of JSON that says where everything is", cause)
    ),
    Effect.timeoutOrElse({
      duration: startLimit,
      orElse: () => failed(`Expected the process to be ready within ${startLimit}`)
    }),
    Effect.provide(spawner)
  )

const spawner = NodeChildProcessSpawner.layer.pipe(Layer.provide([NodeFileSystem.layer, NodePath.layer]))

const command = (config: FaultConfig.Config) =>
  ChildProcess.make(process.execPath, programArguments(import.meta.url), {
    // The configuration is one line, and the input stays open behind it for as long as the scope does.
    stdin: {
      stream: Stream.concat(Stream.make(new TextEncoder().encode(`${JSON.stringify(config)}\n`)), Stream.never),
      endOnDone: false
    },
    stderr: "inherit",
    forceKillAfter: "2 seconds"
  })

/** From sources the program is run by type stripping, under the condition that makes other packages' sources visible too. */
const programArguments = (here: string): ReadonlyArray<string> => {
  const fromSource = here.endsWith(".ts")
  const program = fileURLToPath(new URL(fromSource ? "../bin.ts" : "../bin.js", here))
  return fromSource ? ["--conditions=@holdfast/source", program] : [program]
}

const failed = (expected: string, cause?: unknown) =>
  new FaultServerError({
    action: "start",
    problems: [{ place: "process", expected }],
    ...(cause !== undefined && { cause })
  })
