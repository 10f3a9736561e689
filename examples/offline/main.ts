/** `./scripts/example 06`: an example, without keys and without a network. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { play, servers } from "./play.ts"
import { names } from "./scenarios.ts"

const [asked = ""] = process.argv.slice(2)
const name = names.find((name) => asked !== "" && name.startsWith(asked.replace(/\.ts$/, "")))

// What an example keeps is kept for as long as it runs.
const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "holdfast-example-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const program = Effect.gen(function* () {
  if (name === undefined) {
    yield* Console.error(`./scripts/example takes one of ${names.join(", ")}, or how it begins: got "${asked}"`)
    process.exitCode = 2
    return
  }
  const journal = join(yield* folder, "journal.ndjson")
  const printed = yield* Effect.provide(play(name, { env: { JOURNAL: journal } }), servers)
  process.stdout.write(`examples/${name}.ts\n\n${printed}`)
})

program.pipe(Effect.scoped, NodeRuntime.runMain)
