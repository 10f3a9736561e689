/** The examples of the README are tests that run. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as FaultScript from "../src/FaultScript.ts"
import * as TestTransport from "../src/TestTransport.ts"

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8")

const readme = read("../README.md")

describe("the README", () => {
  it.each(["examples/verdict.integration.test.ts", "examples/scripted.test.ts"])("shows %s as it runs", (path) => {
    assert.include(readme, `<!-- test/${path} -->\n\n\`\`\`ts\n${read(path)}\`\`\`\n`)
  })

  it("names every fault and every step there is, and none that there is not", () => {
    const prose = readme.replaceAll(/```[^]*?```/g, "")
    const quoted = Array.from(prose.matchAll(/`([^`]+)`/g), ([, text = ""]) => text)
    const words = new Set(quoted.flatMap((text) => text.split(/[^a-zA-Z]+/)))
    const constructors = [...Object.keys(FaultScript), ...Object.keys(TestTransport)].filter((name) =>
      /^[a-z]/.test(name)
    )
    const unnamed = constructors.filter((name) => !words.has(name))
    assert.deepStrictEqual(unnamed, ["isAtAccept", "make", "layer"])
    const called = quoted.flatMap((text) => /^([a-z]\w*)\(/.exec(text)?.[1] ?? [])
    assert.isAbove(called.length, 15)
    assert.deepStrictEqual(
      called.filter((name) => !constructors.includes(name)),
      []
    )
  })
})
