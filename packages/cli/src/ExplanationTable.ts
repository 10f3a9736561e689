/**
 * What a policy would do with a call, as a table that a person reads: attempt by attempt, the waits between them, and the
 * end.
 */
import { label } from "@holdfast/core/Candidate"
import type { Decided, Explanation, Step } from "@holdfast/core/Explanation"
import Table from "cli-table3"
import { decided, ending, passedOver, time } from "./internal/explain/words.ts"

/**
 * Draws the table, and says below it what comes of it.
 *
 * **Details**
 *
 * A row is an attempt that fails, or a wait before the first one. A candidate is named where it is asked first. Times count
 * from the beginning of the call. Where a schedule leaves a wait to chance, the wait in the middle is shown, and between
 * which it is. The table has lines and no colours, so that it reads the same in a file. Several lines of text, without a
 * line break at the end.
 *
 * **Example**
 *
 * ```ts
 * import * as ExplanationTable from "@holdfast/cli/ExplanationTable"
 * import { FailoverPolicy } from "@holdfast/core"
 * import * as Effect from "effect/Effect"
 *
 * const opus = { provider: "anthropic", model: "claude-opus-4-7" }
 * const gpt = { provider: "openai", model: "gpt-5.5" }
 *
 * const explanation = Effect.runSync(
 *   FailoverPolicy.explain(FailoverPolicy.make(), { chain: [opus, gpt], failures: ["StaleConnection", "BillingExhausted"] })
 * )
 * ExplanationTable.render(explanation).split("\n").at(-1) // => "After 0 s, attempt 3 asks openai/gpt-5.5."
 * ```
 */
export const render = (explanation: Explanation): string => {
  const table = new Table({
    head: ["", "at", "asked", "fails with", "verdict", "then"],
    colAligns: ["right", "right"],
    // Colours would be noise in a file.
    style: { head: [], border: [], compact: true }
  })
  for (const each of explanation.before) table.push(["", time(each.atMs), "", "", "", then([each])])
  for (const [at, step] of explanation.steps.entries()) table.push(row(step, explanation.steps[at - 1]))
  const { end } = explanation
  if (end._tag === "Asks") table.push([end.attempt, time(end.atMs), label(end.candidate), "", "", ""])
  return `${table.toString()}\n${ending(explanation)}`
}

/** A candidate is named where it is asked first. */
const row = (step: Step, before: Step | undefined): Array<string | number> => [
  step.attempt,
  time(step.startedAtMs),
  step.index === before?.index ? "" : label(step.candidate),
  step.failedAtMs > step.startedAtMs ? `${step.reason} after ${time(step.failedAtMs - step.startedAtMs)}` : step.reason,
  `${step.verdict} (${step.rule})`,
  then(step.decisions)
]

const then = (decisions: ReadonlyArray<Decided>): string =>
  decisions
    .flatMap((each) => [decided(each), ...("skipped" in each.decision ? each.decision.skipped.map(passedOver) : [])])
    .join("\n")
