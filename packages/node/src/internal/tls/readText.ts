/** Reads a file that an option names. */
import { readFile, stat } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { codeOf } from "../codeOf.ts"

/** A file's text, or what was found in its place. */
export type Read =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "NoText"; readonly found: string }

// Far more than all authorities of the web together.
const mostBytes = 16 * 1024 * 1024

/** What is found is told without the path: a key may have been pasted in its place. */
export const readText = (path: unknown): Effect.Effect<Read> => {
  if (!Predicate.isString(path)) return Effect.succeed(found(typeof path))
  return Effect.tryPromise(async () => {
    const file = await stat(path)
    if (file.isDirectory()) return found("a directory")
    if (!file.isFile()) return found("no ordinary file")
    if (file.size > mostBytes) return found(`a file of ${file.size} bytes`)
    return { _tag: "Text" as const, text: await readFile(path, "utf8") }
  }).pipe(Effect.catch(({ cause }) => Effect.succeed(found(reasonOf(cause)))))
}

const found = (found: string): Read => ({ _tag: "NoText", found })

const reasonOf = (cause: unknown): string => {
  const code = codeOf(cause) ?? "an error"
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "no such file"
    case "EACCES":
    case "EPERM":
      return "a file that this process may not read"
    default:
      return code
  }
}
