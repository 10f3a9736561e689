/** How a chat completion finished and what it cost. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** effect's word for `finish_reason`. */
export const finishReason = (finish: string | undefined): Response.FinishReason => {
  switch (finish) {
    case "stop":
      return "stop"
    case "length":
      return "length"
    case "tool_calls":
    case "function_call":
      return "tool-calls"
    case "content_filter":
      return "content-filter"
    default:
      return "unknown"
  }
}

/** Token counts. Cached input is counted within `prompt_tokens`, reasoning within `completion_tokens`. */
export const usage = (raw: Json.Json): typeof Response.Usage.Encoded => {
  const total = Json.int(raw["prompt_tokens"])
  const cacheRead = Json.int(Json.object(raw["prompt_tokens_details"])["cached_tokens"])
  const output = Json.int(raw["completion_tokens"])
  const reasoning = Json.int(Json.object(raw["completion_tokens_details"])["reasoning_tokens"])
  return {
    inputTokens: { uncached: Json.less(total, cacheRead), total, cacheRead, cacheWrite: undefined },
    outputTokens: { total: output, text: reasoning === undefined ? undefined : Json.less(output, reasoning), reasoning }
  }
}

/** The last part of every answer. */
export const finishPart = (finish: string | undefined, raw: Json.Json): Response.FinishPartEncoded => ({
  type: "finish",
  reason: finishReason(finish),
  usage: usage(raw),
  metadata: { openai: { finishReason: finish ?? null } }
})
