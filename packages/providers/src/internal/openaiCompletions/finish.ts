/** How a chat completion finished and what it cost. */
import * as Reason from "@holdfast/core/Reason"
import type * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import * as Json from "../json.ts"

/** effect's word for `finish_reason`. */
export const finishReason = (finish: string | undefined): Response.FinishReason => {
  switch (finish) {
    case "stop":
    // Together's, and Baidu's.
    case "eos":
    case "normal":
      return "stop"
    case "length":
    // Mistral's, and Z.AI's.
    case "model_length":
    case "model_context_window_exceeded":
      return "length"
    case "tool_calls":
    case "function_call":
      return "tool-calls"
    case "content_filter":
    // Z.AI's.
    case "sensitive":
      return "content-filter"
    default:
      return "unknown"
  }
}

/** Why an answer that finished in this way is none: the provider gave it up. */
export const givenUp = (finish: string | undefined, { provider = "openai" }: Reading): Reason.Reason | undefined => {
  const rule = `${provider}/finish-${finish}`
  switch (finish) {
    // DeepSeek ("Create chat completion", `finish_reason`).
    case "insufficient_system_resource":
      return new Reason.Overloaded({ rule })
    // OpenRouter, and Z.AI.
    case "error":
    case "network_error":
      return new Reason.ServerError({ rule, from: "provider" })
    default:
      return undefined
  }
}

/** Token counts. Cached input is counted within `prompt_tokens`, reasoning within `completion_tokens`. */
export const usage = (raw: Json.Json): typeof Response.Usage.Encoded => {
  const total = Json.int(raw["prompt_tokens"])
  const details = Json.object(raw["prompt_tokens_details"])
  const cacheRead =
    Json.int(details["cached_tokens"]) ??
    // DeepSeek's, and Moonshot's.
    Json.int(raw["prompt_cache_hit_tokens"]) ??
    Json.int(raw["cached_tokens"])
  // OpenRouter's.
  const cacheWrite = Json.int(details["cache_write_tokens"])
  const output = Json.int(raw["completion_tokens"])
  const reasoning = Json.int(Json.object(raw["completion_tokens_details"])["reasoning_tokens"])
  return {
    inputTokens: { uncached: Json.less(Json.less(total, cacheRead), cacheWrite), total, cacheRead, cacheWrite },
    outputTokens: { total: output, text: reasoning === undefined ? undefined : Json.less(output, reasoning), reasoning }
  }
}

/** The counts in an answer or a chunk: beside the choices, in the choice (Moonshot), or apart (Groq's compound). */
export const usageIn = (answer: Json.Json, choice: Json.Json): Json.Json | undefined => {
  for (const value of [answer["usage"], choice["usage"], Json.object(answer["x_groq"])["usage"]]) {
    if (Json.isObject(value)) return value
  }
  return undefined
}

/** What a finish is told from. */
export interface Finish {
  /** `finish_reason`, as it came. */
  readonly said: string | undefined
  /** The model's own word for it, behind a router. */
  readonly native?: string | undefined
  readonly serviceTier?: string | undefined
  readonly refused: boolean
  readonly usage: Json.Json
  readonly more: { readonly [name: string]: Schema.Json }
}

/** The last part of every answer. */
export const finishPart = ({
  more,
  native,
  refused,
  said,
  serviceTier,
  usage: raw
}: Finish): Response.FinishPartEncoded => {
  const { cost } = raw
  const reason = finishReason(said)
  return {
    type: "finish",
    // A refusal ends by itself, and is no answer.
    reason: refused && reason === "stop" ? "content-filter" : reason,
    usage: usage(raw),
    metadata: {
      openai: {
        finishReason: said ?? null,
        ...(native === undefined ? undefined : { nativeFinishReason: native }),
        ...(serviceTier === undefined ? undefined : { serviceTier }),
        ...(refused ? { refused } : undefined),
        // US dollars, as OpenRouter bills them.
        ...(typeof cost === "number" ? { cost } : undefined),
        ...more
      }
    }
  }
}
