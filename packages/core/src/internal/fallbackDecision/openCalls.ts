/** What is kept of calls in progress: a bounded number of them, and of each a bounded number of failed attempts. */
import type { Caller } from "../../Caller.ts"
import type { Candidate } from "../../Candidate.ts"
import type { AttemptFailed, SwapReason, Usage } from "../../TelemetryEvent.ts"
import type { ErrorText } from "./errorText.ts"
import type { Word } from "./reasons.ts"

/** The most failed attempts of one call that are kept; the first go when there are more. */
export const mostFailed = 32

/** A failed attempt, and what its error reads like. */
export interface Failed {
  readonly event: typeof AttemptFailed.Type
  readonly reason: Word
  readonly status: number | undefined
  readonly error: ErrorText
}

/** A call in progress, as far as it was seen. */
export interface OpenCall {
  readonly call: string
  turn: string | undefined
  caller: Caller | undefined
  chain: ReadonlyArray<Candidate> | undefined
  requested: Candidate | undefined
  readonly failed: Array<Failed>
  /** Its first attempt was seen. */
  begun: boolean
  /** Something other than the first attempt at the candidate asked for: the answer is told as a decision's outcome. */
  notable: boolean
  swapped: SwapReason | undefined
  /** The attempt that answered, and its usage. */
  answeredBy: number | undefined
  usage: Usage | undefined
}

/** The calls in progress, by name. Past the limit the one that was quiet for longest is forgotten. */
export class OpenCalls {
  private readonly limit: number
  private readonly calls = new Map<string, OpenCall>()

  constructor(limit: number) {
    this.limit = limit
  }

  get size(): number {
    return this.calls.size
  }

  /** The call of an event, opened where it is not known. */
  of({ call, turn }: { readonly call: string; readonly turn?: string }): OpenCall {
    const known = this.calls.get(call)
    const open = known ?? {
      call,
      turn,
      caller: undefined,
      chain: undefined,
      requested: undefined,
      failed: [],
      begun: false,
      notable: false,
      swapped: undefined,
      answeredBy: undefined,
      usage: undefined
    }
    open.turn ??= turn
    // Put last, so that the first is the one that was quiet for longest.
    if (known !== undefined) this.calls.delete(call)
    this.calls.set(call, open)
    if (this.calls.size > this.limit) {
      for (const quiet of this.calls.keys()) {
        this.calls.delete(quiet)
        break
      }
    }
    return open
  }

  close(call: string): void {
    this.calls.delete(call)
  }
}

/** Keeps a failed attempt. */
export const keep = (call: OpenCall, failed: Failed): void => {
  call.failed.push(failed)
  if (call.failed.length > mostFailed) call.failed.shift()
}
