/** The body of an answer as a `ReadableStream`: taken from the transport when it is read, and not before. */
import * as Effect from "effect/Effect"

type Controller = ReadableStreamDefaultController<Uint8Array>

/**
 * Between the fiber that takes chunks and the stream that is read.
 *
 * It holds the stream only while a read is waited for. So a stream that its reader has dropped can be collected, which
 * ends the call.
 */
export class BodyReader {
  /** Whether a byte of the body has been given out. */
  given = false
  private chunks: ReadonlyArray<Uint8Array> = []
  private next = 0
  private asked: Controller | undefined
  private resume: (() => void) | undefined
  private controller: WeakRef<Controller> | undefined
  private gone = false
  private readonly onLeave: () => void

  /** `onLeave` hears once that nobody reads any more. */
  constructor(onLeave: () => void) {
    this.onLeave = onLeave
  }

  /** The stream; there is one. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = new WeakRef(controller)
        },
        pull: (controller) => this.pull(controller),
        cancel: () => this.leave()
      },
      // Nothing is taken ahead of its reader: an error would throw it away.
      { highWaterMark: 0 }
    )
  }

  /** Waits until a chunk is asked for. */
  readonly wanted: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.asked !== undefined) return resume(Effect.void)
    this.resume = () => {
      this.resume = undefined
      resume(Effect.void)
    }
    return undefined
  })

  /** Gives chunks to the reader, the first at once. */
  give(chunks: ReadonlyArray<Uint8Array>): void {
    this.chunks = chunks
    this.next = 0
    const controller = this.asked
    this.asked = undefined
    if (controller !== undefined) this.pull(controller)
  }

  /** The body has come to its end. */
  close(): void {
    this.end((controller) => controller.close())
  }

  /** The body has failed. */
  error(error: unknown): void {
    this.end((controller) => controller.error(error))
  }

  /** The reader has gone, or cannot be any more. */
  leave(): void {
    if (this.gone) return
    this.gone = true
    this.chunks = []
    this.onLeave()
  }

  private end(how: (controller: Controller) => void): void {
    const controller = this.asked ?? this.controller?.deref()
    this.asked = undefined
    if (controller !== undefined && !this.gone) how(controller)
  }

  private pull(controller: Controller): void {
    const chunk = this.chunks[this.next]
    if (chunk === undefined) {
      this.asked = controller
      this.resume?.()
      return
    }
    this.next += 1
    this.given = true
    controller.enqueue(plain(chunk))
  }
}

/** Not a `Buffer`, which differs in `slice` and `toString`. The bytes are not copied. */
const plain = (chunk: Uint8Array): Uint8Array =>
  Buffer.isBuffer(chunk) ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength) : chunk
