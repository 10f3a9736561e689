import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { DeltaTemplate } from "../src/internal/answer/deltaTemplate.ts"

const chunk = (content: unknown, more: object = {}) =>
  JSON.stringify({ id: "chatcmpl-1", choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more })

const event = (data: string) => `event: x\ndata: ${data}\n\n`

const learn = (data: string, text: string) => DeltaTemplate.learn(event(data), { member: "content", text })

/** The strings of the events from a place on, and where the last of them ends; nothing if there is none. */
const found = (template: DeltaTemplate | undefined, stream: string, at = 0) => {
  const texts: Array<string> = []
  const end = template?.read(stream, at, (text) => texts.push(text))
  assert.strictEqual(end === at, texts.length === 0)
  return texts.length === 0 ? undefined : { end, texts }
}

/** The string of an event that stands behind another and before a third, found as a whole. */
const read = (data: string, template = learn(chunk("Hello"), "Hello")): string | undefined => {
  const stream = `${event("{}")}${event(data)}${event("[]")}`
  const one = found(template, stream, event("{}").length)
  if (one === undefined) return undefined
  assert.strictEqual(one.end, event("{}").length + event(data).length)
  assert.lengthOf(one.texts, 1)
  return one.texts[0]
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
    for (let end = 0; end < whole.length; end++) assert.isUndefined(found(template, whole.slice(0, end)))
    assert.isUndefined(found(template, whole.replace("event: x", "event: y")))
    assert.isUndefined(found(template, whole.replace(/\n\n$/, "\nid: 7\n\n")))
    assert.isUndefined(found(template, whole.replace('"x"', '"x\ny"')))
  })

  it("reads events that end with more lines than their data", () => {
    const template = DeltaTemplate.learn(raw("Hello"), { member: "content", text: "Hello" })
    assert.deepStrictEqual(found(template, raw("x")), { end: raw("x").length, texts: ["x"] })
    assert.isUndefined(found(template, raw("x", "8")))
  })

  it("reads those that follow each other, as far as they are whole and alike", () => {
    const template = learn(chunk("Hello"), "Hello")
    const texts = [" kelp", "", 'a "rock"', "\\", "\n", " and"]
    const stream = texts.map((text) => event(chunk(text))).join("")
    const { length } = stream
    assert.deepStrictEqual(found(template, stream), { end: length, texts })
    const last = event(chunk(" storm"))
    for (let end = 0; end < last.length; end++) {
      assert.deepStrictEqual(found(template, stream + last.slice(0, end)), { end: length, texts })
    }
    for (const other of [event("{}"), event(chunk(null)), event(chunk("x").replace('"x"', String.raw`"\q"`))]) {
      assert.deepStrictEqual(found(template, stream + other + last), { end: length, texts })
    }
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
