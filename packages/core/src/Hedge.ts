/**
 * A second attempt beside one that is slow: the first content wins, the other is ended on the wire. Where both fail, the
 * failure holds both, with the worst verdict of the two.
 *
 * Only calls that are repeatable are hedged, within the provider's retry budget, and at the same model: a hedge is no
 * swap. Both attempts are paid for: the prompt of the one that was ended is counted in the usage of `CallSucceeded`.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Problem } from "./InvalidInput.ts"
import { shown } from "./internal/shown.ts"

/** When the second attempt is made. */
export interface Hedge {
  /**
   * How long the first may take until its first content, or its end where the answer comes at once: a duration, or `p95`,
   * what 95 of 100 of the model's latest answers of that kind took. Where fewer than 20 are known, nothing is hedged by it.
   */
  readonly after: Duration.Input | "p95"
}

/** What is wrong with a hedge. */
export const problems = (hedge: Hedge | undefined, place: string): ReadonlyArray<Problem> => {
  if (hedge === undefined || hedge.after === "p95") return []
  const after = Duration.fromInput(hedge.after)
  if (Option.isSome(after) && Duration.toMillis(after.value) > 0 && Duration.isFinite(after.value)) return []
  return [
    {
      kind: "InvalidOption",
      place: `${place}.after`,
      expected: 'a duration above zero, or "p95"',
      found: shown(hedge.after)
    }
  ]
}
