/** How an answer of Ollama's finished and what it took. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** effect's word for `done_reason`; that tools are called is not said there, and older servers say nothing. */
const finishReason = (reason: string | undefined, calls: boolean): Response.FinishReason => {
  switch (reason) {
    case "length":
      return "length"
    case "stop":
    case undefined:
      return calls ? "tool-calls" : reason === undefined ? "unknown" : "stop"
    case "load":
    case "unload":
      // The answer to a conversation without messages.
      return "other"
    default:
      return "unknown"
  }
}

/**
 * The last part of every answer, from the line or the body that says `done`.
 *
 * A prompt that the server still had in memory may be counted in part or not at all, so that what was cached is not known.
 */
export const finishPart = (
  last: Json.Json,
  calls: boolean,
  unread: ReadonlySet<string>
): Response.FinishPartEncoded => {
  const reason = Json.string(last["done_reason"])
  return {
    type: "finish",
    reason: finishReason(reason, calls),
    usage: {
      inputTokens: {
        total: Json.int(last["prompt_eval_count"]),
        uncached: undefined,
        cacheRead: undefined,
        cacheWrite: undefined
      },
      outputTokens: { total: Json.int(last["eval_count"]), text: undefined, reasoning: undefined }
    },
    metadata: {
      ollama: {
        doneReason: reason ?? null,
        ...durations(last),
        ...(unread.size === 0 ? undefined : { unread: [...unread] })
      }
    }
  }
}

/** The server's own measurements; the wire has nanoseconds. */
const durations = (last: Json.Json) => {
  const measured: Record<string, number> = {}
  for (const [name, field] of fields) {
    const ns = Json.int(last[field])
    if (ns !== undefined) measured[name] = ns / 1e6
  }
  return measured
}

const fields = [
  ["totalMs", "total_duration"],
  ["loadMs", "load_duration"],
  ["promptEvalMs", "prompt_eval_duration"],
  ["evalMs", "eval_duration"]
] as const
