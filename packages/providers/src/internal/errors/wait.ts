/**
 * How long an error answer asks to wait, in all the ways of saying it.
 *
 * The first that says something wins, from what is meant for this request to what is meant for all:
 * 1. `retry-after-ms`, then `retry-after` (RFC 9110 section 10.2.3: seconds, or a date read against the answer's own);
 * 2. a field of the body: `resets_in_seconds` (openai-codex), `retryDelay` (Google), `retry_after`;
 * 3. the words: "Please try again in 1.5s", "retry after 30 seconds";
 * 4. the reset of a bucket that is empty, for rate limits alone: it tells when the bucket is full again, which is later
 *    than this request needs (platform.openai.com/docs, "Rate limits": "the time until the rate limit resets to its
 *    initial state").
 *
 * What is negative, infinite or longer than a year says nothing. Zero says it only if nothing else says more.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Json from "../json.ts"

/** Headers by their name in lower case. */
export type Headers = Readonly<Record<string, string | undefined>>

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const longestMs = 365 * day

/** Everything but the buckets' resets. */
export const askedMs = (headers: Headers, body: Json.Json, text: string, now: number | undefined): number | undefined =>
  longestOf([...inHeaders(headers, now), inBody(body, now), inWords(text)])

const inHeaders = (headers: Headers, now: number | undefined): ReadonlyArray<number | undefined> => [
  numberMs(headers["retry-after-ms"], 1),
  retryAfterMs(headers["retry-after"], now)
]

/** What the headers ask for by themselves. */
export const retryMsIn = (headers: Headers, now: number | undefined): number | undefined =>
  longestOf(inHeaders(headers, now))

// The first that is not zero; zero, if that is all that is said.
const longestOf = (waits: ReadonlyArray<number | undefined>): number | undefined =>
  waits.find((wait) => wait !== undefined && wait > 0) ?? waits.find((wait) => wait !== undefined)

const retryAfterMs = (text: string | undefined, now: number | undefined): number | undefined =>
  numberMs(text, second) ?? until(date(text), now)

/** When the answer came: its own date, else the time given. */
export const nowOf = (headers: Headers, at: number | undefined): number | undefined => date(headers["date"]) ?? at

const plausible = (ms: number | undefined): number | undefined =>
  ms !== undefined && ms >= 0 && ms <= longestMs ? Math.round(ms) : undefined

const numberMs = (text: string | undefined, unitMs: number): number | undefined =>
  text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? plausible(Number(text) * unitMs) : undefined

// A bare number, negative ones included, is no date, though Date would read it as a year.
const date = (text: string | undefined): number | undefined =>
  text === undefined || text.length > 60 || !/[a-z]/i.test(text)
    ? undefined
    : Option.getOrUndefined(Option.map(DateTime.make(text), DateTime.toEpochMillis))

/** A moment that is just past is now. */
const until = (moment: number | undefined, now: number | undefined): number | undefined =>
  moment === undefined || now === undefined || moment < now - hour ? undefined : plausible(Math.max(0, moment - now))

const units: Readonly<Record<string, number>> = { ms: 1, mi: 1, s: second, m: minute, h: hour, d: day }

const unitOf = (name: string): number => {
  const lower = name.toLowerCase()
  if (lower === "ms" || lower.startsWith("milli")) return 1
  return units[lower.charAt(0)] ?? Number.NaN
}

const part = String.raw`(\d{1,12}(?:\.\d{1,12})?)\s?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])`
const parts = new RegExp(part, "gi")
const duration = new RegExp(String.raw`^\s*(?:${part}[\s,]*(?:and\s+)?)+$`, "i")
const spoken = new RegExp(
  String.raw`(?:\b(?:try|retry|wait|again|reset)(?:s|ing)?\b)[^.;\d]{0,40}?((?:${part}[\s,]{0,3}(?:and\s)?){1,6})`,
  "i"
)

/** A duration such as `120ms`, `17.399999999s`, `6m0s`, `1h2m` or `4 days 20 hours`. */
const durationMs = (text: string): number | undefined => {
  if (text.length > 80 || !duration.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(parts)) ms += Number(amount) * unitOf(unit ?? "")
  return plausible(ms)
}

/** What the words say: "Please retry after 30 seconds", "Please try again in 1.5s", "in 20ms", "Try again in 6m0s". */
const inWords = (text: string): number | undefined => {
  const said = spoken.exec(text)?.[1]
  return said === undefined ? undefined : durationMs(said)
}

const inBody = (body: Json.Json, now: number | undefined): number | undefined => {
  const error = Json.object(body["error"])
  const details = Json.array(error["details"]).map((detail) => Json.string(Json.object(detail)["retryDelay"]))
  return longestOf([
    seconds(error["resets_in_seconds"]),
    moment(error["resets_at"], now),
    seconds(error["retry_after"] ?? Json.object(error["metadata"])["retry_after_seconds"] ?? body["retry_after"]),
    ...details.map((delay) => (delay === undefined ? undefined : durationMs(delay)))
  ])
}

const seconds = (value: unknown): number | undefined =>
  typeof value === "number" ? plausible(value * second) : numberMs(Json.string(value), second)

/** A point in time as providers write it: seconds or milliseconds since 1970, or a date. */
const moment = (value: unknown, now: number | undefined): number | undefined => {
  const text = typeof value === "number" ? String(value) : Json.string(value)
  if (text === undefined) return undefined
  if (!/^\d{10,13}(\.\d+)?$/.test(text)) return until(date(text), now)
  const epoch = Number(text)
  return until(epoch > 1e11 ? epoch : epoch * second, now)
}

/** A bucket of a rate limit: what is counted, what is left, when it is full again. */
interface Bucket {
  readonly counted: "requests" | "tokens" | undefined
  readonly left: number | undefined
  readonly resetMs: number
}

/** Where providers write their buckets: remaining, reset. */
export const bucketHeaders: ReadonlyArray<readonly [Bucket["counted"], left: string, reset: string]> = [
  ...(["requests", "tokens"] as const).map(
    (counted) => [counted, `x-ratelimit-remaining-${counted}`, `x-ratelimit-reset-${counted}`] as const
  ),
  // docs.anthropic.com, "Rate limits", response headers: RFC 3339 timestamps.
  ...(["requests", "tokens", "input-tokens", "output-tokens"] as const).map(
    (name) =>
      [
        name === "requests" ? "requests" : "tokens",
        `anthropic-ratelimit-${name}-remaining`,
        `anthropic-ratelimit-${name}-reset`
      ] as const
  ),
  [undefined, "x-ratelimit-remaining", "x-ratelimit-reset"]
]

const bucketsIn = (headers: Headers, now: number | undefined): ReadonlyArray<Bucket> => {
  const buckets: Array<Bucket> = []
  for (const [counted, left, reset] of bucketHeaders) {
    const resetMs = resetMsIn(headers[reset], now)
    const remaining = headers[left]?.trim() ?? ""
    if (resetMs !== undefined)
      buckets.push({ counted, left: remaining === "" ? undefined : Number(remaining), resetMs })
  }
  // A subscription's windows as one, with a verdict instead of a remainder.
  if (isSubscriptionSpent(headers)) {
    const resetMs = moment(headers["anthropic-ratelimit-unified-reset"], now)
    if (resetMs !== undefined) buckets.push({ counted: undefined, left: 0, resetMs })
  }
  return buckets
}

/** Until a bucket is full again: a duration, a point in time or seconds. */
export const resetMsIn = (header: string | undefined, now: number | undefined): number | undefined => {
  const text = header?.trim()
  return text === undefined ? undefined : (durationMs(text) ?? momentOrSeconds(text, now))
}

const momentOrSeconds = (text: string, now: number | undefined): number | undefined =>
  moment(text, now) ?? (/^\d{1,9}(\.\d+)?$/.test(text) ? numberMs(text, second) : undefined)

/** Whether the windows of a subscription, which all of its models share, are used up. */
export const isSubscriptionSpent = (headers: Headers): boolean =>
  headers["anthropic-ratelimit-unified-status"] === "rejected"

/**
 * The empty bucket that takes longest to fill. Where no header says what is left, the only bucket there is; of several
 * that say nothing, none.
 */
export const emptyBucket = (headers: Headers, now: number | undefined): Bucket | undefined => {
  const buckets = bucketsIn(headers, now)
  const [only] = buckets
  if (buckets.length === 1 && only?.left === undefined) return only
  return buckets
    .filter(({ left }) => left === 0)
    .reduce<Bucket | undefined>(
      (last, next) => (last === undefined || next.resetMs > last.resetMs ? next : last),
      undefined
    )
}
