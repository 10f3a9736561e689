/** What can be wrong with a provider's settings. Nothing that may be a key is repeated. */
import type { Problem } from "@holdfast/core/InvalidInput"
import { mayBeKey } from "@holdfast/core/Preview"
import { kindOf, textOf, urlOf } from "@holdfast/core/RequestHead"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"

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
