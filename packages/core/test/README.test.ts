import { assert, describe, it } from "@effect/vitest"
import * as Core from "@holdfast/core"
import { readFileSync } from "node:fs"

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")

describe("the README", () => {
  it("names every module that the package exports, and none that it does not", () => {
    const named = [...readme.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name)
    assert.sameMembers(named, Object.keys(Core))
  })
})
