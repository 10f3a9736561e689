/**
 * How much of a streamed answer is held back before the app gets any of it.
 *
 * Until then a failed attempt is replaced and leaves no trace; after it, nothing is replayed. Holding back costs latency:
 * the app sees its first part when the last of those held back has come.
 */
import * as Schema from "effect/Schema"
import type { Problem } from "./InvalidInput.ts"

/**
 * - `first-content`: until the first content. It costs nothing.
 * - `{ parts }`, `{ bytes }`: until so many parts or bytes of content, so much later than the first as the model needs to
 *   write them.
 * - `tool-call`: until the first tool call is complete, or the end; text before it comes late.
 * - `whole`: until the answer is complete. It streams no more; a failure anywhere in it is replaced.
 *
 * What is held back is bounded, see {@link longestBytes}: beyond that the app gets it, whatever it was held for.
 */
export const Hold = Schema.Union([
  Schema.Literals(["first-content", "tool-call", "whole"]),
  Schema.Struct({ parts: Schema.Int }),
  Schema.Struct({ bytes: Schema.Int })
])

/** How much of a streamed answer is held back. */
export type Hold = typeof Hold.Type

/** The most that is held back of one stream, in bytes as its parts are counted: 4 MiB, an answer of a million tokens. */
export const longestBytes = 4 * 1024 * 1024

/** The most parts that are held back of one stream. */
export const longestParts = 100_000

/** What is wrong with a hold. */
export const problems = (hold: Hold, place: string): ReadonlyArray<Problem> => {
  if (typeof hold === "string") return []
  const [what, amount, most] =
    "parts" in hold ? ["parts", hold.parts, longestParts] : ["bytes", hold.bytes, longestBytes]
  if (Number.isSafeInteger(amount) && amount >= 1 && amount <= most) return []
  return [
    {
      kind: "InvalidOption",
      place: `${place}.${what}`,
      expected: `a whole number from 1 to ${most}`,
      found: String(amount)
    }
  ]
}
