/** The answer to an attempt, as Effects over its handler. They are made when asked for: most are, of one answer, never. */
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

/** What is answered: its attempt, and what its reader gets for what ended it. */
export interface Source {
  readonly attempt: Attempt
  broke(error: Error): Effect.Effect<never, Failure>
}

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

/** The answer to an attempt. */
export class Response implements HttpResponse {
  readonly status: number
  private readonly source: Source
  private parsed: Headers.Headers | undefined

  constructor(source: Source, status: number) {
    this.source = source
    this.status = status
  }

  readonly end = (reason: Reason): Effect.Effect<void> => Effect.sync(() => this.source.attempt.endFor(reason))

  readonly evidence = (): Evidence => this.source.attempt.evidence()

  readonly elapsedMs = (): number => this.source.attempt.elapsedMs()

  get headers(): Headers.Headers {
    return (this.parsed ??= Headers.fromInput(this.source.attempt.headers))
  }

  get body(): Stream.Stream<Uint8Array, Failure> {
    return Stream.fromPull(Effect.sync(() => new Body(this.source).pull))
  }

  get text(): Effect.Effect<string, Failure> {
    return Effect.callback((resume) => {
      const { attempt } = this.source
      attempt.collect()
      if (attempt.ending !== undefined) return resume(this.all())
      return listen(attempt, () => {
        if (attempt.ending !== undefined) resume(this.all())
      })
    })
  }

  get discard(): Effect.Effect<void> {
    return Effect.sync(() => this.source.attempt.discard())
  }

  private all(): Effect.Effect<string, Failure> {
    const { ending } = this.source.attempt
    return ending?._tag === "Broken"
      ? this.source.broke(ending.error)
      : Effect.succeed(Buffer.concat(this.source.attempt.take()).toString("utf8"))
  }
}

const listen = (attempt: Attempt, onProgress: () => void): Effect.Effect<void> => {
  const reader: Reader = { onHead: () => undefined, onProgress }
  attempt.reader = reader
  return Effect.sync(() => forget(attempt, reader))
}

const forget = (attempt: Attempt, reader: Reader): void => {
  if (attempt.reader === reader) attempt.reader = undefined
}

type Resume = (chunks: Pull.Pull<Chunks, Failure>) => void

/** The body as it comes: one reader for all of it, because it is waited for as often as the peer writes. */
class Body implements Reader {
  private readonly source: Source
  private resume: Resume | undefined

  constructor(source: Source) {
    this.source = source
  }

  readonly pull: Pull.Pull<Chunks, Failure> = Effect.suspend(() => {
    const { attempt } = this.source
    const chunks = attempt.take()
    if (Arr.isArrayNonEmpty(chunks)) return Effect.succeed(chunks)
    const { ending } = attempt
    if (ending === undefined) return this.waiting
    return ending._tag === "Complete" ? Cause.done() : this.source.broke(ending.error)
  })

  onHead(): void {}

  onProgress(): void {
    this.source.attempt.reader = undefined
    // One read of the socket may hold several chunks: they are taken together.
    queueMicrotask(this.goOn)
  }

  private readonly goOn = (): void => this.resume?.(this.pull)

  private readonly waiting: Pull.Pull<Chunks, Failure> = Effect.callback((resume) => {
    this.resume = resume
    this.source.attempt.reader = this
    return this.gone
  })

  private readonly gone: Effect.Effect<void> = Effect.sync(() => forget(this.source.attempt, this))
}
