/** How a response finished and what it cost. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"
import { toMetadata } from "./metadata.ts"

/** What an answer held, as far as it tells how it finished. */
export interface Held {
  readonly calls: boolean
  readonly refusal: boolean
}

/** effect's word for a response's `status` and `incomplete_details`. */
export const finishReason = (response: Json.Json, held: Held): Response.FinishReason => {
  switch (response["status"]) {
    case "completed":
    case undefined:
      return held.calls ? "tool-calls" : held.refusal ? "content-filter" : "stop"
    case "incomplete":
      return incomplete(reasonOf(response))
    case "queued":
    case "in_progress":
      // In the background it goes on without us.
      return "pause"
    default:
      return "other"
  }
}

const incomplete = (reason: string | undefined): Response.FinishReason => {
  switch (reason) {
    case "max_output_tokens":
      return "length"
    case "content_filter":
      return "content-filter"
    default:
      return "other"
  }
}

const reasonOf = (response: Json.Json): string | undefined =>
  Json.string(Json.object(response["incomplete_details"])["reason"])

/** Token counts. Cached input, read and written, is counted within `input_tokens`, reasoning within `output_tokens`. */
export const usage = (raw: Json.Json): typeof Response.Usage.Encoded => {
  const total = Json.int(raw["input_tokens"])
  const input = Json.object(raw["input_tokens_details"])
  const cacheRead = Json.int(input["cached_tokens"])
  const cacheWrite = Json.int(input["cache_write_tokens"])
  const output = Json.int(raw["output_tokens"])
  const reasoning = Json.int(Json.object(raw["output_tokens_details"])["reasoning_tokens"])
  return {
    inputTokens: { uncached: Json.less(total, Json.sum(cacheRead, cacheWrite)), total, cacheRead, cacheWrite },
    outputTokens: { total: output, text: reasoning === undefined ? undefined : Json.less(output, reasoning), reasoning }
  }
}

/** The last part of every answer. */
export const finishPart = (response: Json.Json, held: Held): Response.FinishPartEncoded => ({
  type: "finish",
  reason: finishReason(response, held),
  usage: usage(Json.object(response["usage"])),
  metadata: toMetadata({
    status: Json.string(response["status"]) ?? null,
    finishReason: reasonOf(response) ?? null,
    serviceTier: Json.string(response["service_tier"]),
    moderation: Json.isObject(response["moderation"]) ? response["moderation"] : undefined
  })
})
