/** How long the latest answers of each model took. */
import type { Candidate } from "../../Candidate.ts"
import * as ModelRef from "../../ModelRef.ts"

const remembered = 100
// Below it, one slow answer of twenty would be all that is known of slow ones.
const fewest = 20
const mostModels = 256

/** What is waited for: the first content of a stream, or the whole of an answer that comes at once. */
export type Until = "content" | "answer"

interface Pace {
  readonly latest: Array<number>
  at: number
}

/** The paces of models, in memory. */
export class Paces {
  private readonly paces: { readonly [U in Until]: Map<string, Pace> } = { content: new Map(), answer: new Map() }

  /** What was waited for came after so many milliseconds. */
  add(candidate: Candidate, until: Until, ms: number): void {
    const paces = this.paces[until]
    const key = ModelRef.format(candidate)
    const known = paces.get(key)
    if (known === undefined) {
      if (paces.size < mostModels) paces.set(key, { latest: [ms], at: 0 })
      return
    }
    known.at = (known.at + 1) % remembered
    known.latest[known.at] = ms
  }

  /** What 95 of 100 of the latest took at most; nothing where too few are known. */
  p95(candidate: Candidate, until: Until): number | undefined {
    const latest = this.paces[until].get(ModelRef.format(candidate))?.latest
    if (latest === undefined || latest.length < fewest) return undefined
    return latest.toSorted((a, b) => a - b)[Math.ceil(latest.length * 0.95) - 1]
  }
}
