/** One attempt at a stream, until what is held back of it may be given out. */
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
  /** What the parts so far would give out, or the app has seen. */
  exposure: Exposure.Exposure = "nothing"
  /** The provider has said that the answer is complete. */
  isEnded = false
  pull: PartsPull<A, E, R> | undefined
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

  /** Opens the attempt and reads it until its parts may be given out, or it has ended. */
  begin(inTime: InTime): Effect.Effect<this, E | Failure, R> {
    return Effect.flatMap(inTime(Channel.toPullScoped(this.call.attempt(this.attempt).channel, this.scope)), (pull) => {
      this.pull = pull
      const read: Effect.Effect<this, E | Failure, R> = Pull.matchEffect(inTime(pull), {
        onSuccess: (parts) => (this.take(parts) ? Effect.succeed(this) : read),
        onDone: () => {
          this.isEnded = true
          return Effect.succeed(this)
        },
        onFailure: Effect.failCause
      })
      return read
    })
  }

  /** Takes parts, and says whether all that is held may be given out. */
  private take(parts: Parts<A>): boolean {
    let isFull = false
    for (const part of parts) {
      this.held.push(part)
      const exposure = this.call.exposure(part)
      this.exposure = Exposure.max(this.exposure, exposure)
      if (this.fills(part, exposure)) isFull = true
    }
    return isFull
  }

  private fills(part: A, exposure: Exposure.Exposure): boolean {
    const { hold } = this
    if (hold === "first-content") return exposure !== "nothing"
    this.bytes += this.sizeOf(part)
    if (this.bytes > Hold.longestBytes || this.held.length > Hold.longestParts) return this.exposure !== "nothing"
    if (exposure === "nothing" || hold === "whole") return false
    if (hold === "tool-call") return exposure === "tool-call" || exposure === "provider-tool"
    this.contents++
    return "parts" in hold ? this.contents >= hold.parts : this.bytes >= hold.bytes
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
