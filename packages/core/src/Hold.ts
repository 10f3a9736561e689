/**
 * How much of a streamed answer is held back before the app gets any of it.
 *
 * Until then a failed attempt is replaced and leaves no trace; after it, nothing is replayed. Holding back costs latency:
 * the app sees its first part when the last of those held back has come.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Problem } from "./InvalidInput.ts"
import { shown } from "./internal/shown.ts"

const Words = Schema.Literals(["first-content", "tool-call", "whole"])

/**
 * - `first-content`: until the first content. It costs nothing.
 * - `{ parts }`, `{ bytes }`: until so many parts or bytes of content, so much later than the first as the model needs to
 *   write them.
 * - `tool-call`: until the first tool call is complete, or the end; text before it comes late.
 * - `whole`: until the answer is complete. It streams no more; a failure anywhere in it is replaced.
 *
 * What is held back is bounded, see {@link longestBytes}: beyond that the app gets it, whatever it was held for. Where there
 * is no content in it, the attempt fails with `MalformedResponse` of `size` instead.
 */
export const Hold = Schema.Union([Words, Schema.Struct({ parts: Schema.Int }), Schema.Struct({ bytes: Schema.Int })])

/** How much of a streamed answer is held back. */
export type Hold = typeof Hold.Type

/** The most that is held back of one stream, in bytes as its parts are counted: 4 MiB, an answer of a million tokens. */
export const longestBytes = 4 * 1024 * 1024

/** The most parts that are held back of one stream. */
export const longestParts = 100_000

const most = { parts: longestParts, bytes: longestBytes }

/** What is wrong with a hold, or with what stands in the place of one. */
export const problems = (hold: unknown, place: string): ReadonlyArray<Problem> => {
  if (Schema.is(Words)(hold)) return []
  const [amount, ...further] = Predicate.isObject(hold) ? amountsIn(hold) : []
  if (amount === undefined || further.length > 0) {
    const words = Words.literals.map((word) => JSON.stringify(word)).join(", ")
    return [{ kind: "InvalidOption", place, expected: `one of ${words}, { parts } and { bytes }`, found: shown(hold) }]
  }
  const { found, name } = amount
  if (typeof found === "number" && Number.isSafeInteger(found) && found >= 1 && found <= most[name]) return []
  const expected = `a whole number from 1 to ${most[name]}`
  return [{ kind: "InvalidOption", place: `${place}.${name}`, expected, found: shown(found) }]
}

const amountsIn = (hold: { readonly [name: PropertyKey]: unknown }) =>
  (["parts", "bytes"] as const).flatMap((name) => (name in hold ? [{ name, found: hold[name] }] : []))
