/**
 * Runs a program of the machine as a server for the life of a scope: nginx, haproxy, squid, a SOCKS server. What a fault
 * server plays, these do.
 *
 * A program is started in a directory of its own, with configuration files written there and ports that were free a
 * moment before, and is ready when its first port accepts connections. It ends with the scope.
 */
import * as NodeChildProcessSpawner from "@effect/platform-node/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"
import { existsSync } from "node:fs"
import * as Net from "node:net"
import { delimiter, join } from "node:path"

/** Where a program runs. */
export interface Place {
  /** An empty directory of its own, by its absolute path. */
  readonly directory: string
  /** Ports of 127.0.0.1 that nobody had. */
  readonly ports: ReadonlyArray<number>
}

/** What is run, and how. */
export interface Options {
  /** How many ports it wants. It is ready when the first accepts connections. */
  readonly ports: number
  /** Files to be written into its directory first, by name. */
  readonly files?: (place: Place) => Readonly<Record<string, string>>
  readonly args: (place: Place) => ReadonlyArray<string>
}

/** A program that runs. */
export interface Running extends Place {
  readonly pid: number
  /** Sends it a signal: SIGHUP lets nginx read its configuration anew. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** What it has written to its error output so far. */
  readonly errors: Effect.Effect<string>
}

/** A program could not be started. */
export class ProgramError extends Schema.TaggedError<ProgramError>("@holdfast/testing/ProgramError")("ProgramError", {
  name: Schema.String,
  expected: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.name}: ${this.expected}`
  }
}

// Debian puts servers where the path of an ordinary user does not lead.
const besides = ["/usr/sbin", "/usr/local/sbin", "/sbin"]

/** The absolute path of a program, or nothing where the machine has none. */
export const find = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), ...besides]
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path))

/** Starts a program and waits until it accepts connections. */
export const run = (name: string, options: Options): Effect.Effect<Running, ProgramError, Scope.Scope> =>
  Effect.gen(function* () {
    const found = find(name)
    if (found === undefined)
      return yield* new ProgramError({ name, expected: "a program of that name on this machine" })
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const place: Place = {
      directory: yield* fs.makeTempDirectoryScoped({ prefix: `holdfast-${name}-` }),
      ports: yield* freePorts(options.ports)
    }
    yield* Effect.forEach(Object.entries(options.files?.(place) ?? {}), ([file, text]) =>
      fs.writeFileString(path.join(place.directory, file), text)
    )
    let errors = ""
    const child = yield* ChildProcess.make(found, options.args(place), {
      cwd: place.directory,
      stdin: "ignore",
      stdout: "ignore",
      forceKillAfter: "2 seconds"
    })
    yield* child.stderr.pipe(
      Stream.decodeText(),
      Stream.runForEach((text) => Effect.sync(() => (errors += text))),
      Effect.ignore,
      Effect.forkScoped
    )
    const [first = 0] = place.ports
    const said = Effect.suspend(
      () => new ProgramError({ name, expected: `to be ready; it said: ${errors.slice(-2000)}` })
    )
    yield* accepts(first).pipe(
      Effect.retry(Schedule.max([Schedule.spaced("20 millis"), Schedule.recurs(500)])),
      Effect.catch(() => said),
      Effect.raceFirst(Effect.andThen(Effect.ignore(child.exitCode), said))
    )
    return {
      ...place,
      pid: child.pid,
      signal: (signal: NodeJS.Signals) => Effect.sync(() => void process.kill(child.pid, signal)),
      errors: Effect.sync(() => errors)
    }
  }).pipe(
    Effect.catchTag("PlatformError", (cause) =>
      Effect.fail(new ProgramError({ name, expected: "a directory of its own and a process", cause }))
    ),
    Effect.provide(platform)
  )

const platform = Layer.provideMerge(NodeChildProcessSpawner.layer, Layer.merge(NodeFileSystem.layer, NodePath.layer))

/** Ports that are free, all at once so that they differ. */
const freePorts = (count: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.scoped(Effect.forEach(Array.from({ length: count }), () => boundPort))

const boundPort: Effect.Effect<number, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })
)

const accepts = (port: number): Effect.Effect<void, Error> =>
  Effect.callback((resume) => {
    const socket = Net.connect({ port, host: "127.0.0.1" })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
    return Effect.sync(() => socket.destroy())
  })
