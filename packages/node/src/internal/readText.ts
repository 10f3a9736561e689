/** Reads a file that an option names. */
import { open, stat } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { codeOf } from "./codeOf.ts"

/** A file's text, or what was found in its place. */
export type Read =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "NoText"; readonly found: string; readonly missing: boolean }

// Far more than all authorities of the web together.
const mostBytes = 16 * 1024 * 1024

/** What is found is told without the path: a key may have been pasted in its place. */
export const readText = (path: unknown, most: number = mostBytes): Effect.Effect<Read> => {
  if (!Predicate.isString(path)) return Effect.succeed(found(typeof path))
  return Effect.tryPromise(async () => {
    // Before it is opened: to open a pipe is to wait for its writer.
    const kind = await stat(path)
    if (kind.isDirectory()) return found("a directory")
    if (!kind.isFile()) return found("no ordinary file")
    if (kind.size > most) return found(`a file of ${kind.size} bytes, above ${most}`)
    return await readUpTo(path, most)
  }).pipe(Effect.catch(({ cause }) => Effect.succeed(found(reasonOf(cause), isMissing(cause)))))
}

/** A file may grow while it is read, and some say that they are empty and are not. */
const readUpTo = async (path: string, most: number): Promise<Read> => {
  const file = await open(path, "r")
  try {
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    for await (const chunk of file.createReadStream({ autoClose: false, end: most })) {
      chunks.push(chunk)
      bytes += chunk.byteLength
    }
    return bytes > most ? found(`a file of more than ${most} bytes`) : { _tag: "Text", text: textOf(chunks) }
  } finally {
    await file.close()
  }
}

const textOf = (chunks: ReadonlyArray<Uint8Array>): string => Buffer.concat(chunks).toString("utf8")

const found = (found: string, missing = false): Read => ({ _tag: "NoText", found, missing })

const isMissing = (cause: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(codeOf(cause) ?? "")

const reasonOf = (cause: unknown): string => {
  if (isMissing(cause)) return "no such file"
  const code = codeOf(cause) ?? "an error"
  return code === "EACCES" || code === "EPERM" ? "a file that this process may not read" : code
}
