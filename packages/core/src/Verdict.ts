/**
 * Whether a failed call may be sent again: the replay-safety table as one pure, total function.
 *
 * The verdict follows from three things alone: the evidence of the attempt, what the call has exposed, and what it
 * declared of itself. No reason, no status text and no elapsed time counts. The first row that fits decides.
 */
import * as Schema from "effect/Schema"
import * as Declaration from "./Declaration.ts"
import * as Evidence from "./Evidence.ts"
import type * as Exposure from "./Exposure.ts"

/**
 * - `Safe`: the provider did not run the call.
 * - `Ambiguous`: it may have run; the app has seen nothing of it. Replaying costs tokens at worst, if the call is
 *   repeatable.
 * - `Unsafe`: the app has seen output, or something may have been done that must not be done twice.
 */
export const Verdict = Schema.Literals(["Safe", "Ambiguous", "Unsafe"])

/** Whether a failed call may be sent again. */
export type Verdict = typeof Verdict.Type

/** The row of the table that decided. */
export const Rule = Schema.Literals([
  "exposed",
  "may-have-effects",
  "not-started",
  "refused-by-provider",
  "misdirected",
  "unprocessed",
  "unprocessed-behind-proxy",
  "answered-with-error",
  "stale-connection",
  "lost-before-answer",
  "begun-not-exposed",
  "unknown-evidence"
])

/** The row of the table that decided. */
export type Rule = typeof Rule.Type

/** All that a verdict depends on. */
export interface Facts {
  readonly evidence: Evidence.Evidence
  readonly exposure: Exposure.Exposure
  readonly declaration: Declaration.Declaration
}

/** A verdict and the row it comes from. */
export interface Judgement {
  readonly verdict: Verdict
  readonly rule: Rule
}

const safe = (rule: Rule): Judgement => ({ verdict: "Safe", rule })
const ambiguous = (rule: Rule): Judgement => ({ verdict: "Ambiguous", rule })
const unsafe = (rule: Rule): Judgement => ({ verdict: "Unsafe", rule })

// RFC 9110 section 15.5.20: the server does not produce responses for this origin, so it did not act on the request.
const misdirected = 421

/**
 * Judges one attempt.
 *
 * **Details**
 *
 * | row | verdict |
 * | --- | --- |
 * | output or a tool call has been given to the app | Unsafe |
 * | the call declares effects and the request may have arrived, and the provider has not said that it did not run it | Unsafe |
 * | the attempt never started on a connection | Safe |
 * | the provider's own "not run", in its own shape | Safe |
 * | status 421 | Safe |
 * | any other error status | Ambiguous |
 * | HTTP/2 REFUSED_STREAM, or GOAWAY below our stream | Safe; Ambiguous behind a proxy |
 * | reused connection closed without a response byte | Ambiguous |
 * | no response byte | Ambiguous |
 * | response begun, nothing exposed | Ambiguous |
 * | evidence unknown | Ambiguous |
 *
 * **Example**
 *
 * ```ts
 * import { Evidence, Verdict } from "@holdfast/core"
 *
 * const judgement = Verdict.judge({
 *   evidence: Evidence.unsent,
 *   exposure: "nothing",
 *   declaration: "unknown"
 * })
 * judgement.verdict // => "Safe"
 * judgement.rule // => "not-started"
 * ```
 */
export const judge = ({ evidence, exposure, declaration }: Facts): Judgement => {
  if (exposure !== "nothing") return unsafe("exposed")
  const arrived = Evidence.mayHaveArrived(evidence)
  // A provider's own refusal is the one proof that a request which did arrive ran nothing.
  if (Declaration.hasEffects(declaration) && arrived && evidence.notRun !== true) return unsafe("may-have-effects")
  if (!arrived) return safe("not-started")
  if (evidence.notRun === true) return safe("refused-by-provider")
  if (evidence.status === misdirected) return safe("misdirected")
  if (isError(evidence.status)) return ambiguous("answered-with-error")
  if (evidence._tag === "Unknown") {
    return ambiguous(evidence.status === undefined ? "unknown-evidence" : "begun-not-exposed")
  }
  if (evidence.unprocessed !== undefined) {
    return evidence.proxied === true ? ambiguous("unprocessed-behind-proxy") : safe("unprocessed")
  }
  if (evidence.bytesRead > 0) return ambiguous("begun-not-exposed")
  return ambiguous(evidence.connection?.reused === true && byPeer(evidence) ? "stale-connection" : "lost-before-answer")
}

const isError = (status: number | undefined): boolean => status !== undefined && status >= 400

const byPeer = (evidence: Evidence.Observed): boolean =>
  evidence.closed === "peer-fin" || evidence.closed === "peer-reset"

const rank: { readonly [V in Verdict]: number } = { Safe: 0, Ambiguous: 1, Unsafe: 2 }

/** The worst of two verdicts: replaying a call replays every attempt of it. */
export const worst = (a: Verdict, b: Verdict): Verdict => (rank[a] >= rank[b] ? a : b)

/**
 * Whether a call with this verdict may be replayed, and on what ground: `proven`, or `assumed` because the call is
 * declared repeatable.
 */
export const mayReplay = (verdict: Verdict, declaration: Declaration.Declaration): "proven" | "assumed" | "no" => {
  switch (verdict) {
    case "Safe":
      return "proven"
    case "Ambiguous":
      return declaration === "repeatable" ? "assumed" : "no"
    case "Unsafe":
      return "no"
  }
}
