/** Tests beside programs of the machine: where one is missing they are skipped under a name that says so, and CI fails. */
import { assert, describe, it } from "@effect/vitest"
import * as Program from "@holdfast/testing/Program"

/** Describes tests that need programs. A machine without them skips these, unless everything is required. */
export const describeWith = (programs: ReadonlyArray<string>, name: string, tests: () => void): void => {
  const missing = programs.filter((program) => Program.find(program) === undefined)
  if (missing.length === 0) {
    describe(name, tests)
  } else if (process.env["HOLDFAST_REQUIRE_ALL"] === "1") {
    it(name, () => assert.fail(`install ${missing.join(", ")}`))
  } else {
    describe.skip(`${name} (this machine has no ${missing.join(", no ")})`, tests)
  }
}
