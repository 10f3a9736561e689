/** Undoes the `content-encoding` of an answer. It is never asked for by us, but callers may, and servers do unasked. */
import type { Transform } from "node:stream"
import { pipeline, Readable } from "node:stream"
import * as Zlib from "node:zlib"
import { codeOf } from "../codeOf.ts"

// What a body may grow to whatever it came from, and by how much beyond: text shrinks to a twentieth, a bomb far more.
// The numbers are ours.
const growth = { freeBytes: 64 * 1024 * 1024, factor: 100 }

/** Codings by which an answer was encoded one after another; more are taken for an attack. The number is undici's. */
const mostCodings = 5

type Decoder = (first: Uint8Array) => Transform

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", () => Zlib.createGunzip()],
  ["x-gzip", () => Zlib.createGunzip()],
  // Some servers leave out zlib's header, whose low bits are 8 (RFC 1950 section 2.2).
  ["deflate", (first) => (((first[0] ?? 8) & 0x0f) === 8 ? Zlib.createInflate() : Zlib.createInflateRaw())],
  ["br", () => Zlib.createBrotliDecompress()],
  ["zstd", () => Zlib.createZstdDecompress()]
])

/** The decoders of a `content-encoding`, last applied first; none where it names one that is not known. */
export const decodersOf = (encoding: string | undefined): ReadonlyArray<Decoder> => {
  if (encoding === undefined || encoding === "") return []
  const codings = encoding.split(",").map((coding) => coding.trim().toLowerCase())
  const found = codings.flatMap((coding) => decoders.get(coding) ?? [])
  return found.length === codings.length && found.length <= mostCodings ? found.toReversed() : []
}

/** What a body that cannot be decoded fails with. */
export type Undecodable = (detail: string) => Error

/** A body decoded as it is read, with backpressure. Its failures, and the end of its reader, pass through. */
export const decode = (
  encoded: ReadableStream<Uint8Array>,
  chain: ReadonlyArray<Decoder>,
  undecodable: Undecodable
): ReadableStream<Uint8Array> => {
  const reader = encoded.getReader()
  const decoded = chunksOf(reader, chain, undecodable)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await decoded.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      // The reader first: a read of it that is under way would be waited for.
      async cancel(reason) {
        await reader.cancel(reason)
        await decoded.return()
      }
    },
    { highWaterMark: 0 }
  )
}

async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  chain: ReadonlyArray<Decoder>,
  undecodable: Undecodable
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoded = new Encoded(reader)
  try {
    const first = await encoded.peek()
    // An empty body is empty in every coding.
    if (first === undefined) return
    let given = 0
    for await (const chunk of through(encoded, chain, first)) {
      given += chunk.byteLength
      if (given > growth.freeBytes && given > growth.factor * encoded.bytes) {
        throw undecodable(`it grows to more than ${growth.factor} times of what came`)
      }
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    }
  } catch (error) {
    if (encoded.failed !== undefined) throw encoded.failed.error
    throw error instanceof TypeError ? error : undecodable(codeOf(error) ?? "it cannot be read")
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** What comes, counted, with what it failed of: a decoder passes that on as its own. */
class Encoded implements AsyncIterableIterator<Uint8Array> {
  bytes = 0
  failed: { readonly error: unknown } | undefined
  /** Looked at, and still to be given. */
  private ahead: Uint8Array | undefined
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.reader = reader
  }

  async peek(): Promise<Uint8Array | undefined> {
    this.ahead = await this.take()
    return this.ahead
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const value = this.ahead ?? (await this.take())
    this.ahead = undefined
    return value === undefined ? { done: true, value: undefined } : { done: false, value }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private async take(): Promise<Uint8Array | undefined> {
    try {
      const { value } = await this.reader.read()
      this.bytes += value?.byteLength ?? 0
      return value
    } catch (error) {
      this.failed = { error }
      throw error
    }
  }
}

// What a decoder is chosen by is known of the outermost coding only; that of the others is taken to be as written.
const unknownFirst = Uint8Array.of(8)

const through = (
  encoded: AsyncIterable<Uint8Array>,
  chain: ReadonlyArray<Decoder>,
  first: Uint8Array
): AsyncIterable<Buffer> => {
  const streams = chain.map((decoder, index) => decoder(index === 0 ? first : unknownFirst))
  // An error of any arrives at the last, whose reader hears it.
  pipeline([Readable.from(encoded, { objectMode: false }), ...streams], () => undefined)
  return streams.at(-1) as Transform
}
