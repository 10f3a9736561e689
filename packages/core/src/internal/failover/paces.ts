/** How long the latest answers of each model took to their first content. */
import type { Candidate } from "../../Candidate.ts"
import * as ModelRef from "../../ModelRef.ts"

const remembered = 100
// Below it, one slow answer of twenty would be all that is known of slow ones.
const fewest = 20
const mostModels = 256

/** The paces of models, in memory. */
export class Paces {
  private readonly paces = new Map<string, { readonly latest: Array<number>; at: number }>()

  /** An answer's first content came after so many milliseconds. */
  add(candidate: Candidate, ms: number): void {
    const key = ModelRef.format(candidate)
    const known = this.paces.get(key)
    if (known === undefined) {
      if (this.paces.size < mostModels) this.paces.set(key, { latest: [ms], at: 0 })
      return
    }
    known.at = (known.at + 1) % remembered
    known.latest[known.at] = ms
  }

  /** What 95 of 100 of the latest took at most; nothing where too few are known. */
  p95(candidate: Candidate): number | undefined {
    const latest = this.paces.get(ModelRef.format(candidate))?.latest
    if (latest === undefined || latest.length < fewest) return undefined
    return latest.toSorted((a, b) => a - b)[Math.ceil(latest.length * 0.95) - 1]
  }
}
