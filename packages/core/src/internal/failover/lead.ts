/** One attempt at a stream: until its first content, and until what is held back of it may be given out. */
import type * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Exposure from "../../Exposure.ts"
import type { Attempt, StreamCall } from "../../Failover.ts"
import type { Failure } from "../../Failure.ts"
import * as Hold from "../../Hold.ts"

export type Parts<A> = Arr.NonEmptyReadonlyArray<A>
type PartsPull<A, E, R> = Pull.Pull<Parts<A>, E | Failure, void, R>

/** Keeps an effect to the call's time. */
type InTime = <B, E2, R2>(effect: Effect.Effect<B, E2, R2>) => Effect.Effect<B, E2 | Failure, R2>

/** An attempt in progress, in a scope of its own. */
export class Lead<A, E, R> {
  readonly attempt: Attempt
  readonly scope: Scope.Closeable
  /** Parts that the app has not seen. */
  held: Array<A> = []
  /** What the parts give out that were held back, whether or not the app has them by now. */
  exposure: Exposure.Exposure = "nothing"
  /** The provider has said that the answer is complete. */
  isEnded = false
  pull: PartsPull<A, E, R> | undefined
  /** All that is held may be given out. */
  private isFull = false
  private readonly call: StreamCall<A, E, R>
  private readonly hold: Hold.Hold
  private contents = 0
  private bytes = 0

  constructor(call: StreamCall<A, E, R>, hold: Hold.Hold, attempt: Attempt, scope: Scope.Closeable) {
    this.call = call
    this.hold = hold
    this.attempt = attempt
    this.scope = scope
  }

  /** Opens the attempt and reads it until its first content, or it has ended; `overfull` is what it fails with beyond bounds. */
  begin(inTime: InTime, overfull: () => Failure): Effect.Effect<this, E | Failure, R> {
    return Effect.flatMap(inTime(Channel.toPullScoped(this.call.attempt(this.attempt).channel, this.scope)), (pull) => {
      this.pull = pull
      const read: Effect.Effect<this, E | Failure, R> = Effect.flatMap(this.read(inTime, pull), () => {
        if (this.isEnded || this.exposure !== "nothing") return Effect.succeed(this)
        return this.isBeyondBounds() ? Effect.fail(overfull()) : read
      })
      return read
    })
  }

  /** Whether its parts may be given out. */
  get isReady(): boolean {
    return this.isFull || this.isEnded
  }

  /** Reads on until the parts may be given out, or it has ended. */
  fill(inTime: InTime): Effect.Effect<this, E | Failure, R> {
    return Effect.suspend(() => {
      const { pull } = this
      return this.isReady || pull === undefined
        ? Effect.succeed(this)
        : Effect.flatMap(this.read(inTime, pull), () => this.fill(inTime))
    })
  }

  private read(inTime: InTime, pull: PartsPull<A, E, R>): Effect.Effect<void, E | Failure, R> {
    return Pull.matchEffect(inTime(pull), {
      onSuccess: (parts) => {
        this.take(parts)
        return Effect.void
      },
      onDone: () => {
        this.isEnded = true
        return Effect.void
      },
      onFailure: Effect.failCause
    })
  }

  private take(parts: Parts<A>): void {
    for (const part of parts) {
      this.held.push(part)
      const exposure = this.call.exposure(part)
      this.exposure = Exposure.max(this.exposure, exposure)
      // Whatever it is held for: there is content to give out, and what is held has grown beyond its bounds.
      if (this.fills(part, exposure) || (this.exposure !== "nothing" && this.isBeyondBounds())) this.isFull = true
    }
  }

  private fills(part: A, exposure: Exposure.Exposure): boolean {
    const { hold } = this
    // Few parts give out nothing, so that not many are measured where the first content ends it.
    if (hold !== "first-content" || exposure === "nothing") this.bytes += this.sizeOf(part)
    if (exposure === "nothing" || hold === "whole") return false
    if (hold === "first-content") return true
    if (hold === "tool-call") return exposure === "tool-call" || exposure === "provider-tool"
    this.contents++
    return "parts" in hold ? this.contents >= hold.parts : this.bytes >= hold.bytes
  }

  private isBeyondBounds(): boolean {
    return this.bytes > Hold.longestBytes || this.held.length > Hold.longestParts
  }

  private sizeOf(part: A): number {
    return this.call.size?.(part) ?? lengthOf(part)
  }
}

const lengthOf = (part: unknown): number => {
  try {
    return JSON.stringify(part)?.length ?? 0
  } catch {
    // What cannot be written down has a size all the same.
    return 1024
  }
}
