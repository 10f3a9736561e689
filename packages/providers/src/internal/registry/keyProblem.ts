/** What can be wrong with a key before anybody is shown it. The key itself is never repeated. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { mayBeKey } from "@holdfast/core/Preview"
import { kindOf } from "@holdfast/core/RequestHead"
import * as Redacted from "effect/Redacted"
import type { KeyFormat, ProviderDefinition } from "../../ProviderDefinition.ts"
import type { Key } from "../settings.ts"
import { textOfKey } from "../settings.ts"

/** A provider whose keys can be told from others'. */
export type Format = Pick<ProviderDefinition, "id" | "name"> & { readonly keyFormat: KeyFormat }

/** The formats of all providers that have one. */
export const formatsOf = (definitions: ReadonlyArray<ProviderDefinition>): ReadonlyArray<Format> =>
  definitions.flatMap(({ id, keyFormat, name }) => (keyFormat === undefined ? [] : [{ id, name, keyFormat }]))

/**
 * What is wrong with a provider's key, if anything.
 *
 * @param formats how the keys of the providers that are known look; none where the base URL is not the provider's own,
 *   because a gateway gives out keys of its own
 */
export const keyProblem = (
  definition: ProviderDefinition,
  place: string,
  key: Key | undefined,
  formats: ReadonlyArray<Format>
): Problem | undefined => {
  const { id, keyVariables } = definition
  const name = mayBeKey(id) ? "the provider" : id
  if (key === undefined) {
    if (keyVariables.length === 0) return undefined
    return {
      kind: "InvalidCredential",
      place: keyVariables[0] ?? `${place}.apiKey`,
      expected: `a key for ${name}`,
      found: "nothing",
      fix: `set ${keyVariables.join(" or ")}, or ${place}.apiKey`
    }
  }
  const value = textOfKey(key)
  const invalid = { kind: "InvalidCredential", place: key.place } as const
  if (value === undefined) {
    return {
      ...invalid,
      expected: `a key for ${name}, as Redacted.make makes it`,
      found: Redacted.isRedacted(key.value) ? "a Redacted that was wiped, or holds no text" : kindOf(key.value)
    }
  }
  if (value === "") return { ...invalid, expected: `a key for ${name}`, found: "an empty text" }
  const around = aroundIt(value)
  if (around !== undefined) return { ...invalid, expected: `a key for ${name}, and nothing besides`, ...around }
  const other = foreign(definition, value, formats)
  return other === undefined ? undefined : { ...invalid, ...other }
}

const again = "copy the key again, whole and alone"

/** What came along with a key, or stands in its place. */
const aroundIt = (value: string): Pick<Problem, "found" | "fix"> | undefined => {
  if (/^\s*\$(?:\w+|\{[^}]*\})\s*$/.test(value)) {
    return { found: "the name of a variable, which nobody has replaced by its value", fix: "set the key itself" }
  }
  if (/^\s*bearer\s/i.test(value)) return { found: 'a key with "Bearer" before it', fix: "leave that word out" }
  if (/^\s*(["'`]).*\1\s*$/s.test(value)) return { found: "a key within quotes", fix: "leave the quotes out" }
  if (/[\r\n]/.test(value)) return { found: "a key with a line break", fix: again }
  if (/\s/.test(value)) return { found: "a key with white space", fix: again }
  return /^[\x21-\x7e]+$/.test(value) ? undefined : { found: "a key with a character that no key has", fix: again }
}

/** A key that begins as another provider's do. One that begins as nobody's may be of a form that is new. */
const foreign = (
  { id, keyFormat, name }: ProviderDefinition,
  value: string,
  formats: ReadonlyArray<Format>
): Pick<Problem, "expected" | "found" | "fix"> | undefined => {
  const likely = likeliest(value, formats)
  if (likely === undefined || likely.id === id) return undefined
  // To a provider whose keys have no form of their own, a beginning that several others share says nothing.
  if (keyFormat === undefined && isShared(likely, formats)) return undefined
  return {
    expected: keyFormat === undefined ? `a key for ${id}` : `a key for ${id}, which looks like ${keyFormat.example}`,
    found: `one that looks like a key of ${likely.name} (${likely.keyFormat.example})`,
    fix: `set a key of ${name} here, and that one for ${likely.id}`
  }
}

/** Whose the key probably is: the longest beginning that fits. */
const likeliest = (value: string, formats: ReadonlyArray<Format>): Format | undefined =>
  formats
    .filter(({ keyFormat }) => value.startsWith(keyFormat.prefix))
    .reduce<Format | undefined>(
      (best, format) =>
        best === undefined || format.keyFormat.prefix.length > best.keyFormat.prefix.length ? format : best,
      undefined
    )

const isShared = ({ id, keyFormat: { prefix } }: Format, formats: ReadonlyArray<Format>): boolean =>
  formats.some((other) => other.id !== id && other.keyFormat.prefix.startsWith(prefix))
