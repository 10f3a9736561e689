/**
 * Keys that a file or a command holds. Each is read anew when it is asked for, and is never part of an error.
 */
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import { scrub } from "@holdfast/core/Preview"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { readText } from "./internal/readText.ts"
import { run } from "./internal/run.ts"

// Tokens of some providers take a few KiB.
const mostBytes = 64 * 1024

// A password manager may have to be unlocked, which is not done while a call waits.
const limit = Duration.seconds(10)

/**
 * The key that a file holds, without one line break at its end. `place` is where the path is written; the path itself is
 * not repeated, because a key may have been pasted there.
 */
export const fromFile = (path: string, place: string): Effect.Effect<Redacted.Redacted, InvalidInput> =>
  Effect.flatMap(readText(path, mostBytes), (read) =>
    read._tag === "Text"
      ? keyOf(read.text, place, "a file that holds a key", "an empty file")
      : Effect.fail(
          problem(place, `a file that holds a key, of at most ${mostBytes} bytes`, read.found, "check the path")
        )
  )

/**
 * The key that a command prints, without one line break at its end.
 *
 * **Details**
 *
 * It runs without a shell, with nothing to read, for at most 10 s. What it printed is never told; of what it wrote to its
 * standard error the beginning is, without anything that looks like a key.
 */
export const fromCommand = (
  command: string,
  args: ReadonlyArray<string>,
  place: string
): Effect.Effect<Redacted.Redacted, InvalidInput> =>
  Effect.flatMap(run({ command, args, limit, mostBytes }), (ended) => {
    const expected = `a command that prints a key of at most ${mostBytes} bytes within ${Duration.format(limit)}`
    if (ended._tag === "Printed") return keyOf(ended.text, place, expected, "nothing printed")
    const said = scrub(ended.said.trim().replaceAll(/\s+/g, " "), 200)
    return Effect.fail(
      problem(place, expected, said === "" ? ended.how : `${ended.how}: ${said}`, "run it by hand, as the same user")
    )
  })

const keyOf = (text: string, place: string, expected: string, empty: string) => {
  const key = text.replace(/\r?\n$/, "")
  return key === "" ? Effect.fail(problem(place, expected, empty)) : Effect.succeed(Redacted.make(key))
}

const problem = (place: string, expected: string, found: string, fix?: string): InvalidInput => {
  const told: Problem = { kind: "InvalidCredential", place, expected, found }
  return InvalidInput.of(fix === undefined ? told : { ...told, fix })
}
