/** The examples of the README are files that are type-checked, and that print what they say they do. */
import { assert, describe, it, vi } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { inspect } from "node:util"

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8")

const readme = read("../README.md")

const named = [...readme.matchAll(/<!-- test\/readme\/(\w+)\.ts -->/g)].map(([, name = ""]) => name)

describe("the README", () => {
  it("has examples", () => {
    assert.isAtLeast(named.length, 10)
  })

  it.each(named)("shows %s as it runs", async (name) => {
    const text = read(`./readme/${name}.ts`)
    assert.include(readme, `<!-- test/readme/${name}.ts -->\n\n\`\`\`ts\n${text}\`\`\`\n`)
    const log = vi.spyOn(console, "log").mockImplementation(() => {})
    try {
      await import(`./readme/${name}.ts`)
      const expected = [...text.matchAll(/\/\/ => (.*)$/gm)].map(([, value]) => value)
      const printed = log.mock.calls.map(([value]) => (typeof value === "string" ? `"${value}"` : inspect(value)))
      assert.deepStrictEqual(printed, expected)
    } finally {
      log.mockRestore()
    }
  })
})
