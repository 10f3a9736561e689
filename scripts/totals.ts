/** Counts a vitest report: names what was skipped and prints the totals as its last line. `totals.ts REPORT STATUS` */
import { readFileSync } from "node:fs"

interface Assertion {
  readonly fullName: string
  readonly status: string
}

interface Report {
  readonly success: boolean
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<Assertion>
  }>
}

const [path = "", runnerStatus = "1"] = process.argv.slice(2)
const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const read = (): Report | undefined => {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return undefined
  }
}

const report = read()
if (report === undefined) {
  print(`the runner left no report at ${path}`)
  print("0 passed, 1 failed, 0 skipped")
  process.exit(1)
}

const tests = report.testResults.flatMap((file) =>
  file.assertionResults.map((test) => ({ name: test.fullName, file: file.name, status: test.status }))
)
const skipped = tests.filter((test) => test.status === "skipped" || test.status === "todo")
for (const test of skipped) print(`skipped: ${test.name}`)

// What is still pending in the report was cut off with its process.
const cutOff = tests.filter((test) => test.status === "pending")
for (const test of cutOff) print(`did not end: ${test.name} (${test.file})`)

// A file that cannot be loaded has no tests to fail, and an error outside of any test fails none either.
const broken = report.testResults.filter(
  (file) =>
    file.status === "failed" && file.assertionResults.every((test) => !["failed", "pending"].includes(test.status))
)
for (const file of broken) print(`failed outside of its tests: ${file.name}`)
const passed = tests.filter((test) => test.status === "passed").length
const failed = tests.length - passed - skipped.length + broken.length
const passes = runnerStatus === "0" && report.success
if (!passes && failed === 0) print("the runner failed outside of any test: see above")

const lost = !passes && failed === 0 ? 1 : 0
print(`${passed} passed, ${failed + lost} failed, ${skipped.length} skipped`)
process.exit(passes ? 0 : 1)
