/** Where in a turn a call stands, told from its prompt alone. */
import { assert, describe, it } from "@effect/vitest"
import * as ModelRef from "@holdfast/core/ModelRef"
import * as Turn from "@holdfast/core/Turn"
import * as Prompt from "effect/ai/Prompt"
import * as Response from "effect/ai/Response"
import * as Schema from "effect/Schema"

const opusRef = ModelRef.make("anthropic", "claude-opus-4-7")

const answeredBy = (model: string) => ({ holdfast: { answered: model } })

const user = (text: string): Prompt.MessageEncoded => ({ role: "user", content: text })

const called = (model?: string): Prompt.MessageEncoded => ({
  role: "assistant",
  content: [
    { type: "text", text: "Let me look." },
    {
      type: "tool-call",
      id: "call-1",
      name: "look",
      params: {},
      ...(model === undefined ? undefined : { options: answeredBy(model) })
    }
  ]
})

const said = (options: Prompt.ProviderOptions): Prompt.MessageEncoded => ({
  role: "assistant",
  content: [{ type: "text", text: "Let me look.", options }]
})

const result: Prompt.MessageEncoded = {
  role: "tool",
  content: [{ type: "tool-result", id: "call-1", name: "look", isFailure: false, result: "seen" }]
}

const moment = (...messages: ReadonlyArray<Prompt.MessageEncoded>): Turn.Moment =>
  Turn.fromPrompt(Prompt.make(messages), opusRef)

describe("fromPrompt is at the start of a turn", () => {
  it("for an empty prompt", () => {
    assert.deepStrictEqual(moment(), { at: "start", answered: undefined })
  })

  it("for a prompt that ends in a user message", () => {
    assert.deepStrictEqual(moment(user("Hello")), { at: "start", answered: undefined })
  })

  it("for a user message after a whole turn that another model answered", () => {
    const told = moment(user("Look"), called("openai/gpt-5.5"), result, user("And now?"))
    assert.deepStrictEqual(told, { at: "start", answered: undefined })
  })

  it("for a prompt that ends in an assistant message", () => {
    assert.strictEqual(moment(user("Look"), called("openai/gpt-5.5")).at, "start")
  })
})

describe("fromPrompt is in the middle of a turn for a prompt that ends in tool results", () => {
  it("and names the model whose parts say that it answered", () => {
    const told = moment(user("Look"), called("anthropic/claude-opus-4-7"), result)
    assert.deepStrictEqual(told, { at: "mid", answered: opusRef })
  })

  it("and names nobody where no part says so", () => {
    assert.deepStrictEqual(moment(user("Look"), called(), result), { at: "mid", answered: undefined })
  })

  it("and names nobody where what stands there is no model", () => {
    assert.deepStrictEqual(moment(user("Look"), called("opus"), result), { at: "mid", answered: undefined })
  })

  it("and names the model of the latest assistant message where several answered", () => {
    const told = moment(user("Look"), called("openai/gpt-5.5"), result, called("anthropic/claude-opus-4-7"), result)
    assert.deepStrictEqual(told, { at: "mid", answered: opusRef })
  })

  it("and names an earlier message's model of the same turn where the latest says nothing", () => {
    const told = moment(user("Look"), called("anthropic/claude-opus-4-7"), result, called(), result)
    assert.deepStrictEqual(told, { at: "mid", answered: opusRef })
  })

  it("and does not look beyond the user message that began the turn", () => {
    const told = moment(user("Look"), called("openai/gpt-5.5"), result, user("Again"), called(), result)
    assert.deepStrictEqual(told, { at: "mid", answered: undefined })
  })

  it("and reads model ids that hold slashes themselves", () => {
    const told = moment(user("Look"), called("openrouter/anthropic/claude-opus-4.7"), result)
    assert.deepStrictEqual(told.answered, ModelRef.make("openrouter", "anthropic/claude-opus-4.7"))
  })

  it("and ignores other providers' metadata and metadata of another shape", () => {
    for (const options of [{ anthropic: { answered: "a/b" } }, { holdfast: null }, { holdfast: { answered: 7 } }]) {
      assert.deepStrictEqual(moment(user("Look"), said(options), result), { at: "mid", answered: undefined })
    }
  })
})

describe("fromPrompt reads what a history keeps", () => {
  const history = Prompt.concat(
    Prompt.make("Look"),
    Prompt.fromResponseParts([
      Response.makePart("text-start", { id: "1", metadata: answeredBy("anthropic/claude-opus-4-7") }),
      Response.makePart("text-delta", { id: "1", delta: "Let me look." }),
      Response.makePart("text-end", { id: "1" }),
      Response.makePart("tool-call", { id: "call-1", name: "look", params: {}, providerExecuted: false }),
      Response.makePart("tool-result", {
        id: "call-1",
        name: "look",
        isFailure: false,
        result: "seen",
        encodedResult: "seen",
        providerExecuted: false,
        preliminary: false
      })
    ])
  )

  it("of response parts that carry the model in their metadata", () => {
    assert.deepStrictEqual(Turn.fromPrompt(history, opusRef), { at: "mid", answered: opusRef })
  })

  it("after a journey through JSON", () => {
    const json = JSON.stringify(Schema.encodeSync(Prompt.Prompt)(history))
    const back = Schema.decodeUnknownSync(Prompt.Prompt)(JSON.parse(json))
    assert.deepStrictEqual(Turn.fromPrompt(back, opusRef), { at: "mid", answered: opusRef })
  })
})

describe("fromPrompt tells answers apart by the model that was asked for", () => {
  const gptRef = ModelRef.make("openai", "gpt-5.5")
  const helped = said({ holdfast: { answered: "openai/gpt-5.5", requested: "openai/gpt-5.5" } })
  const stoodIn = said({ holdfast: { answered: "openai/gpt-5.5", requested: "anthropic/claude-opus-4-7" } })

  it("a helper's answer is its own", () => {
    assert.deepStrictEqual(moment(user("Look"), helped, result), { at: "mid", answered: undefined })
  })

  it("a stand-in's answer is the asked model's", () => {
    assert.deepStrictEqual(moment(user("Look"), stoodIn, helped, result), { at: "mid", answered: gptRef })
  })
})
