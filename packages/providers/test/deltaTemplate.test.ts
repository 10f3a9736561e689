import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { DeltaTemplate } from "../src/internal/answer/deltaTemplate.ts"

const chunk = (content: unknown, more: object = {}) =>
  JSON.stringify({ id: "chatcmpl-1", choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })

const taught = () => {
  const template = new DeltaTemplate("content")
  template.learn(chunk("Hello"), "Hello")
  return template
}

const other = (content: string) => JSON.stringify({ id: "x", note: 'content":"x"', content })

describe("a template of deltas", () => {
  it("reads the one string that differs", () => {
    assert.strictEqual(taught().read(chunk(" world")), " world")
    assert.strictEqual(taught().read(chunk("")), "")
    assert.strictEqual(taught().read(chunk("Hello")), "Hello")
  })

  it("reads what is escaped as JSON has it", () => {
    for (const text of ['"', "\\", "\n\t", "a\\", '","finish_reason":"stop', "é🌊\u2028", "\u0000", "\\u0041"]) {
      assert.strictEqual(taught().read(chunk(text)), text)
    }
    assert.strictEqual(taught().read(chunk("A").replace('"A"', String.raw`"\u0041\/"`)), "A/")
  })

  it("leaves alone what differs in more", () => {
    assert.isUndefined(taught().read(chunk(null)))
    assert.isUndefined(taught().read(chunk(7)))
    assert.isUndefined(taught().read(chunk("x", { id: "chatcmpl-2" })))
    assert.isUndefined(taught().read(chunk("x").replace("null", '"stop"')))
    assert.isUndefined(taught().read(chunk("x").replace('"x"', '"x","role":"assistant"')))
    assert.isUndefined(taught().read(chunk("x").replace('"x"', String.raw`"\q"`)))
    assert.isUndefined(taught().read(chunk("x").replace('"x"', '"\u0001"')))
    assert.isUndefined(taught().read(chunk("Hello").slice(0, -1)))
    assert.isUndefined(taught().read(""))
  })

  it("reads nothing before it has learnt", () => {
    assert.isUndefined(new DeltaTemplate("content").read(chunk("x")))
  })

  it("learns nothing where the string could be another member's", () => {
    const twice = JSON.stringify({ a: { content: "x" }, b: { content: "x" } })
    const template = new DeltaTemplate("content")
    template.learn(twice, "x")
    template.learn(chunk('"'), '"')
    template.learn(chunk(""), "")
    template.learn('{"content":  "x"}', "x")
    for (const text of [twice, chunk("y"), '{"content":  "x"}']) assert.isUndefined(template.read(text))
    // The same text as another member's value, or within a string, is none of it.
    template.learn(other("x"), "x")
    assert.strictEqual(template.read(other("y")), "y")
  })

  it.prop(
    "reads of any text what JSON reads of it, or nothing",
    {
      learnt: Schema.String,
      text: Schema.String,
      finish: Schema.NullOr(Schema.Literal("stop")),
      id: Schema.Literals(["chatcmpl-1", "x"])
    },
    ({ finish, id, learnt, text }) => {
      const template = new DeltaTemplate("content")
      template.learn(chunk(learnt), learnt)
      const next = chunk(text, { id }).replace("null", JSON.stringify(finish))
      const read = template.read(next)
      if (read !== undefined) assert.deepStrictEqual([read, finish, id], [text, null, "chatcmpl-1"])
    },
    { arbitrary: { runs: 500 } }
  )
})
