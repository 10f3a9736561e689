/**
 * What one read of the socket brought of one block, as one delta.
 *
 * Whoever comes after, `LanguageModel` first, works by the part. Nothing is held back for it: parts that come apart stay
 * apart.
 */
import type * as Arr from "effect/Array"
import type * as Response from "effect/ai/Response"

type Part = Response.StreamPartEncoded
type Delta = Extract<Part, { readonly type: "text-delta" | "reasoning-delta" | "tool-params-delta" }>

/** The parts, with neighbouring deltas of one block joined. */
export const joinDeltas = (parts: Arr.NonEmptyReadonlyArray<Part>): Arr.NonEmptyReadonlyArray<Part> => {
  const [first] = parts
  if (parts.length === 1) return parts
  const joined: Arr.NonEmptyArray<Part> = [first]
  let last: Part = first
  for (let at = 1; at < parts.length; at++) {
    const part = parts[at] as Part
    if (isDelta(part) && isDelta(last) && part.type === last.type && part.id === last.id) {
      last = joinedTo(last, part)
      joined[joined.length - 1] = last
    } else {
      last = part
      joined.push(part)
    }
  }
  return joined
}

const joinedTo = ({ delta, id, type }: Delta, next: Delta): Delta => ({ type, id, delta: delta + next.delta })

/** A delta that says nothing besides. */
const isDelta = (part: Part): part is Delta =>
  (part.type === "text-delta" || part.type === "reasoning-delta" || part.type === "tool-params-delta") &&
  part.metadata === undefined
