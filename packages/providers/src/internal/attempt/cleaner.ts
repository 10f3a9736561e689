/** Foreign text without the secrets of the request that it answers, which a server may echo. */
import type { HttpRequest } from "@holdfast/core/HttpTransport"
import { scrub } from "@holdfast/core/Preview"
import { textOf } from "@holdfast/core/RequestHead"
import * as Redacted from "effect/Redacted"
import type { Clean } from "../../Codec.ts"

// Shorter ones are stand-ins, and part of every other word.
const shortestSecret = 4

/** What makes an answer's text fit to be kept: the request's own secrets out, whole, before anything is cut. */
export const cleanerOf = (headers: HttpRequest["headers"]): Clean => {
  // Looked for when the first text is to be kept: most attempts keep none.
  let secrets: ReadonlyArray<string> | undefined
  return (text, length) => {
    secrets ??= secretsIn(headers)
    return scrub(
      secrets.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text),
      length
    )
  }
}

const secretsIn = (headers: HttpRequest["headers"]): ReadonlyArray<string> =>
  Object.values(headers)
    .flatMap(secretsOf)
    .filter((secret) => secret.length >= shortestSecret)
    // The longer first: one may hold another.
    .toSorted((a, b) => b.length - a.length)

/** The secret, and what follows its scheme where it has one: `Bearer` and a key. */
const secretsOf = (value: string | Redacted.Redacted): ReadonlyArray<string> => {
  const text = Redacted.isRedacted(value) ? textOf(value) : undefined
  return typeof text === "string" ? [text, text.slice(text.indexOf(" ") + 1).trim()] : []
}
