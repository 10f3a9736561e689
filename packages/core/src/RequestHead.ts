/**
 * What any transport checks before it sends anything: the head of a request, or all that is wrong with the request. What
 * it finds is described and never repeated: a key may have been pasted anywhere.
 */
import * as Arr from "effect/Array"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { HttpRequest } from "./HttpTransport.ts"
import type { Problem } from "./InvalidInput.ts"
import { InvalidInput } from "./InvalidInput.ts"
import { mayBeKey } from "./Preview.ts"
import * as TimeLimits from "./TimeLimits.ts"

/** Where and what to send. */
export interface RequestHead {
  readonly origin: string
  readonly host: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: Array<string>
  /** The request's, or the defaults, as timers take them. */
  readonly limits: TimeLimits.Resolved
}

// RFC 9110 section 5.6.2 (token) and 5.5 (field values: no control characters but the tab, one byte each).
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const unsound = /[^\t\u0020-\u007e\u0080-\u00ff]/

// RFC 9110 sections 7.6.1 and 10.1.1: what says how a message travels is the transport's to write.
const ofTheConnection = new Set(["connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"])

/**
 * The most bytes of all header names and values of a request. The number is ours: about what the largest front of a
 * provider takes (Cloudflare: 128 KB), and several times what most do.
 */
export const headersLimit = 128 * 1024

/** Reads a URL, as {@link urlOf} does. */
export type ReadUrl = (text: unknown, place: string) => Result.Result<URL, Problem>

/** The head of a request, or all that is wrong with the request. */
export const read = (request: HttpRequest, readUrl: ReadUrl = urlOf): Result.Result<RequestHead, InvalidInput> => {
  const url = readUrl(request.url, "url")
  const headers = plainHeaders(request.headers)
  return Result.isFailure(url) || headers === undefined || !isPlain(request)
    ? examine(request, url)
    : Result.succeed(headOf(request, url.success, headers))
}

const headOf = (
  request: HttpRequest,
  { host, origin, pathname, search }: URL,
  headers: Array<string>
): RequestHead => ({
  origin,
  host,
  path: pathname + search,
  headers,
  limits: TimeLimits.bounded(request.limits)
})

/** Names and values in turn, if one look at each shows that nothing is to be said about it. Most requests are so. */
const plainHeaders = (given: HttpRequest["headers"]): Array<string> | undefined => {
  const headers: Array<string> = []
  let bytes = 0
  for (const name of Object.keys(given)) {
    const value = textOf(given[name])
    // Each character of a sound one is a byte. Counted first: what is too long is not searched.
    bytes += name.length + (typeof value === "string" ? value.length : 0)
    if (bytes > headersLimit) return undefined
    if (typeof value !== "string" || unsound.test(value) || !token.test(name)) return undefined
    const lowerCased = name.toLowerCase()
    if (ofTheConnection.has(lowerCased) || writtenByUs.has(lowerCased)) return undefined
    headers.push(name, value)
  }
  return headers
}

const writtenByUs = new Set(["host", "content-length"])

const isPlain = ({ body, limits, signal }: HttpRequest): boolean =>
  (body === undefined || (typeof body === "string" ? body.isWellFormed() : body instanceof Uint8Array)) &&
  (limits === undefined || TimeLimits.boundedProblems(limits).length === 0) &&
  signal?.aborted !== true

/** The head of a request that is not plain, or all that is wrong with it. */
const examine = (request: HttpRequest, url: Result.Result<URL, Problem>): Result.Result<RequestHead, InvalidInput> => {
  const { body } = request
  const own: Own = new Map([
    ["host", () => Result.getOrUndefined(url)?.host],
    // How long a body will be that comes as it is made, only its sender knows.
    ...(isStreamed(body) ? [] : [["content-length", () => String(bytesOf(body))] as const])
  ])
  const problems: Array<Problem> = [
    ...bodyProblems(body),
    ...headerProblems(request.headers, own),
    ...TimeLimits.boundedProblems(request.limits)
  ]
  if (request.signal?.aborted === true) problems.push(aborted)
  if (Result.isFailure(url)) return Result.fail(new InvalidInput({ problems: [url.failure, ...problems] }))
  if (Arr.isArrayNonEmpty(problems)) return Result.fail(new InvalidInput({ problems }))
  return Result.succeed(headOf(request, url.success, headersOf(request.headers, own)))
}

const aborted: Problem = {
  kind: "AlreadyAborted",
  place: "signal",
  expected: "a signal that is not aborted",
  found: "an aborted signal"
}

/** A URL that requests can be sent to, or what is wrong with it. */
export const urlOf = (text: unknown, place: string): Result.Result<URL, Problem> => {
  if (typeof text !== "string") return Result.fail(invalidUrl(place, kindOf(text)))
  const url = URL.parse(text)
  if (url === null) return Result.fail(invalidUrl(place, "text that is no URL"))
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const scheme = mayBeKey(url.protocol.slice(0, -1)) ? "another scheme" : `the scheme ${url.protocol}`
    return Result.fail(invalidUrl(place, `a URL of ${scheme}`))
  }
  if (url.username === "" && url.password === "") return Result.succeed(url)
  return Result.fail({
    ...invalidUrl(place, "a URL with credentials"),
    expected: "a URL without credentials",
    fix: "put them into a header"
  })
}

// An app asks a few URLs over and over; of one that makes up new ones, nothing is kept for long.
const mostUrls = 64

/** Reads URLs and remembers the good ones, for a transport that reads one for every request. */
export const makeUrlReader = (): ReadUrl => {
  const known = new Map<unknown, Result.Result<URL, Problem>>()
  return (text, place) => {
    const remembered = known.get(text)
    if (remembered !== undefined) return remembered
    const url = urlOf(text, place)
    if (Result.isSuccess(url)) {
      if (known.size === mostUrls) known.clear()
      known.set(text, url)
    }
    return url
  }
}

const invalidUrl = (place: string, found: string): Problem => ({
  kind: "InvalidBaseUrl",
  place,
  expected: "an absolute http: or https: URL",
  found
})

/** How long a body is, where that is known before it is sent. */
const bytesOf = (body: string | Uint8Array = ""): number =>
  typeof body === "string" ? new TextEncoder().encode(body).byteLength : body.byteLength

/** Whether a body comes as it is made, so that it can be sent once. */
export const isStreamed = (body: HttpRequest["body"]): body is AsyncIterable<Uint8Array> =>
  Predicate.hasProperty(body, Symbol.asyncIterator)

const bodyProblems = (body: unknown): ReadonlyArray<Problem> => {
  if (body === undefined || body instanceof Uint8Array) return []
  if (typeof body === "string" && body.isWellFormed()) return []
  if (Predicate.hasProperty(body, Symbol.asyncIterator)) return lockedProblems(body)
  return [
    {
      kind: "InvalidBody",
      place: "body",
      expected: "bytes, an async iterable of bytes, or text that UTF-8 can encode",
      found: typeof body === "string" ? "text with half of a surrogate pair" : kindOf(body)
    }
  ]
}

/** A stream that somebody reads already cannot be sent. */
const lockedProblems = (body: object): ReadonlyArray<Problem> =>
  "locked" in body && body.locked === true
    ? [
        {
          kind: "InvalidBody",
          place: "body",
          expected: "a stream that nobody has read",
          found: "one that is being read"
        }
      ]
    : []

/** What the transport will write of itself, by lower-case name; a header that says the same is allowed, and left out. */
export type Own = ReadonlyMap<string, () => string | undefined>

/** All that is wrong with headers, the secret ones among them. `own` are those that the transport writes itself. */
export const headerProblems = (
  headers: Readonly<Record<string, unknown>>,
  own: Own = new Map(),
  place = "headers"
): ReadonlyArray<Problem> => {
  const texts = Object.entries(headers).flatMap(([name, value]) => [name, textOf(value)])
  const bytes = texts.reduce<number>((sum, text) => sum + (typeof text === "string" ? text.length : 0), 0)
  if (bytes <= headersLimit) return eachProblem(headers, own, place)
  return [{ kind: "InvalidHeader", place, expected: `at most ${headersLimit} bytes in all`, found: `${bytes}` }]
}

const eachProblem = (headers: Readonly<Record<string, unknown>>, own: Own, place: string): ReadonlyArray<Problem> =>
  Object.entries(headers).flatMap(([name, value], index) => {
    if (!token.test(name)) return [invalidName(place, index)]
    const problem = valueProblem(name.toLowerCase(), textOf(value), own)
    if (problem === undefined) return []
    // By its position: a value that was pasted in a name's place is a secret.
    const at = mayBeKey(name) ? `${place}, name ${index + 1}` : `${place}[${JSON.stringify(name)}]`
    return [{ kind: "InvalidHeader" as const, place: at, ...problem }]
  })

const valueProblem = (name: string, text: unknown, own: Own): Pick<Problem, "expected" | "found"> | undefined => {
  if (ofTheConnection.has(name)) return notYours
  if (typeof text !== "string" || unsound.test(text)) {
    return {
      expected: "a value of Latin-1 characters without line breaks or other control characters",
      found: typeof text === "string" ? `a value with ${characterOf(text)}` : kindOf(text)
    }
  }
  const written = own.get(name)
  return written === undefined || text === written() ? undefined : notYours
}

const notYours = {
  expected: "no such header, or the value that the transport writes itself",
  found: "another value"
}

const invalidName = (place: string, index: number): Problem => ({
  kind: "InvalidHeader",
  place: `${place}, name ${index + 1}`,
  expected: "a header name of letters, digits and dashes",
  found: "a name with another character, or none"
})

/** Names and values in turn, without those that the transport writes itself. They have no problems. */
const headersOf = (given: HttpRequest["headers"], own: Own): Array<string> =>
  Object.entries(given).flatMap(([name, value]) => (own.has(name.toLowerCase()) ? [] : [name, String(textOf(value))]))

/** The value of a header or a key, which may be secret. A secret that was wiped has no value any more. */
export const textOf = (value: unknown): unknown => {
  try {
    return Redacted.isRedacted(value) ? Redacted.value(value) : value
  } catch {
    return undefined
  }
}

const characterOf = (text: string): string => {
  const found = unsound.exec(text)
  const code = found === null ? 0 : (text.codePointAt(found.index) ?? 0)
  return code === 10 || code === 13
    ? "a line break"
    : `the character U+${code.toString(16).toUpperCase().padStart(4, "0")}`
}

/** What a value of another type than expected is. */
export const kindOf = (value: unknown): string => (value === null ? "null" : typeof value)
