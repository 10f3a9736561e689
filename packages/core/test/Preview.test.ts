import { assert, describe, it } from "@effect/vitest"
import { InvalidInput } from "@holdfast/core/InvalidInput"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Preview from "@holdfast/core/Preview"
import * as Result from "effect/Result"

const keys = [
  "sk-ant-api03-abcdefghijkl",
  "sk-proj-abcdefghijkl",
  "gsk_abcdefghijkl",
  "AIzaSyabcdefghijkl",
  "Bearer abcdefghijkl",
  "eyJhbGciOi.eyJzdWIiOi.abcdefghijkl"
]

describe("scrub", () => {
  it.each(keys)("leaves nothing of %s", (key) => {
    for (const text of [key, `wrong key: ${key}.`, `{"key":"${key}"}`]) {
      assert.notInclude(Preview.scrub(text), "abcdefghijkl")
    }
  })

  it("keeps what is no key", () => {
    const text = "The model claude-opus-4-7 is overloaded; ask again (skip-cache: no)."
    assert.strictEqual(Preview.scrub(text), text)
  })

  it("cuts, and does not show the beginning of a key at the cut", () => {
    assert.strictEqual(Preview.scrub("x".repeat(1000)).length, Preview.longest + 3)
    assert.notInclude(Preview.scrub(`${"x ".repeat(145)}${keys[0]}`), "ant")
  })
})

describe("a model reference that cannot be read", () => {
  it.each(["sk-ant-api03-abcdefghijkl", "abcdefghijkl0123456789abcdef0123"])(
    "does not repeat a key that was pasted in its place: %s",
    (key) => {
      const problem = Result.getOrThrow(Result.flip(ModelRef.parse(key)))
      assert.instanceOf(problem, InvalidInput)
      assert.notInclude(problem.message, "abcdefghijkl")
    }
  )
})
