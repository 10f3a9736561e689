/** What can be wrong with a provider's settings. Nothing that may be a key is repeated. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { mayBeKey } from "@holdfast/core/Preview"
import { kindOf, textOf, urlOf } from "@holdfast/core/RequestHead"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { ProviderDefinition } from "../ProviderDefinition.ts"

/** A key and where it came from. */
export interface Key {
  readonly place: string
  readonly value: Redacted.Redacted
}

/** A base URL and where it came from. */
export interface BaseUrl {
  readonly place: string
  readonly value: string
}

/** A text as it is shown where another was expected. */
export const shown = (text: unknown): string => {
  if (typeof text !== "string") return text === undefined ? "nothing" : kindOf(text)
  return mayBeKey(text) ? "a text that may be a key" : JSON.stringify(text.slice(0, 80))
}

/** What is wrong with a base URL, if anything. */
export const baseUrlProblem = ({ place, value: text }: BaseUrl): Problem | undefined => {
  const expected = "an absolute http: or https: URL without user name, query and fragment"
  const url = urlOf(text, place)
  if (Result.isFailure(url)) return { ...url.failure, expected }
  const found = /\s/.test(text) ? "white space in it" : moreThanBase(url.success)
  return found === undefined ? undefined : { kind: "InvalidBaseUrl", place, expected, found }
}

const moreThanBase = ({ hash, search }: URL): string | undefined =>
  search !== "" ? "a URL with a query" : hash !== "" ? "a URL with a fragment" : undefined

/** How long an idle connection is kept, in milliseconds, or what is wrong with what is set. */
export const keepAliveMs = (place: string, set: Duration.Input | false): Result.Result<number, Problem> => {
  const duration = set === false ? Option.some(Duration.zero) : Duration.fromInput(set)
  const ms = Option.match(duration, { onNone: () => Number.NaN, onSome: Duration.toMillis })
  // Duration reads NaN as no time at all.
  if (Number.isFinite(ms) && ms >= 0 && !Number.isNaN(set)) return Result.succeed(ms)
  return Result.fail({
    kind: "InvalidOption",
    place,
    expected: 'a duration of no less than nothing, such as "30 seconds", or false',
    found: Number.isNaN(ms) || Number.isNaN(set) ? "none" : ms < 0 ? "a negative one" : "an infinite one"
  })
}

/** The text of a key; nothing if it was wiped or is no `Redacted`. */
export const textOfKey = (key: Key): string | undefined => {
  const text = Redacted.isRedacted(key.value) ? textOf(key.value) : undefined
  return typeof text === "string" ? text : undefined
}

/** What is wrong with a provider's key, if anything. The key itself is never repeated. */
export const keyProblem = (
  { id, keyVariables }: ProviderDefinition,
  place: string,
  key: Key | undefined
): Problem | undefined => {
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
  if (/^[\x21-\x7e]+$/.test(value)) return undefined
  return {
    ...invalid,
    expected: "a key without spaces, line breaks and other characters that no key has",
    found: /\s/.test(value) ? "white space in the key" : "such a character in the key",
    fix: "copy the key again, whole and alone"
  }
}
