/** A watched file on a real file system, written the ways that editors and deployments write one. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigurationFile from "@holdfast/node/ConfigurationFile"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "holdfast-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Watches a file; `next` waits for news of it, at most for less than it takes to look without any sign. */
const watch = Effect.fnUntraced(function* (path: string) {
  const told = yield* Queue.unbounded<void>()
  yield* Effect.forkScoped(
    Stream.runForEach(ConfigurationFile.at(path).changes, () => Queue.offer(told, undefined)),
    { startImmediately: true }
  )
  // Until the directory is watched.
  yield* Effect.sleep("100 millis")
  return {
    next: Effect.timeoutOrElse(Queue.take(told), {
      duration: "8 seconds",
      orElse: () => Effect.die(new Error("nobody told of a change"))
    }),
    waiting: Queue.size(told)
  }
})

describe("a file that is watched", () => {
  it.live("is told of where it is written, replaced, removed and put back", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "holdfast.json5")
      writeFileSync(path, "{ a: 1 }")
      const { next, waiting } = yield* watch(path)
      assert.strictEqual(yield* waiting, 0)
      writeFileSync(path, "{ a: 2 }")
      yield* next
      // As editors do: another file is put in its place, with as many bytes.
      writeFileSync(`${path}.tmp`, "{ a: 3 }")
      renameSync(`${path}.tmp`, path)
      yield* next
      assert.deepStrictEqual(yield* ConfigurationFile.read(path), { a: 3 })
      rmSync(path)
      yield* next
      writeFileSync(path, "{ a: 4 }")
      yield* next
    })
  )

  it.live("is told of where a link above it leads elsewhere, as deployments have it", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      for (const version of ["1", "2"]) {
        mkdirSync(join(directory, version))
        writeFileSync(join(directory, version, "holdfast.json5"), `{ a: ${version} }`)
      }
      symlinkSync("1", join(directory, "..data"))
      const path = join(directory, "holdfast.json5")
      symlinkSync("..data/holdfast.json5", path)
      const { next } = yield* watch(path)
      symlinkSync("2", join(directory, "..next"))
      renameSync(join(directory, "..next"), join(directory, "..data"))
      yield* next
      assert.deepStrictEqual(yield* ConfigurationFile.read(path), { a: 2 })
    })
  )

  it.live("is not told of for its neighbours", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const path = join(directory, "holdfast.json5")
      writeFileSync(path, "{}")
      const { waiting } = yield* watch(path)
      writeFileSync(join(directory, "other"), "x")
      yield* Effect.sleep("200 millis")
      assert.strictEqual(yield* waiting, 0)
    })
  )

  it.live.skipIf(!existsSync("/proc/self/fdinfo"))("is watched no longer than somebody listens", () =>
    Effect.gen(function* () {
      const path = join(yield* temporary, "holdfast.json5")
      const before = watches()
      yield* Effect.scoped(
        Effect.andThen(
          watch(path),
          Effect.sync(() => assert.strictEqual(watches(), before + 1))
        )
      )
      assert.strictEqual(watches(), before)
    })
  )
})

/** The directories that this process has the kernel watch. */
const watches = (): number =>
  readdirSync("/proc/self/fdinfo")
    .flatMap((fd) => (existsSync(`/proc/self/fdinfo/${fd}`) ? readFileSync(`/proc/self/fdinfo/${fd}`, "utf8") : ""))
    .join("")
    .split("inotify wd").length
