import { assert, describe, it } from "@effect/vitest"
import * as ConfigurationFile from "@holdfast/node/ConfigurationFile"
import * as Configuration from "@holdfast/providers/Configuration"
import { table } from "@holdfast/providers/ProviderTable"
import { readFileSync } from "node:fs"
import * as Result from "effect/Result"

const readmeOf = (name: string) => readFileSync(new URL(`../../${name}/README.md`, import.meta.url), "utf8")

const blocksOf = (name: string) => [...readmeOf(name).matchAll(/```json5\n([\s\S]*?)```/g)].map(([, text = ""]) => text)

describe("the README", () => {
  it.each(["holdfast", "providers"])("of %s shows configurations that can be", (name) => {
    const blocks = blocksOf(name)
    assert.isAbove(blocks.length, 0)
    for (const block of blocks) {
      const value = Result.getOrThrow(ConfigurationFile.parse(block, "README.md"))
      assert.deepStrictEqual(Result.getOrThrow(Configuration.decode(value, "README.md")).unknown, [])
    }
  })

  it("of providers names each provider with its formats and the variable of its key", () => {
    const rows = [...readmeOf("providers").matchAll(/^\| `([\w-]+)` +\| (`.*?`) +\| (.*?) +\|$/gm)]
      .filter(([, id]) => table.some((definition) => definition.id === id))
      .map(([, id, formats = "", key = ""]) => [id, formats.replaceAll("`", ""), /`(\w+)`/.exec(key)?.[1]])
    assert.deepStrictEqual(
      rows,
      table.map(({ codecs, id, keyVariables }) => [id, codecs.map(({ api }) => api).join(", "), keyVariables[0]])
    )
  })
})
