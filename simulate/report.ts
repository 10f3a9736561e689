/** What came of the fleets, as tables and as lines of JSON. */
import Table from "cli-table3"
import * as Outcome from "./outcome.ts"
import type { Name, Report } from "./simulation.ts"

const names: ReadonlyArray<Name> = ["holdfast", "naive", "sdk"]

/** Tables for a person. */
export const tables = (report: Report): string => {
  const fleets = draw(
    ["", ...names],
    lines.map(([title, read]) => [title].concat(names.map((name) => read(report[name]))))
  )
  return [fleets, ...names.map((name) => providers(name, report[name]))].join("\n")
}

/** Lines of JSON: the details of each fleet, then the one that holds the numbers of all. */
export const json = (report: Report): string =>
  [
    ...names.map((name) => ({ fleet: name, ...report[name] })),
    Object.fromEntries(names.map((name) => [name, Outcome.brief(report[name])]))
  ]
    .map((line) => JSON.stringify(line))
    .join("\n")

const count = (value: number): string => value.toLocaleString("en-US")
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

const lines: ReadonlyArray<readonly [string, (details: Outcome.Details) => string]> = [
  ["turns", ({ turns }) => count(turns)],
  ["completed", ({ completed, turns }) => `${count(completed)} (${share(completed, turns)})`],
  ["turns run again", ({ reruns }) => count(reruns)],
  ["duplicate side effects", ({ duplicateSideEffects }) => count(duplicateSideEffects)],
  ["swaps", ({ swaps }) => count(swaps)],
  ["of them silent", ({ silentSwaps }) => count(silentSwaps)],
  ["calls", ({ calls }) => count(calls)],
  ["attempts", ({ attempts, calls }) => `${count(attempts)} (${(attempts / Math.max(1, calls)).toFixed(3)} a call)`],
  ["half of the calls within", ({ p50Ms }) => seconds(p50Ms)],
  ["99% of the calls within", ({ p99Ms }) => seconds(p99Ms)],
  ["load on the primary while down", ({ loadWhileDown }) => `${loadWhileDown.toFixed(2)} of usual`],
  [
    "attempts to calls and floor, worst 10 s down",
    ({ peakAttemptsRatioWhileDown }) => peakAttemptsRatioWhileDown.toFixed(2)
  ],
  ["use of a retry budget, worst 10 s", ({ peakBudgetUse }) => peakBudgetUse.toFixed(2)],
  [
    "calls given up",
    ({ gaveUp }) =>
      Object.entries(gaveUp)
        .map(([why, times]) => `${why} ${count(times)}`)
        .join("\n")
  ]
]

const share = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(2)}%`

const providers = (name: Name, { providers }: Outcome.Details): string =>
  draw(
    [name, "calls", "attempts", "run", "429", "retries", "budget use", "down", "attempts/s down", "attempts/s up"],
    providers.map((each) => [
      each.provider,
      count(each.calls),
      count(each.attempts),
      count(each.ran),
      count(each.limited),
      count(each.retries),
      each.peakBudgetUse.toFixed(2),
      `${(each.downSeconds / 60).toFixed(0)} min`,
      each.perSecondDown.toFixed(2),
      each.perSecondUp.toFixed(2)
    ])
  )

const draw = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index === 0 ? "left" : "right")),
    // Colours would be noise in a file.
    style: { head: [], border: [], compact: true }
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}
