/** Bodies as `fetch` takes them, made fit to be sent: at hand, to be gathered first, or as they come. */
import { isAnyArrayBuffer } from "node:util/types"
import * as Predicate from "effect/Predicate"
import type { Init } from "./outgoing.ts"

/**
 * A request's body; `type` is the `content-type` that goes with it unless the caller set one.
 *
 * A body that is at hand can be sent again. One that comes as it is made is sent once.
 */
export type Body =
  | { readonly _tag: "AtHand"; readonly bytes: string | Uint8Array; readonly type: string | undefined }
  | { readonly _tag: "Gathered"; readonly gather: () => Promise<Gathered>; readonly type: string | undefined }
  | Streamed

/** A body that comes as it is made. */
export interface Streamed {
  readonly _tag: "Streamed"
  readonly source: AsyncIterable<unknown>
  readonly type: undefined
}

/** What came of a body that had to be gathered: its bytes, or a stream where they are too many to keep. */
export interface Gathered {
  readonly body: Uint8Array | AsyncIterable<unknown>
  readonly type?: string
  /** Where the length of a stream is known. */
  readonly length?: number
}

/** The most that is gathered in memory, in bytes; what is longer goes out as a stream. The number is ours. */
export const gatheredLimit = 16 * 1024 * 1024

/** The body of `fetch(url, { body })`: Fetch, "extract a body". */
export const fromInit = (given: NonNullable<Init["body"]>): Body => {
  if (typeof given === "string") return text(given, "text/plain;charset=UTF-8")
  // Copied, as the standard has it: the caller may go on using its buffer.
  if (isAnyArrayBuffer(given)) return bytes(new Uint8Array(given.slice(0)))
  if (ArrayBuffer.isView(given)) {
    return bytes(new Uint8Array(given.buffer as ArrayBuffer, given.byteOffset, given.byteLength).slice())
  }
  if (given instanceof URLSearchParams) return text(given.toString(), "application/x-www-form-urlencoded;charset=UTF-8")
  if (given instanceof Blob) {
    return { _tag: "Gathered", gather: () => ofBlob(given), type: given.type === "" ? undefined : given.type }
  }
  if (given instanceof FormData) return { _tag: "Gathered", gather: () => ofForm(given), type: undefined }
  if (Predicate.hasProperty(given, Symbol.asyncIterator)) return streamed(given)
  return text(String(given), "text/plain;charset=UTF-8")
}

/**
 * The body of a `Request`. The standard gives every body but bytes and streams a `content-type`, so one that has a type
 * was whole when the `Request` was made: it is gathered, which lets it be repaired. What has none is sent as it comes.
 */
export const fromRequest = (request: Request, hasType: boolean): Body => {
  // A web stream can be iterated in Node, which not every type of it says.
  const source = request.body as unknown as AsyncIterable<Uint8Array>
  return hasType
    ? { _tag: "Gathered", gather: async () => ({ body: await ofStream(source) }), type: undefined }
    : streamed(source)
}

const text = (given: string, type: string): Body => ({ _tag: "AtHand", bytes: given.toWellFormed(), type })
const bytes = (given: Uint8Array): Body => ({ _tag: "AtHand", bytes: given, type: undefined })
const streamed = (source: AsyncIterable<unknown>): Streamed => ({ _tag: "Streamed", source, type: undefined })

const ofBlob = async (blob: Blob): Promise<Gathered> =>
  blob.size > gatheredLimit
    ? { body: blob.stream() as unknown as AsyncIterable<Uint8Array>, length: blob.size }
    : { body: new Uint8Array(await blob.arrayBuffer()) }

const ofForm = async (form: FormData): Promise<Gathered> => {
  const encoded = new Response(form)
  const type = encoded.headers.get("content-type") ?? "multipart/form-data"
  return { body: await ofStream(encoded.body as unknown as AsyncIterable<Uint8Array>), type }
}

/** The bytes of a stream, or what has been read of it and the rest as it comes. */
const ofStream = async (source: AsyncIterable<Uint8Array>): Promise<Uint8Array | AsyncIterable<Uint8Array>> => {
  const iterator = source[Symbol.asyncIterator]()
  const chunks: Array<Uint8Array> = []
  let size = 0
  // Without a `return`, so that the stream goes on when the loop is left.
  const next = { next: () => iterator.next() }
  for await (const chunk of { [Symbol.asyncIterator]: () => next }) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size > gatheredLimit) return resumed(chunks, iterator)
  }
  return Buffer.concat(chunks)
}

async function* resumed(chunks: ReadonlyArray<Uint8Array>, iterator: AsyncIterator<Uint8Array>) {
  let reached = false
  try {
    yield* chunks
    reached = true
    yield* { [Symbol.asyncIterator]: () => iterator }
  } finally {
    if (!reached) await iterator.return?.()
  }
}

/** A caller's stream failed, or gave something that is no bytes. */
export interface Broken {
  error: { readonly thrown: unknown } | undefined
}

/** Who reads a stream: a web stream's own reader can leave while a read is under way, which its iterator cannot. */
interface Source {
  readonly next: () => Promise<IteratorResult<unknown>>
  readonly leave: () => Promise<unknown> | undefined
}

const sourceOf = (stream: AsyncIterable<unknown>): Source => {
  if (stream instanceof ReadableStream) {
    const reader: ReadableStreamDefaultReader<unknown> = stream.getReader()
    return { next: () => reader.read() as Promise<IteratorResult<unknown>>, leave: () => reader.cancel() }
  }
  const iterator = stream[Symbol.asyncIterator]()
  return { next: () => iterator.next(), leave: () => iterator.return?.() }
}

/** The bytes of a caller's stream. What it throws is noted, because it is the caller's own and no failure of the wire. */
export class Bytes implements AsyncIterableIterator<Uint8Array> {
  private readonly source: Source
  private readonly broken: Broken

  constructor(stream: AsyncIterable<unknown>, broken: Broken) {
    this.source = sourceOf(stream)
    this.broken = broken
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      const { done, value } = await this.source.next()
      return done === true ? { done, value: undefined } : { done: false, value: bytesOf(value) }
    } catch (thrown) {
      this.broken.error = { thrown }
      throw thrown
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    // It is given up: what it has to say about that is of no interest.
    await Promise.resolve(this.source.leave()).catch(() => undefined)
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

const bytesOf = (chunk: unknown): Uint8Array => {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === "string") return Buffer.from(chunk)
  throw new TypeError("a request's body gave a chunk that is neither bytes nor text")
}
