/**
 * A configuration file: where it is looked for, its text, and news of its changes. What stands in it is not known here.
 */
import { stat } from "node:fs/promises"
import { createRequire } from "node:module"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { mayBeKey } from "@holdfast/core/Preview"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type Json5 from "json5"
import { expectedAfter } from "./internal/configurationFile/expected.ts"
import * as Watch from "./internal/configurationFile/watch.ts"
import { readText } from "./internal/readText.ts"

/** The names that are looked for in a directory, in order. */
export const names = ["holdfast.json5", "holdfast.json", "openclaw.json5"] as const

/** Where files are looked for. */
export interface Where {
  /** Default: the working directory. */
  readonly directory?: string
  /** Default: the user's. */
  readonly home?: string
}

/**
 * The first file that is there: in the working directory, then in each directory above it, by the order of
 * {@link names}; then `~/.config/holdfast/holdfast.json5` and `~/.config/openclaw/openclaw.json5`.
 *
 * **Details**
 *
 * A file above the working directory that belongs to neither this user nor root fails with `InvalidInput`: a
 * configuration names commands to run, and anybody may leave a file in a directory that all may write to.
 */
export const find = (where: Where = {}): Effect.Effect<string | undefined, InvalidInput> =>
  Effect.gen(function* () {
    const directory = resolve(where.directory ?? process.cwd())
    for (const [depth, each] of upwardFrom(directory).entries()) {
      for (const name of names) {
        const path = join(each, name)
        const owner = yield* ownerOf(path)
        if (owner === undefined) continue
        if (depth > 0 && !isTrusted(owner)) return yield* InvalidInput.of(foreign(path))
        return path
      }
    }
    const home = where.home ?? homedir()
    for (const name of ["holdfast", "openclaw"]) {
      const path = join(home, ".config", name, `${name}.json5`)
      if ((yield* ownerOf(path)) !== undefined) return path
    }
    return undefined
  })

const upwardFrom = (directory: string): ReadonlyArray<string> => {
  const above = dirname(directory)
  return above === directory ? [directory] : [directory, ...upwardFrom(above)]
}

/** The owner of what stands at a path, if anything does. */
const ownerOf = (path: string): Effect.Effect<number | undefined> =>
  Effect.tryPromise(() => stat(path)).pipe(
    Effect.map(({ uid }): number | undefined => uid),
    Effect.orElseSucceed(() => undefined)
  )

// Windows knows no such numbers.
const isTrusted = (owner: number): boolean => process.getuid === undefined || owner === 0 || owner === process.getuid()

const foreign = (path: string): Problem => ({
  kind: "InvalidOption",
  place: path,
  expected: "a file of this user or of root, above the working directory",
  found: "another user's",
  fix: "if it is meant, name it in `config`"
})

// A configuration is written by hand.
const mostBytes = 1024 * 1024

/** What a file holds. A file that is missing, no ordinary file, not readable or above 1 MiB is `InvalidInput`. */
export const read = (path: string): Effect.Effect<unknown, InvalidInput> =>
  Effect.flatMap(readText(path, mostBytes), (read) =>
    read._tag === "Text"
      ? Effect.fromResult(parse(read.text, path))
      : Effect.fail(
          InvalidInput.of({
            kind: "InvalidOption",
            place: placeOf(path),
            expected: `a configuration file of at most ${mostBytes} bytes`,
            found: read.found
          })
        )
  )

/** A key may have been pasted where a path belongs; a path has a directory or an ending. */
const placeOf = (path: string): string => (mayBeKey(path) && !/[/\\.]/.test(path) ? "config" : path)

/** What a text says in JSON5. A mistake is told with line and column, and with what was expected there. */
export const parse = (text: string, place: string): Result.Result<unknown, InvalidInput> =>
  Result.try({
    try: (): unknown => loadJson5().parse(text),
    catch: (error) => InvalidInput.of(mistake(text, place, offsetOf(error, text)))
  })

const mistake = (text: string, place: string, offset: number): Problem => {
  const before = text.slice(0, offset)
  const lines = before.split("\n")
  return {
    kind: "InvalidOption",
    place: `${placeOf(place)}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`,
    expected: expectedAfter(before),
    found: offset < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(offset) ?? 0)) : "the end"
  }
}

/** Where the parser stopped: it counts lines and columns from 1. */
const offsetOf = (error: unknown, text: string): number => {
  if (!Predicate.hasProperty(error, "lineNumber") || !Predicate.hasProperty(error, "columnNumber")) return text.length
  const above = text.split("\n").slice(0, Number(error.lineNumber) - 1)
  return above.reduce((sum, line) => sum + line.length + 1, 0) + Number(error.columnNumber) - 1
}

const require = createRequire(import.meta.url)
// Loaded where there is a file to read.
const loadJson5 = (): typeof Json5 => require("json5")

/** A file that is read, and read again when it has changed. */
export interface File {
  readonly path: string
  /** What it holds now; fails as {@link read} does. */
  readonly read: Effect.Effect<unknown, InvalidInput>
  /**
   * Says that it is another than when it was last read: written, replaced, removed or put back.
   *
   * Its directory is watched, so that a file that an editor or a deployment puts in its place is seen. Where that cannot
   * be, and where the path leads to a file elsewhere, it is seen within 10 s.
   */
  readonly changes: Stream.Stream<void>
}

/** The file at a path. */
export const at = (path: string): File => {
  const known: { fingerprint?: string } = {}
  const fingerprint = Watch.fingerprint(path)
  return {
    path,
    // Before it is read: what is written meanwhile is another file.
    read: Effect.flatMap(fingerprint, (found) => {
      known.fingerprint = found
      return read(path)
    }),
    changes: Watch.changes({
      triggers: Watch.triggers(path),
      fingerprint,
      known,
      settle: Watch.settle,
      poll: Watch.poll
    })
  }
}
