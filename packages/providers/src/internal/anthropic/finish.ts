/** How an Anthropic answer finished and what it cost. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"
import type { Kept } from "./blocks.ts"
import { scalars } from "./blocks.ts"

/** How an answer ended, as far as it is known by now. */
export interface Ending {
  readonly stop: string | undefined
  /** The sequence of the app's that stopped it. */
  readonly sequence: string | undefined
  /** Why it was refused. */
  readonly details: Readonly<Record<string, Kept>> | undefined
  /** Where code of Anthropic's ran. */
  readonly container: Container | undefined
}

interface Container {
  readonly id: string
  readonly expiresAt: string | undefined
}

/** What a message, or the change at its end, says of how it ended; `before` is what was known. */
export const endingOf = (said: Json.Json, before?: Ending): Ending => ({
  stop: Json.string(said["stop_reason"]) ?? before?.stop,
  sequence: Json.string(said["stop_sequence"]) ?? before?.sequence,
  details: Json.isObject(said["stop_details"]) ? scalars(said["stop_details"]) : before?.details,
  container: containerOf(Json.object(said["container"])) ?? before?.container
})

const containerOf = (raw: Json.Json): Container | undefined => {
  const id = Json.string(raw["id"])
  return id === undefined ? undefined : { id, expiresAt: Json.string(raw["expires_at"]) }
}

/** effect's word for Anthropic's `stop_reason`. */
export const finishReason = (stop: string | undefined): Response.FinishReason => {
  switch (stop) {
    case "end_turn":
    case "stop_sequence":
    // A summary was asked for, and has been given.
    case "compaction":
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

/** What of the usage has no place among token counts: what else is paid for, and how. */
const usageKept = (raw: Json.Json): Record<string, Kept> => {
  const hour = Json.int(Json.object(raw["cache_creation"])["ephemeral_1h_input_tokens"])
  const tools = scalars(Json.object(raw["server_tool_use"]))
  const tier = Json.string(raw["service_tier"])
  return {
    // Writes that are kept for an hour cost more than those that are kept for five minutes.
    ...(hour ? { cacheWriteHour: hour } : undefined),
    ...(Object.keys(tools).length === 0 ? undefined : { serverToolUse: tools }),
    ...(tier === undefined ? undefined : { serviceTier: tier })
  }
}

/** The last part of every answer. `unread` names the kinds of blocks that are not passed on. */
export const finishPart = (
  { container, details, sequence, stop }: Ending,
  raw: Json.Json,
  unread: ReadonlySet<string>
): Response.FinishPartEncoded => ({
  type: "finish",
  reason: finishReason(stop),
  usage: usage(raw),
  metadata: {
    anthropic: {
      stopReason: stop ?? null,
      ...(sequence === undefined ? undefined : { stopSequence: sequence }),
      ...(details === undefined ? undefined : { stopDetails: details }),
      ...(container === undefined
        ? undefined
        : { container: { id: container.id, expiresAt: container.expiresAt ?? null } }),
      ...usageKept(raw),
      ...(unread.size === 0 ? undefined : { unread: [...unread] })
    }
  }
})
