/** What error answers of all providers have in common. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { Clean, ErrorAnswer } from "../Codec.ts"
import * as Json from "./json.ts"

/**
 * Statuses with which providers refuse a request that they have not run (docs.anthropic.com, "Errors";
 * platform.openai.com/docs, "Error codes"), in their own shape. 408, 409, 424 and 5xx, 529 among them, are not: a
 * request may run and be given up.
 */
export const notRunStatuses: ReadonlySet<number> = new Set([400, 401, 402, 403, 404, 405, 413, 415, 422, 429])

/** What a classifier goes by: the provider's own words as they are, to be read, and what makes them fit to be kept. */
export interface Facts {
  /** HTTP status; absent where the error came inside a 200. */
  readonly status: number | undefined
  /** The status that the error itself names, where HTTP's says nothing. */
  readonly saidStatus: number | undefined
  readonly type: string | undefined
  readonly code: string | undefined
  readonly parameter: string | undefined
  readonly text: string
  readonly requestId: string | undefined
  /** Whether the error has the provider's own shape. */
  readonly own: boolean
  readonly retryAfterMs: number | undefined
  readonly clean: Clean
}

const longestWord = 100

/** What every provider reason carries. */
export const answerOf = (provider: string, facts: Facts, rule: string) => {
  const said = facts.clean(facts.text)
  return {
    rule: `${provider}/${rule}`,
    ...(facts.status === undefined ? undefined : { status: facts.status }),
    ...(facts.type === undefined ? undefined : { type: facts.clean(facts.type, longestWord) }),
    ...(facts.code === undefined ? undefined : { code: facts.clean(facts.code, longestWord) }),
    ...(said === "" ? undefined : { said }),
    ...(facts.requestId === undefined ? undefined : { requestId: facts.clean(facts.requestId, longestWord) })
  }
}

/** How long to wait, for the reasons that say so. */
export const waitOf = ({ retryAfterMs }: Facts) => (retryAfterMs === undefined ? undefined : { retryAfterMs })

/** A type, a code, an id: one word of a provider's. */
export const word = (value: unknown): string | undefined => {
  const text = typeof value === "number" ? String(value) : Json.string(value)
  return text === "" ? undefined : text
}

/** The parameter that the provider named, for the reasons that say so. */
export const parameterOf = ({ clean, parameter }: Facts) =>
  parameter === undefined ? undefined : { parameter: clean(parameter, longestWord) }

/**
 * How long the provider asks to wait, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC
 * 9110 section 10.2.3), which is read against the answer's own `date`.
 */
export const retryAfterMs = (headers: ErrorAnswer["headers"]): number | undefined => {
  const ms = number(headers["retry-after-ms"], 1)
  if (ms !== undefined) return ms
  const after = headers["retry-after"]
  const seconds = number(after, 1000)
  if (seconds !== undefined) return seconds
  return Option.getOrUndefined(
    Option.zipWith(date(after), date(headers["date"]), (until, from) => Math.max(0, until - from))
  )
}

const number = (text: string | undefined, unitMs: number): number | undefined => {
  if (text === undefined || !/^\d+(\.\d+)?$/.test(text.trim())) return undefined
  const ms = Math.round(Number(text) * unitMs)
  // Hundreds of digits are infinitely many milliseconds; what cannot be waited for says nothing.
  return Number.isSafeInteger(ms) ? ms : undefined
}

// A bare number, negative ones included, is no date, though Date would read it as a year.
const date = (text: string | undefined): Option.Option<number> =>
  text === undefined || !/[a-z]/i.test(text) ? Option.none() : Option.map(DateTime.make(text), DateTime.toEpochMillis)

/** The body as an object, if it is one. */
export const bodyOf = (answer: ErrorAnswer): Json.Json => {
  const parsed = Json.parse(answer.body)
  return parsed._tag === "Success" ? Json.object(parsed.success) : Json.object(undefined)
}
