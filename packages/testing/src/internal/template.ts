/**
 * A response before it is sent, and its framing.
 *
 * Texts here are "latin1" strings that carry UTF-8 bytes one by one, so that their length is the length on the wire and a socket
 * writes them without encoding.
 */
import { STATUS_CODES } from "node:http"

/** Stands for an id in a response that is built once for many; as long as an id, so that lengths stay right when it is replaced. */
export const idSlot = "0holdfast-id-slot-0000"

/** The id of the `serial`th response of this process. */
export const idOf = (serial: number): string => `01${serial.toString(36).padStart(idSlot.length - 2, "0")}`

/** A response without its framing. The units are the events of a stream, or slices of a body. */
export interface Template {
  readonly status: number
  readonly headers: ReadonlyArray<string>
  readonly stream: boolean
  readonly units: ReadonlyArray<string>
}

/** A response with its framing; `head + units + tail` is what is sent. */
export interface Framed {
  readonly head: string
  readonly units: ReadonlyArray<string>
  readonly tail: string
}

/** What the connection adds to the head. */
export interface Hop {
  /** Announces that the connection will be closed. */
  readonly close: boolean
  /** Seconds of a `keep-alive: timeout` hint. */
  readonly keepAliveHint: number | undefined
}

/** The bytes of a text as a latin1 string. */
export const latin1 = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** Frames a response: chunked for a stream, else with its length. */
export const frame = (template: Template, hop: Hop): Framed => {
  const head = (length: string) => headOf(template, [length, ...hopHeaders(hop)])
  if (template.stream) {
    return { head: head("transfer-encoding: chunked"), units: template.units.map(chunkOf), tail: lastChunk }
  }
  const length = template.units.reduce((total, unit) => total + unit.length, 0)
  return { head: head(`content-length: ${length}`), units: template.units, tail: "" }
}

/** A response head; `framing` are the header lines that the template leaves open. */
export const headOf = (
  template: Pick<Template, "status" | "headers">,
  framing: ReadonlyArray<string>,
  version = "HTTP/1.1"
): string =>
  `${[`${version} ${template.status} ${reasonOf(template.status)}`, ...template.headers, ...framing].join("\r\n")}\r\n\r\n`

/** The header lines of a hop. */
export const hopHeaders = (hop: Hop): ReadonlyArray<string> => {
  if (hop.close) return ["connection: close"]
  if (hop.keepAliveHint === undefined) return []
  return ["connection: keep-alive", `keep-alive: timeout=${hop.keepAliveHint}`]
}

/** The end of a chunked body. */
export const lastChunk = "0\r\n\r\n"

/** One chunk of a chunked body. */
export const chunkOf = (unit: string): string => `${unit.length.toString(16)}\r\n${unit}\r\n`

/** At most `count` slices of equal length. */
export const slices = (text: string, count: number): ReadonlyArray<string> => {
  const size = Math.max(1, Math.ceil(text.length / count))
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size)
  )
}

const reasonOf = (status: number): string => STATUS_CODES[status] ?? (status === 529 ? "Overloaded" : "Unassigned")
