/** Writes the parts of packages/core/README.md that are made of the code; with `--check` it compares alone. */
import { readFileSync, writeFileSync } from "node:fs"
import { written } from "../packages/core/test/policyTables.ts"

const path = "packages/core/README.md"
const before = readFileSync(path, "utf8")
const after = written(before)

if (after === undefined) {
  process.stderr.write(`${path} has lost the marks between which the default policy stands\n`)
  process.exitCode = 1
} else if (after !== before && process.argv.includes("--check")) {
  process.stderr.write(`${path} does not show the default policy as it is. Run ./scripts/tables and commit.\n`)
  process.exitCode = 1
} else if (after !== before) {
  writeFileSync(path, after)
}
