/** A report in sentences: what was played, what was seen, and what it is worth. */
import type { Column, DemoReport } from "../../DemoReport.ts"
import { models } from "./scenario.ts"
import { count } from "./table.ts"

/** What stands above the table. */
export const intro = ({ seed, turns }: DemoReport): string =>
  `${count(turns)} agent turns through one storm of closing idle connections, twice; seed ${seed}.`

/** What stands below it. */
export const summary = (report: DemoReport): string => [caption, naiveSaw(report), holdfastSaw(report)].join("\n")

const caption =
  "Added latency is what a turn took beyond its tool's own work: four model calls and three entries in a ledger."

const naiveSaw = ({ naive, turns }: DemoReport): string =>
  naive.swapped === 0
    ? "The naive run lost its model in no turn, so this run proves nothing: ask for more --turns or another --seed."
    : `Naive: ${count(naive.swapped)} of ${count(turns)} turns that asked for ${models.primary} were answered by ` +
      `${models.fallback}, because a closed connection was taken for a timeout; nobody was told.`

const holdfastSaw = ({ holdfast, turns }: DemoReport): string =>
  broken(holdfast, turns).length === 0
    ? `Holdfast: it met ${count(holdfast.staleMet)} closed connections and repaired ${count(holdfast.staleRepaired)} ` +
      `on ${models.primary}; every turn stayed on its model and no side effect ran twice.`
    : `Holdfast did not keep its promise: ${broken(holdfast, turns).join(", ")}.`

/** What Holdfast promises and did not keep. */
const broken = ({ completed, duplicateSideEffects, swapped }: Column, turns: number): ReadonlyArray<string> => [
  ...(completed < turns ? [`${count(turns - completed)} turns were not completed`] : []),
  ...(swapped > 0 ? [`${count(swapped)} turns were answered by another model`] : []),
  ...(duplicateSideEffects > 0 ? [`${count(duplicateSideEffects)} side effects ran twice`] : [])
]
