/** The failure of two attempts that were under way at the same time. */
import type { Declaration } from "../../Declaration.ts"
import * as Failure from "../../Failure.ts"

/**
 * The later failure, holding both: with the worst verdict of the two, by the worse declaration of the two. What the app
 * assumed of both, or of the one that was not proven, stays assumed.
 */
export const ofBoth = (first: Failure.Failure, last: Failure.Failure): Failure.Failure => {
  const whole = Failure.ofCall(first.attempts, declaredAs(worse(first.declaration, last.declaration), last))
  const isSafe = Failure.isReplaySafe(first) && Failure.isReplaySafe(last)
  return isSafe && Failure.isReplayAmbiguous(whole) ? Failure.assumeSafe(whole) : whole
}

const rank: { readonly [D in Declaration]: number } = {
  repeatable: 0,
  unknown: 1,
  "provider-tools": 2,
  "changes-state": 3
}

const worse = (a: Declaration, b: Declaration): Declaration => (rank[a] >= rank[b] ? a : b)

const declaredAs = (declaration: Declaration, failure: Failure.Failure): Failure.Failure => {
  if (declaration === failure.declaration) return failure
  const { attempts, candidate, evidence, exposure, partial, reason } = failure
  const last = attempts.at(-1)
  const judged = Failure.make({
    reason,
    evidence,
    exposure,
    declaration,
    candidate,
    ...(last === undefined ? undefined : { attempt: last.attempt, elapsedMs: last.elapsedMs }),
    ...(partial === undefined ? undefined : { partial }),
    thrown: Failure.thrown(failure)
  })
  return Failure.ofCall(attempts.slice(0, -1), judged)
}
