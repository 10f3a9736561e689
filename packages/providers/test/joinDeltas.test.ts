import { assert, describe, it } from "@effect/vitest"
import type * as Arr from "effect/Array"
import * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import { joinDeltas } from "../src/internal/answer/joinDeltas.ts"

type Part = Response.StreamPartEncoded

const text = (id: string, delta: string, metadata?: Response.ProviderMetadata): Part => ({
  type: "text-delta",
  id,
  delta,
  ...(metadata === undefined ? undefined : { metadata })
})

/** In UTF-16: two deltas may hold half a character each. */
const letters = (parts: ReadonlyArray<Part>) =>
  parts.flatMap((part) => ("delta" in part ? part.delta.split("").map((letter) => [part.type, part.id, letter]) : []))

describe("deltas of one read", () => {
  it("are one where they are of one block and kind", () => {
    assert.deepStrictEqual(
      joinDeltas([{ type: "text-start", id: "0" }, text("0", "a"), text("0", "b"), text("0", "c")]),
      [{ type: "text-start", id: "0" }, text("0", "abc")]
    )
  })

  it("stay apart where they are of two blocks, of two kinds, or say something besides", () => {
    const parts: Arr.NonEmptyReadonlyArray<Part> = [
      text("0", "a"),
      text("1", "b"),
      { type: "reasoning-delta", id: "1", delta: "c" },
      text("1", "d", { openai: { logprob: -1 } }),
      text("1", "e"),
      { type: "text-end", id: "1" },
      text("1", "f")
    ]
    assert.deepStrictEqual(joinDeltas(parts), parts)
  })

  it.prop(
    "say together what they said apart, in the order in which they said it",
    [
      Schema.NonEmptyArray(
        Schema.Struct({
          type: Schema.Literals(["text-delta", "reasoning-delta", "tool-params-delta"]),
          id: Schema.Literals(["0", "1"]),
          delta: Schema.String
        })
      )
    ],
    ([parts]) => {
      const joined = joinDeltas(parts)
      assert.deepStrictEqual(letters(joined), letters(parts))
      assert.deepStrictEqual(joinDeltas(joined), joined)
    }
  )
})
