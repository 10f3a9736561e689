/** What a caller of `fetch` asks for, read as the Fetch standard reads it. */
import { Readable } from "node:stream"
import type { Method } from "@holdfast/core/HttpTransport"
import { isMethod, methods } from "@holdfast/core/HttpTransport"
import type { Problem } from "@holdfast/core/InvalidInput"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import type { Body } from "./body.ts"
import * as Bodies from "./body.ts"

/** What `fetch` is called with. */
export type Input = Parameters<typeof globalThis.fetch>[0]
export type Init = NonNullable<Parameters<typeof globalThis.fetch>[1]>

/** A request as it goes out. */
export interface Outgoing {
  readonly method: Method
  /** As it was given; whether it is a URL the transport says. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Record<string, string>
  readonly body: Body | undefined
  readonly redirect: "follow" | "error" | "manual"
  readonly signal: AbortSignal | undefined
}

/** Reads a request; throws {@link InvalidInput}. */
export const read = (input: Input, init: Init = {}): Outgoing => {
  const request = typeof input === "object" && input instanceof Request ? input : undefined
  refuseOptions(init)
  const method = methodOf(init.method ?? request?.method ?? "GET")
  const headers = headersOf(init.headers ?? request?.headers)
  const body = bodyOf(request, init, headers)
  if (body !== undefined && (method === "GET" || method === "HEAD")) {
    throw wrong({ kind: "InvalidBody", place: "init.body", expected: `no body with ${method}`, found: "a body" })
  }
  if (body?.type !== undefined) headers["content-type"] ??= body.type
  return {
    method,
    url: request === undefined ? String(input) : request.url,
    headers,
    body,
    redirect: redirectOf(init.redirect ?? request?.redirect ?? "follow"),
    signal: (init.signal === undefined ? request?.signal : init.signal) ?? undefined
  }
}

const wrong = (problem: Problem): InvalidInput => InvalidInput.of(problem)

/** What would be left undone without a word, though the caller relies on it. */
const refuseOptions = (init: Init & { readonly dispatcher?: unknown; readonly integrity?: string }): void => {
  if (init.dispatcher !== undefined && init.dispatcher !== null) {
    throw wrong({
      kind: "InvalidOption",
      place: "init.dispatcher",
      expected: "none: connections and proxies are the provider's",
      found: typeof init.dispatcher,
      fix: "give pool options to Fetch.make, or swap the provider's dispatcher"
    })
  }
  if (init.integrity !== undefined && init.integrity !== "") {
    throw wrong({
      kind: "InvalidOption",
      place: "init.integrity",
      expected: "none: bodies are not checked against a digest",
      found: "a digest"
    })
  }
}

const methodOf = (given: string): Method => {
  // Fetch, "normalize a method": all of ours but PATCH.
  const upper = given.toUpperCase()
  const method = upper === "PATCH" ? given : upper
  if (isMethod(method)) return method
  throw wrong({
    kind: "InvalidOption",
    place: "init.method",
    expected: `one of ${methods.join(", ")}`,
    found: "another method"
  })
}

const redirectOf = (given: string): Outgoing["redirect"] => {
  if (given === "follow" || given === "error" || given === "manual") return given
  throw wrong({
    kind: "InvalidOption",
    place: "init.redirect",
    expected: '"follow", "error" or "manual"',
    found: "another value"
  })
}

// What says how a message travels is the transport's to write; the standard drops these names too.
const dropped: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

const headersOf = (given: Init["headers"]): Record<string, string> => {
  const headers: Record<string, string> = {}
  if (given === undefined || given === null) return headers
  if (Symbol.iterator in given) {
    for (const pair of given as Iterable<Iterable<string>>) {
      const [name, value, ...rest] = pair
      if (name === undefined || value === undefined || rest.length > 0) throw noPair()
      append(headers, name, value)
    }
  } else {
    for (const [name, value] of Object.entries(given)) append(headers, name, value as string)
  }
  return headers
}

const noPair = () =>
  wrong({
    kind: "InvalidHeader",
    place: "init.headers",
    expected: "pairs of a name and a value",
    found: "an entry of another length"
  })

const append = (headers: Record<string, string>, name: string, value: string): void => {
  const key = name.toLowerCase()
  if (dropped.has(key)) return
  const text = trimmed(String(value))
  const before = headers[key]
  headers[key] = before === undefined ? text : `${before}, ${text}`
}

/** Fetch, "normalize a byte sequence": without whitespace at both ends. */
const trimmed = (value: string): string =>
  value.charCodeAt(0) <= 32 || value.charCodeAt(value.length - 1) <= 32
    ? value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "")
    : value

const bodyOf = (request: Request | undefined, init: Init, headers: Record<string, string>): Body | undefined => {
  const given = init.body
  if (given !== undefined && given !== null) {
    const body = Bodies.fromInit(given)
    if (body._tag === "Streamed" && (init as { readonly duplex?: unknown }).duplex !== "half") throw noDuplex()
    if (body._tag === "Streamed") refuseUsed(body.source)
    return body
  }
  if (request === undefined || request.body === null) return undefined
  if (request.bodyUsed) throw used()
  refuseUsed(request.body as unknown as AsyncIterable<Uint8Array>)
  return Bodies.fromRequest(request, headers["content-type"] !== undefined)
}

const refuseUsed = (source: AsyncIterable<unknown>): void => {
  const { locked } = source as { readonly locked?: unknown }
  // It takes web streams too, which its type does not say.
  if (locked === true || Readable.isDisturbed(source as unknown as Readable)) throw used()
}

/** The body has been read or sent before. */
export const used = (): InvalidInput =>
  wrong({
    kind: "InvalidBody",
    place: "body",
    expected: "a body that nobody has read or sent",
    found: "one that has been",
    fix: "make a new one for each call, or give the bytes"
  })

const noDuplex = () =>
  wrong({
    kind: "InvalidOption",
    place: "init.duplex",
    expected: '"half" with a body that comes as it is made',
    found: "another value, or none"
  })
