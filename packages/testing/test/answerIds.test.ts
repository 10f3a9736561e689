import { assert, describe, it } from "@effect/vitest"
import type { Conversation, Thought } from "../src/internal/brain.ts"
import { makeBrain, textDiffers } from "../src/internal/brain.ts"

const asked: Conversation = {
  model: "a-model",
  stream: true,
  includeUsage: true,
  userText: "Say hello.",
  toolResults: 0,
  tools: ["act"]
}

const said = (thought: Thought): string => thought.pieces.join("")

describe("the text of an answer", () => {
  it("holds the answer's id wherever its configuration says {id}", () => {
    const think = makeBrain({ text: "{id} one {id} two", events: 3 }, undefined)
    assert.strictEqual(said(think(asked, "0a")), "0a one 0a two")
    assert.strictEqual(said(think(asked, "0b")), "0b one 0b two")
    assert.strictEqual(think(asked, "0a").pieces.length, 3)
  })

  it("is the same for every answer where it does not", () => {
    const think = makeBrain({ text: "one two" }, undefined)
    assert.deepStrictEqual(think(asked, "0a"), think(asked, "0b"))
    assert.isFalse(textDiffers({ text: "one two" }))
    assert.isFalse(textDiffers(undefined))
    assert.isTrue(textDiffers({ text: "one {id}" }))
  })
})
