import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { DeltaTemplate } from "../src/internal/answer/deltaTemplate.ts"

const chunk = (content: unknown, more: object = {}) =>
  JSON.stringify({ id: "chatcmpl-1", choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })

const event = (data: string) => `event: x\ndata: ${data}\n\n`

const learn = (data: string, text: string) => DeltaTemplate.learn(event(data), { member: "content", text })

/** The string of an event that stands behind another and before a third, found as a whole. */
const read = (data: string, template = learn(chunk("Hello"), "Hello")): string | undefined => {
  const stream = `${event("{}")}${event(data)}${event("[]")}`
  const end = template?.find(stream, event("{}").length)
  if (end === undefined) return undefined
  assert.strictEqual(end, event("{}").length + event(data).length)
  return template?.text
}

const raw = (text: string, id = "7") => `data: ${chunk(text)}\nid: ${id}\n\n`

const other = (content: string) => JSON.stringify({ id: "x", note: 'content":"x"', content })

describe("a template of deltas", () => {
  it("reads the one string that differs", () => {
    assert.strictEqual(read(chunk(" world")), " world")
    assert.strictEqual(read(chunk("")), "")
    assert.strictEqual(read(chunk("Hello")), "Hello")
  })

  it("reads what is escaped as JSON has it", () => {
    for (const text of ['"', "\\", "\n\t", "a\\", '","finish_reason":"stop', "é🌊\u2028", "\u0000", "\\u0041"]) {
      assert.strictEqual(read(chunk(text)), text)
    }
    assert.strictEqual(read(chunk("A").replace('"A"', String.raw`"\u0041\/"`)), "A/")
  })

  it("leaves alone what differs in more", () => {
    assert.isUndefined(read(chunk(null)))
    assert.isUndefined(read(chunk(7)))
    assert.isUndefined(read(chunk("x", { id: "chatcmpl-2" })))
    assert.isUndefined(read(chunk("x").replace("null", '"stop"')))
    assert.isUndefined(read(chunk("x").replace('"x"', '"x","role":"assistant"')))
    assert.isUndefined(read(chunk("x").replace('"x"', String.raw`"\q"`)))
    assert.isUndefined(read(chunk("x").replace('"x"', '"\u0001"')))
    assert.isUndefined(read(chunk("Hello").slice(0, -1)))
    assert.isUndefined(read(""))
  })

  it("leaves alone an event that is not whole, of another kind, or of more lines", () => {
    const template = learn(chunk("Hello"), "Hello")
    const whole = event(chunk("x"))
    for (let end = 0; end < whole.length; end++) assert.isUndefined(template?.find(whole.slice(0, end), 0))
    assert.isUndefined(template?.find(whole.replace("event: x", "event: y"), 0))
    assert.isUndefined(template?.find(whole.replace(/\n\n$/, "\nid: 7\n\n"), 0))
    assert.isUndefined(template?.find(whole.replace('"x"', '"x\ny"'), 0))
  })

  it("reads events that end with more lines than their data", () => {
    const template = DeltaTemplate.learn(raw("Hello"), { member: "content", text: "Hello" })
    assert.strictEqual(template?.find(raw("x"), 0), raw("x").length)
    assert.strictEqual(template?.text, "x")
    assert.isUndefined(template?.find(raw("x", "8"), 0))
  })

  it("learns nothing where the string could be another member's", () => {
    const twice = JSON.stringify({ a: { content: "x" }, b: { content: "x" } })
    assert.isUndefined(learn(twice, "x"))
    assert.isUndefined(learn(chunk('"'), '"'))
    assert.isUndefined(learn(chunk(""), ""))
    assert.isUndefined(learn('{"content":  "x"}', "x"))
    // The same text as another member's value, or within a string, is none of it.
    assert.strictEqual(read(other("y"), learn(other("x"), "x")), "y")
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
      const found = read(chunk(text, { id }).replace("null", JSON.stringify(finish)), learn(chunk(learnt), learnt))
      if (found !== undefined) assert.deepStrictEqual([found, finish, id], [text, null, "chatcmpl-1"])
    },
    { arbitrary: { runs: 500 } }
  )
})
