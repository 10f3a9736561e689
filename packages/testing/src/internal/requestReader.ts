/**
 * An incremental reader of HTTP/1.1 requests that counts every byte it takes.
 *
 * It reads what LLM clients send: a head of up to 64 KiB, then a body with a length or in chunks. Anything else is `invalid`.
 */

/** What is read from a request head. */
export interface RequestHead {
  readonly method: string
  /** The path without the query. */
  readonly path: string
  readonly keepAlive: boolean
  readonly expectsContinue: boolean
  readonly tag: string | null
}

type Framing =
  | { readonly _tag: "Length"; remaining: number }
  | { readonly _tag: "Chunked"; part: "size" | "data" | "dataEnd" | "trailer"; remaining: number; line: string }

const maxHeadBytes = 65_536
const maxBodyBytes = 268_435_456
const headEnd = Buffer.from("\r\n\r\n")
const nothing = Buffer.alloc(0)

/** Reads one request at a time; `reset` makes it ready for the next. */
export class RequestReader {
  /** Bytes of this request taken so far. */
  bytes = 0
  state: "head" | "body" | "complete" | "invalid" = "head"
  head: RequestHead | undefined
  #partialHead: Buffer | undefined
  #framing: Framing | undefined
  #body: Array<Buffer> = []
  #bodyBytes = 0

  /** Takes what belongs to this request, or with `headOnly` to its head, and returns what does not. */
  push(chunk: Buffer, headOnly = false): Buffer {
    let rest = chunk
    if (this.state === "head") rest = this.#readHead(rest)
    if (headOnly) return rest
    while (this.state === "body" && rest.length > 0) rest = this.#readBody(rest)
    return rest
  }

  /** The body without its framing. */
  body(): Buffer {
    const [first] = this.#body
    return this.#body.length === 1 && first !== undefined ? first : Buffer.concat(this.#body)
  }

  reset(): void {
    this.bytes = 0
    this.state = "head"
    this.head = undefined
    this.#partialHead = undefined
    this.#framing = undefined
    this.#body = []
    this.#bodyBytes = 0
  }

  #readHead(chunk: Buffer): Buffer {
    const before = this.#partialHead?.length ?? 0
    const buffer = this.#partialHead === undefined ? chunk : Buffer.concat([this.#partialHead, chunk])
    const end = buffer.indexOf(headEnd, Math.max(0, before - headEnd.length + 1))
    if (end < 0) {
      this.bytes += chunk.length
      this.#partialHead = buffer
      if (buffer.length > maxHeadBytes) this.state = "invalid"
      return nothing
    }
    const length = end + headEnd.length
    this.bytes += length - before
    this.#partialHead = undefined
    this.#parseHead(buffer.toString("latin1", 0, end))
    return buffer.subarray(length)
  }

  #parseHead(text: string): void {
    const lines = text.split("\r\n")
    const [method, target, version] = (lines[0] ?? "").split(" ")
    if (method === undefined || target === undefined || version?.startsWith("HTTP/1.") !== true) {
      this.state = "invalid"
      return
    }
    let length = 0
    let chunked = false
    let keepAlive = version !== "HTTP/1.0"
    let expectsContinue = false
    let tag: string | null = null
    for (let index = 1; index < lines.length; index++) {
      const line = lines[index] ?? ""
      const colon = line.indexOf(":")
      switch (line.slice(0, Math.max(colon, 0)).toLowerCase()) {
        case "content-length":
          length = Number(line.slice(colon + 1))
          break
        case "transfer-encoding":
          chunked =
            line
              .slice(colon + 1)
              .trim()
              .toLowerCase() === "chunked"
          break
        case "connection":
          keepAlive = connectionToken(line.slice(colon + 1), keepAlive)
          break
        case "expect":
          expectsContinue =
            line
              .slice(colon + 1)
              .trim()
              .toLowerCase() === "100-continue"
          break
        case "x-fault-tag":
          tag = line.slice(colon + 1).trim()
          break
        default:
      }
    }
    const path = target.split("?", 1)[0] ?? target
    this.head = { method, path, keepAlive, expectsContinue, tag }
    if (!Number.isSafeInteger(length) || length < 0 || length > maxBodyBytes) {
      this.state = "invalid"
    } else if (chunked) {
      this.#framing = { _tag: "Chunked", part: "size", remaining: 0, line: "" }
      this.state = "body"
    } else {
      this.#framing = { _tag: "Length", remaining: length }
      this.state = length === 0 ? "complete" : "body"
    }
  }

  #readBody(chunk: Buffer): Buffer {
    const framing = this.#framing
    if (framing === undefined) return chunk
    if (framing._tag === "Chunked" && framing.part !== "data") return this.#readChunkLine(framing, chunk)
    const take = Math.min(framing.remaining, chunk.length)
    this.bytes += take
    this.#bodyBytes += take
    this.#body.push(take === chunk.length ? chunk : chunk.subarray(0, take))
    framing.remaining -= take
    if (this.#bodyBytes > maxBodyBytes) this.state = "invalid"
    else if (framing.remaining === 0) {
      if (framing._tag === "Chunked") framing.part = "dataEnd"
      else this.state = "complete"
    }
    return chunk.subarray(take)
  }

  /** Reads one line between the data of chunks: a size, the end of a chunk's data, or a trailer. */
  #readChunkLine(framing: Extract<Framing, { _tag: "Chunked" }>, chunk: Buffer): Buffer {
    const end = chunk.indexOf(10)
    const take = end < 0 ? chunk.length : end + 1
    this.bytes += take
    framing.line += chunk.toString("latin1", 0, take)
    if (end < 0) {
      if (framing.line.length > maxHeadBytes) this.state = "invalid"
      return nothing
    }
    const line = framing.line.trim()
    framing.line = ""
    switch (framing.part) {
      case "size": {
        const size = Number.parseInt(line, 16)
        if (!/^[0-9a-f]+\s*(;|$)/i.test(line) || !Number.isSafeInteger(size)) this.state = "invalid"
        framing.remaining = size
        framing.part = size === 0 ? "trailer" : "data"
        break
      }
      case "dataEnd":
        if (line === "") framing.part = "size"
        else this.state = "invalid"
        break
      default:
        if (line === "") this.state = "complete"
    }
    return chunk.subarray(take)
  }
}

const connectionToken = (value: string, otherwise: boolean): boolean => {
  const tokens = value.toLowerCase()
  if (tokens.includes("close")) return false
  return tokens.includes("keep-alive") || otherwise
}
