/** The answer to an attempt, as Effects over its handler. */
import type { Evidence } from "@holdfast/core/Evidence"
import type { Failure } from "@holdfast/core/Failure"
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import type { Reason } from "@holdfast/core/Reason"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import * as Headers from "effect/http/Headers"
import type { Attempt, Reader } from "./attempt.ts"

/** Turns what ended an attempt into what its reader gets. */
export type Break = (error: Error) => Effect.Effect<never, Failure>

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

/** The answer to an attempt. */
export class Response implements HttpResponse {
  readonly status: number
  private readonly attempt: Attempt
  private readonly broke: Break
  private readonly now: () => number
  private parsed: Headers.Headers | undefined

  constructor(attempt: Attempt, status: number, broke: Break, now: () => number) {
    this.attempt = attempt
    this.status = status
    this.broke = broke
    this.now = now
  }

  get headers(): Headers.Headers {
    return (this.parsed ??= Headers.fromInput(this.attempt.headers))
  }

  readonly evidence = (): Evidence => this.attempt.evidence()

  readonly elapsedMs = (): number => this.now() - this.attempt.startedAt

  private readonly pull: Pull.Pull<Chunks, Failure> = Effect.suspend(() => {
    const chunks = this.attempt.take()
    if (Arr.isArrayNonEmpty(chunks)) return Effect.succeed(chunks)
    const { ending } = this.attempt
    if (ending === undefined) return this.waiting
    return ending._tag === "Complete" ? Cause.done() : this.broke(ending.error)
  })

  private readonly waiting: Pull.Pull<Chunks, Failure> = Effect.callback((resume) =>
    this.listen(() => {
      this.attempt.reader = undefined
      // What arrives until the fiber goes on is taken with it.
      resume(this.pull)
    })
  )

  readonly body: Stream.Stream<Uint8Array, Failure> = Stream.fromPull(Effect.succeed(this.pull))

  readonly text: Effect.Effect<string, Failure> = Effect.suspend(() => {
    this.attempt.collect()
    return this.attempt.ending === undefined ? this.collected : this.all()
  })

  private readonly collected: Effect.Effect<string, Failure> = Effect.callback((resume) =>
    this.listen(() => {
      if (this.attempt.ending !== undefined) resume(this.all())
    })
  )

  readonly discard: Effect.Effect<void> = Effect.sync(() => this.attempt.discard())

  readonly end = (reason: Reason): Effect.Effect<void> => Effect.sync(() => this.attempt.endFor(reason))

  private all(): Effect.Effect<string, Failure> {
    const { ending } = this.attempt
    if (ending?._tag === "Broken") return this.broke(ending.error)
    return Effect.succeed(Buffer.concat(this.attempt.take()).toString("utf8"))
  }

  private listen(onProgress: () => void): Effect.Effect<void> {
    const reader: Reader = { onHead: () => undefined, onProgress }
    this.attempt.reader = reader
    return Effect.sync(() => {
      if (this.attempt.reader === reader) this.attempt.reader = undefined
    })
  }
}
