/** The example of the README is a file that is type-checked, and prints what the README shows. */
import { assert, describe, it, vi } from "@effect/vitest"
import { readFileSync } from "node:fs"

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8")

const shown = /<!-- test\/readme\/explain\.ts -->\n\n```ts\n([^]*?)```\n\nIt prints:\n\n```text\n([^]*?)```\n/

describe("the README", () => {
  it("shows the table of an explanation as it is printed", async () => {
    const [, code, output] = shown.exec(read("../README.md")) ?? []
    assert.strictEqual(code, read("./readme/explain.ts"))
    const log = vi.spyOn(console, "log").mockImplementation(() => {})
    try {
      await import("./readme/explain.ts")
      assert.deepStrictEqual(log.mock.calls, [[output?.trimEnd()]])
    } finally {
      log.mockRestore()
    }
  })
})
