/** Reading JSON whose shape is a provider's promise, field by field. */
import * as Reason from "@holdfast/core/Reason"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Tool from "effect/ai/Tool"

/** An object of unknown fields. */
export type Json = Readonly<Record<string, unknown>>

const none: Json = {}
const nothing: ReadonlyArray<unknown> = []

/** Parses a text, or says why not. Prototype-polluting keys are refused. */
export const parse = (text: string): Result.Result<unknown, string> => {
  try {
    return Result.succeed(Tool.unsafeSecureJsonParse(text))
  } catch (error) {
    return Result.fail(error instanceof Error ? error.name : "not JSON")
  }
}

/** The object that a text holds; of any other text, an empty one. */
export const objectIn = (text: string): Json => object(Result.getOrUndefined(parse(text)))

/** What an answer is whose shape is not the one that was promised; `detail` says why, in constant words. */
export const malformed = (detail: string): Reason.Reason => new Reason.MalformedResponse({ what: "json", detail })

/** The value as an object; anything else is an empty one. */
export const object = (value: unknown): Json => (isObject(value) ? value : none)

/** Whether the value is an object, arrays excluded. */
export const isObject = (value: unknown): value is Json => Predicate.isObject(value) && !Array.isArray(value)

/** The value as an array; anything else is an empty one. */
export const array = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : nothing)

/** The value if it is a string. */
export const string = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** The value if it is a whole number that JavaScript can count. */
export const int = (value: unknown): number | undefined => (Number.isSafeInteger(value) ? Number(value) : undefined)

/** The moment that seconds since 1970, or a date as text, name, in ISO 8601. */
export const timestamp = (value: unknown): string | undefined => {
  const seconds = int(value)
  if (seconds !== undefined) return Math.abs(seconds) > lastSecond ? undefined : new Date(seconds * 1000).toISOString()
  const text = string(value)
  return text === undefined ? undefined : Option.getOrUndefined(Option.map(DateTime.make(text), DateTime.formatIso))
}

// The last that a Date can be (ECMA-262, "time values").
const lastSecond = 8_640_000_000_000

/** The sum of what is known; nothing if nothing is, or if it cannot be counted. */
export const sum = (...values: ReadonlyArray<number | undefined>): number | undefined =>
  int(values.reduce((total, value) => (value === undefined ? total : (total ?? 0) + value), undefined))

/** What is left of a whole that is known, never below nothing. */
export const less = (whole: number | undefined, part: number | undefined): number | undefined =>
  whole === undefined ? undefined : int(Math.max(0, whole - (part ?? 0)))

/** Whether an answer says that it is an error: an `error` that is something. */
export const isError = (answer: Json): boolean => answer["error"] !== undefined && answer["error"] !== null
