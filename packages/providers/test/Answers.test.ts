import { assert, describe, it } from "@effect/vitest"
import * as Answers from "@holdfast/providers/Answers"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import { json, over, scripted, sse } from "./support/scripted.ts"
import { anthropic, openai } from "./support/wire.ts"

const swapped = { requested: anthropic.model, answered: openai.model, swap: "AuthenticationFailed" } as const
const refused = json(anthropic.error("authentication_error"), 401)

describe("who answered", () => {
  it.effect("is told by a response and by its parts", () => {
    const script = scripted(refused, json(openai.text("Hello.")))
    return Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt: "hi" })
      const by: Answers.AnsweredBy | undefined = Answers.of(response)
      assert.deepStrictEqual(by, swapped)
      const text = response.content.find((part) => part.type === "text")
      if (text === undefined) return assert.fail("no text")
      assert.deepStrictEqual(Answers.of(text), { ...swapped, swap: undefined })
      const finish = response.content.find((part) => part.type === "finish")
      if (finish === undefined) return assert.fail("no finish")
      assert.isUndefined(Answers.of(finish))
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("is told by a stream before its first content", () => {
    const script = scripted(refused, sse(openai.textStream("A", "B")))
    return Effect.gen(function* () {
      const told = yield* LanguageModel.streamText({ prompt: "hi" }).pipe(
        Stream.map((part) => [part.type, Answers.of(part)] as const),
        Stream.take(2),
        Stream.runCollect
      )
      assert.deepStrictEqual(told, [
        ["response-metadata", swapped],
        ["text-start", { ...swapped, swap: undefined }]
      ])
    }).pipe(Effect.provide(over(script, anthropic.model, { fallbacks: [openai.model] })))
  })

  it.effect("is the model that was asked where no other stood in", () => {
    const script = scripted(json(anthropic.text("Hello.")))
    return Effect.gen(function* () {
      const by = Answers.of(yield* LanguageModel.generateText({ prompt: "hi" }))
      assert.deepStrictEqual(by, { requested: anthropic.model, answered: anthropic.model, swap: undefined })
    }).pipe(Effect.provide(over(script, anthropic.model)))
  })

  it.each([
    [undefined],
    [{}],
    [{ openai: { requested: "a/b", answered: "a/b" } }],
    [{ holdfast: null }],
    [{ holdfast: { answered: "a/b" } }],
    [{ holdfast: { requested: "a/b", answered: 7 } }]
  ])("is not known from metadata that does not say it, such as %j", (metadata) => {
    const part = metadata === undefined ? { type: "text" } : { type: "text", metadata }
    assert.isUndefined(Answers.of(part))
    assert.isUndefined(Answers.of({ content: [] }))
  })

  it("has no reason that is none", () => {
    const holdfast = { requested: "a/b", answered: "a/c", swap: "NoSuchReason" }
    const by = Answers.of({ type: "response-metadata", metadata: { holdfast } })
    assert.deepStrictEqual(by, { requested: "a/b", answered: "a/c", swap: undefined })
  })
})
