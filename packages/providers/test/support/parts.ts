/** Parts of an answer, looked at. */
import type * as Response from "effect/ai/Response"

/** A part of an answer, whole or streamed. */
export type Part = Response.StreamPartEncoded | Response.PartEncoded

/** The kinds of parts in order, runs of one kind once; `*` is what Anthropic ran, `!` what failed. */
export const shapeOf = (parts: ReadonlyArray<Part>): string => {
  const kinds: Array<string> = []
  for (const part of parts) {
    const name = "name" in part ? `:${part.name}` : ""
    const hosted = "providerExecuted" in part && part.providerExecuted === true ? "*" : ""
    const failed = "isFailure" in part && part.isFailure ? "!" : ""
    const kind = part.type + name + hosted + failed
    if (kinds.at(-1) !== kind) kinds.push(kind)
  }
  return kinds.join(" ")
}

/** The parts of a kind. */
export const of = <T extends Part["type"]>(
  parts: ReadonlyArray<Part>,
  type: T
): ReadonlyArray<Extract<Part, { type: T }>> =>
  parts.filter((part): part is Extract<Part, { type: T }> => part.type === type)

/** What a part keeps for Anthropic. */
export const own = (part: Part | undefined): Record<string, unknown> =>
  (part?.metadata?.["anthropic"] ?? {}) as Record<string, unknown>
