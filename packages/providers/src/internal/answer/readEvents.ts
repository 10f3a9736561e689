/** A stream's bytes as response parts: decoded as they come, ended by the provider's end marker and by nothing else. */
import type { Failure } from "@holdfast/core/Failure"
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import * as Reason from "@holdfast/core/Reason"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type * as Response from "effect/ai/Response"
import type { Codec, Delta, Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { proceed } from "../../Codec.ts"
import type { Limits } from "./contentWatch.ts"
import { ContentWatch } from "./contentWatch.ts"
import * as ContentWatches from "./contentWatches.ts"
import * as Framing from "./framing.ts"
import { joinDeltas } from "./joinDeltas.ts"

type Parts = Arr.NonEmptyReadonlyArray<Response.StreamPartEncoded>

// A single event or line: far above any that a provider sends, far below what would hurt.
const longestMiB = 10
const longest = longestMiB * 1024 * 1024

/** How a streamed answer is read. */
export interface Options {
  readonly reading?: Reading
  /** Limits on its contents. */
  readonly limits?: Limits
  /** Whether what one read of the socket brought of one block is one delta. */
  readonly joins?: boolean
  /** What is made of each part before it is given out. A stage of its own would cost more than it does. */
  readonly each?: (part: Response.StreamPartEncoded) => Response.StreamPartEncoded
}

/** The parts of a streamed answer, within limits on its contents. */
export const readEvents = (
  codec: Codec,
  response: HttpResponse,
  failureOf: (reason: Reason.Reason) => Failure,
  { each, joins = false, limits, reading }: Options = {}
): Stream.Stream<Response.StreamPartEncoded, Failure> =>
  Stream.transformPull(response.body, (upstream, scope) =>
    Clock.clockWith((clock) => {
      const reader = new Reader(codec, reading, joins)
      const finish = (parts: Parts): Parts => {
        const joined = joins ? joinDeltas(parts) : parts
        return each === undefined ? joined : Arr.map(joined, each)
      }
      const watch = isWatched(limits) ? new ContentWatch(response, limits, clock) : undefined
      let unwatch: (() => void) | undefined

      const pull: Pull.Pull<Parts, Failure> = Effect.suspend(() => {
        switch (reader.step._tag) {
          case "Complete":
            return Cause.done()
          case "Failed":
            return Effect.fail(failureOf(reader.step.reason))
          case "Continue":
            watch?.waits()
            return next
        }
      })

      const next: Pull.Pull<Parts, Failure> = Pull.matchEffect(upstream, {
        onSuccess: (chunks) => {
          reader.feed(chunks)
          const parts = reader.take()
          watch?.came(parts)
          const given = Arr.isArrayNonEmpty(parts) ? Effect.succeed(finish(parts)) : pull
          if (reader.step._tag !== "Complete") return given
          unwatch?.()
          return Effect.andThen(response.discard, given)
        },
        onFailure: Effect.failCause,
        onDone: () => {
          reader.end()
          const parts = reader.take()
          return Arr.isArrayNonEmpty(parts) ? Effect.succeed(finish(parts)) : pull
        }
      })

      if (watch === undefined) return Effect.succeed(pull)
      return Effect.map(ContentWatches.add(watch, clock, scope), (remove) => {
        unwatch = remove
        return pull
      })
    })
  )

const isWatched = (limits: Limits | undefined): limits is Limits =>
  limits !== undefined && (limits.firstContentMs > 0 || limits.stallMs > 0)

/** Bytes in, parts out. */
class Reader implements Framing.Reader {
  step: Step = proceed
  private readonly codec: Codec
  private readonly decoder: StreamDecoder
  private readonly lines = new Framing.Lines()
  private readonly framing: Framing.Framing
  readonly joins: boolean
  private out: Array<Response.StreamPartEncoded> = []

  constructor(codec: Codec, reading: Reading | undefined, joins: boolean) {
    this.codec = codec
    this.joins = joins
    this.decoder = codec.makeStreamDecoder(reading)
    this.framing = Framing.make(codec.framing, this)
  }

  get goesOn(): boolean {
    return this.step._tag === "Continue"
  }

  read(event: StreamEvent): Delta | undefined {
    // What follows the end is nobody's.
    if (!this.goesOn) return undefined
    this.step = this.decoder.read(event, this.out)
    return this.step._tag === "Continue" ? this.step.delta : undefined
  }

  readText(delta: Delta, text: string): void {
    delta.read(text, this.out)
  }

  feed(chunks: Arr.NonEmptyReadonlyArray<Uint8Array>): void {
    for (const chunk of chunks) {
      if (!this.goesOn) return
      const text = this.lines.feed(chunk)
      if (text !== "") this.framing.feed(text)
      if (this.lines.pending + this.framing.pending > longest && this.goesOn) {
        this.step = tooLarge(this.codec)
      }
    }
  }

  /** The body has ended, which completes nothing by itself. */
  end(): void {
    this.framing.feed(this.lines.end())
    this.framing.end()
    if (this.step._tag === "Complete") return
    this.out = []
    // Half an event cannot be read, which is what being cut means; a whole one may be the error that explains it.
    if (this.step._tag === "Failed" && this.step.reason._tag !== "MalformedResponse") return
    this.step = { _tag: "Failed", reason: new Reason.StreamTruncated({ missing: this.codec.endMarker }) }
  }

  /** The parts read since the last time. */
  take(): Array<Response.StreamPartEncoded> {
    const parts = this.out
    this.out = []
    return parts
  }
}

const tooLarge = ({ framing }: Codec): Step => ({
  _tag: "Failed",
  reason: new Reason.MalformedResponse({
    what: "size",
    detail: `${framing === "sse" ? "an event" : "a line"} of more than ${longestMiB} MiB`
  })
})
