/** A report as a table, side by side. */
import Table from "cli-table3"
import type { Column, DemoReport } from "../../DemoReport.ts"

const rows: ReadonlyArray<readonly [label: string, key: keyof Column]> = [
  ["turns completed", "completed"],
  ["turns answered by another model", "swapped"],
  ["  of these announced", "announcedSwaps"],
  ["requests run twice (server's count)", "duplicateRuns"],
  ["side effects run twice (server's count)", "duplicateSideEffects"],
  ["stale connections met", "staleMet"],
  ["  avoided", "staleAvoided"],
  ["  repaired on the same model", "staleRepaired"],
  ["added latency a turn, p50", "p50Ms"],
  ["added latency a turn, p99", "p99Ms"]
]

/** Draws the table. */
export const draw = ({ holdfast, naive }: DemoReport): string => {
  const table = new Table({
    head: ["", "naive", "Holdfast"],
    colAligns: ["left", "right", "right"],
    // Colours would be noise in a file.
    style: { head: [], border: [], compact: true }
  })
  for (const [label, key] of rows) table.push([label, show(key, naive[key]), show(key, holdfast[key])])
  return table.toString()
}

const show = (key: keyof Column, value: number): string =>
  key === "p50Ms" || key === "p99Ms" ? `${value.toFixed(1)} ms` : count(value)

/** A number as it is read: `1,000`. */
export const count = (value: number): string => value.toLocaleString("en-US")
