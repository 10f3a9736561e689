/** How an Anthropic answer finished and what it cost. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** effect's word for Anthropic's `stop_reason`. */
export const finishReason = (stop: string | undefined): Response.FinishReason => {
  switch (stop) {
    case "end_turn":
    case "stop_sequence":
      return "stop"
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length"
    case "tool_use":
      return "tool-calls"
    case "pause_turn":
      return "pause"
    case "refusal":
      return "content-filter"
    default:
      return "unknown"
  }
}

/** Token counts. Anthropic counts cached input apart from `input_tokens`. */
export const usage = (raw: Json.Json): typeof Response.Usage.Encoded => {
  const uncached = Json.int(raw["input_tokens"])
  const cacheRead = Json.int(raw["cache_read_input_tokens"])
  const cacheWrite = Json.int(raw["cache_creation_input_tokens"])
  const output = Json.int(raw["output_tokens"])
  const reasoning = Json.int(Json.object(raw["output_tokens_details"])["thinking_tokens"])
  return {
    inputTokens: { uncached, total: Json.sum(uncached, cacheRead, cacheWrite), cacheRead, cacheWrite },
    outputTokens: {
      total: output,
      text: reasoning === undefined ? undefined : Json.less(output, reasoning),
      reasoning
    }
  }
}

/** The last part of every answer. `unread` names the kinds of blocks that are not passed on. */
export const finishPart = (
  stop: string | undefined,
  raw: Json.Json,
  unread: ReadonlySet<string>
): Response.FinishPartEncoded => ({
  type: "finish",
  reason: finishReason(stop),
  usage: usage(raw),
  metadata: {
    anthropic: { stopReason: stop ?? null, ...(unread.size === 0 ? undefined : { unread: [...unread] }) }
  }
})
