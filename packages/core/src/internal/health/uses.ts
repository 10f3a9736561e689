/** When credentials were last used. */
import type { Candidate } from "../../Candidate.ts"
import { credentialKey } from "./circuit.ts"

// More than any process rotates through; beyond it the longest unused count as never used, which is the same order.
const most = 4096

// The finest step that a double holds at the epoch's present size in milliseconds, with room for centuries.
const stepMs = 2 ** -10

/** Times of last use, bounded in number. */
export class Uses {
  readonly at = new Map<string, number>()
  lastMs = 0

  mark(candidate: Candidate, nowMs: number): void {
    // Later uses are later, within a millisecond too.
    this.lastMs = Math.max(nowMs, this.lastMs + stepMs)
    const key = credentialKey(candidate)
    this.at.delete(key)
    this.at.set(key, this.lastMs)
    if (this.at.size <= most) return
    const oldest = this.at.keys().next()
    if (oldest.done !== true) this.at.delete(oldest.value)
  }

  of(candidate: Candidate): number | undefined {
    return this.at.get(credentialKey(candidate))
  }
}
