/** Heads of requests and answers as HTTP/2 has them (RFC 9113 section 8). */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2"
import type { IncomingHeaders } from "../attempt.ts"
import type { Sent } from "../pool.ts"

/** A head and its size. */
export interface Head {
  readonly fields: OutgoingHttpHeaders
  readonly bytes: number
}

// RFC 7541 section 4.1: what an entry counts beyond its name and value. On the wire it is never more.
const overhead = 32

// RFC 9110 section 8.6: with these, an empty body is said to be one.
const withBody = new Set(["POST", "PUT", "PATCH"])

/** The head of a request. Sizes are those of a header list, which HPACK only makes smaller. */
export const requestHead = ({ body, headers, method, origin, path }: Sent): Head => {
  const fields: OutgoingHttpHeaders = Object.create(null)
  fields[":method"] = method
  fields[":scheme"] = "https"
  fields[":authority"] = origin.slice("https://".length)
  fields[":path"] = path
  for (let index = 0; index < headers.length; index += 2) add(fields, headers[index] ?? "", headers[index + 1] ?? "")
  const length = lengthOf(body)
  if (length !== undefined && (length > 0 || withBody.has(method))) fields["content-length"] = String(length)
  return { fields, bytes: sizeOf(fields) }
}

const add = (fields: OutgoingHttpHeaders, name: string, value: string): void => {
  const lowerCased = name.toLowerCase()
  const before = fields[lowerCased]
  fields[lowerCased] = before === undefined ? value : [before, value].flat().map(String)
}

const lengthOf = (body: Sent["body"]): number | undefined => {
  if (body === null) return 0
  if (typeof body === "string") return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.byteLength : undefined
}

/** The size of a header list. */
export const sizeOf = (fields: OutgoingHttpHeaders | IncomingHttpHeaders): number => {
  let bytes = 0
  for (const name in fields) {
    const value = fields[name]
    if (Array.isArray(value)) for (const one of value) bytes += name.length + one.length + overhead
    else bytes += name.length + String(value).length + overhead
  }
  return bytes
}

/** The headers of an answer, without what HTTP/2 puts among them. */
export const answerHeaders = (fields: IncomingHttpHeaders): IncomingHeaders => {
  const headers: Record<string, string | Array<string> | undefined> = {}
  for (const name in fields) if (!name.startsWith(":")) headers[name] = fields[name]
  return headers
}
