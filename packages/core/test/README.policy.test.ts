import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { written } from "./policyTables.ts"

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")

describe("the README", () => {
  it("shows the default policy as it is: else ./scripts/tables writes it", () => {
    assert.strictEqual(readme, written(readme))
  })

  it("is found to differ in any row and any value", () => {
    const rows = readme
      .split("\n")
      .filter((line) => /^(\| \w+ +\| (request|model|credential|endpoint|provider)|- `)/.test(line))
    assert.isAbove(rows.length, 30)
    for (const row of rows) {
      const changed = readme.replace(row, row.replace(/\w+(?=\W*$)/, "otherwise"))
      assert.strictEqual(written(changed), readme, row)
    }
  })

  it("cannot do without the marks", () => {
    assert.isUndefined(written("# @holdfast/core"))
  })
})
