/**
 * Changes verdict and decision in every small way that Stryker knows, and sees whether a test notices.
 *
 * Fails if a mutant survives that `explained.ts` does not explain, or if what is explained there no longer survives.
 */
import { spawnSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import type { Explained } from "./explained.ts"
import { explained } from "./explained.ts"

const reportFile = ".cache/mutation-report.json"

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

interface Position {
  readonly line: number
  readonly column: number
}

interface Mutant {
  readonly status: string
  readonly mutatorName: string
  readonly replacement?: string
  readonly location: { readonly start: Position; readonly end: Position }
}

/** The parts of Stryker's report (mutation-testing-report-schema) that are read. */
interface Report {
  readonly files: { readonly [file: string]: { readonly source: string; readonly mutants: ReadonlyArray<Mutant> } }
}

/** A mutant that no test noticed, in words. */
type Survivor = Omit<Explained, "why"> & { readonly at: string; readonly mutator: string }

const survivorOf = (file: string, source: string, mutant: Mutant): Survivor => {
  const lines = source.split("\n")
  const { end, start } = mutant.location
  const touched = lines.slice(start.line - 1, end.line)
  // The end first: a mutant may stand within one line.
  touched[touched.length - 1] = (touched.at(-1) ?? "").slice(0, end.column - 1)
  touched[0] = (touched[0] ?? "").slice(start.column - 1)
  return {
    file,
    at: `${file}:${start.line}:${start.column}`,
    line: (lines[start.line - 1] ?? "").trim(),
    mutator: mutant.mutatorName,
    original: touched.join("\n"),
    replacement: mutant.replacement ?? ""
  }
}

const isOf = (each: Omit<Explained, "why">, survivor: Survivor): boolean =>
  each.file === survivor.file &&
  each.line === survivor.line &&
  each.original === survivor.original &&
  each.replacement === survivor.replacement

const run = (options: ReadonlyArray<string>, env: Readonly<Record<string, string>>): Report["files"] => {
  rmSync(reportFile, { force: true })
  const ran = spawnSync("stryker", ["run", "mutation/stryker.config.json", ...options], {
    stdio: "inherit",
    env: { ...process.env, ...env }
  })
  if (ran.status !== 0) process.exit(ran.status ?? 1)
  return (JSON.parse(readFileSync(reportFile, "utf8")) as Report).files
}

interface Met {
  readonly mutant: Mutant
  readonly survivor: Survivor
}

const metIn = (files: Report["files"]): ReadonlyArray<Met> =>
  Object.entries(files).flatMap(([file, { mutants, source }]) =>
    mutants.map((mutant) => ({ mutant, survivor: survivorOf(file, source, mutant) }))
  )

const lived = ({ status }: Mutant): boolean => status === "Survived" || status === "NoCoverage"

const isExplained = (survivor: Survivor): boolean => explained.some((each) => isOf(each, survivor))

const linesOf = ({ mutant: { location }, survivor: { file } }: Met): string =>
  `${file}:${location.start.line}-${location.end.line}`

/** What the quick tests let live, tried again on the grids of hundreds of thousands of decisions. */
const onGrids = (suspects: ReadonlyArray<Met>): ReadonlyArray<Met> => {
  if (suspects.length === 0) return []
  const lines = [...new Set(suspects.map(linesOf))].join(",")
  const again = metIn(run(["--mutate", lines, "--timeoutMS", "120000"], { HOLDFAST_MUTATION_TESTS: "grids" }))
  return suspects.filter(({ survivor }) =>
    again.some((met) => met.survivor.at === survivor.at && isOf(met.survivor, survivor) && lived(met.mutant))
  )
}

const files = run(process.argv.slice(2), {})
const all = metIn(files)
const withStatus = (...statuses: ReadonlyArray<string>) => all.filter(({ mutant }) => statuses.includes(mutant.status))

const first = withStatus("Survived", "NoCoverage")
const onDecision = ({ survivor }: Met) => /\/(decide|shares)\.ts$/.test(survivor.file) && !isExplained(survivor)
const suspects = first.filter(onDecision)
const escaped = onGrids(suspects)
const caught = suspects.filter((met) => !escaped.includes(met))
const survivors = first.filter((met) => !caught.includes(met)).map(({ survivor }) => survivor)
const unexplained = survivors.filter((survivor) => !isExplained(survivor))
// On a busy machine one that survives may run out of time.
const notKilled = withStatus("Survived", "NoCoverage", "Timeout")
// With a range of lines (`FILE:FROM-TO`) the rest of a file has no mutants.
const isWhole = !process.argv.some((each) => /:\d/.test(each))
const stale = explained.filter(
  (each) => isWhole && each.file in files && !notKilled.some(({ survivor }) => isOf(each, survivor))
)

for (const survivor of survivors) {
  const known = explained.find((each) => isOf(each, survivor))
  say(`${known === undefined ? "survived" : "explained"} ${survivor.at} ${survivor.mutator}`)
  say(`  - ${survivor.original.replaceAll("\n", "\n    ")}`)
  say(`  + ${survivor.replacement.replaceAll("\n", "\n    ")}`)
  if (known !== undefined) say(`  ${known.why}`)
}
for (const each of stale) {
  say(
    `does not survive, take it out of mutation/explained.ts: ${each.file}\n  - ${each.original}\n  + ${each.replacement}`
  )
}
for (const [file, { mutants }] of Object.entries(files)) {
  const count = survivors.filter((survivor) => survivor.file === file).length
  say(`${file}: ${mutants.length} mutants, ${count} survived`)
}
if (survivors.length > unexplained.length) {
  say(`${survivors.length - unexplained.length} of the survivors are explained in mutation/explained.ts`)
}
// A mutant with which a test file does not even load is noticed as well.
const killed = withStatus("Killed", "RuntimeError", "CompileError").length + caught.length
say(`${killed} killed, ${survivors.length} survived, ${withStatus("Timeout").length} timed out`)
process.exit(unexplained.length > 0 || stale.length > 0 ? 1 : 0)
