/** A whole Anthropic answer as response parts. */
import * as Reason from "@holdfast/core/Reason"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import * as Json from "../json.ts"
import { classifyInBand } from "./errors.ts"
import { finishPart } from "./finish.ts"

/** The parts of an answer, or why it is none. */
export const decode = (
  body: unknown,
  reading: Reading = plain
): Result.Result<Array<Response.PartEncoded>, Reason.Reason> => {
  const message = Json.object(body)
  if (message["type"] === "error") return Result.fail(classifyInBand(message, reading))
  if (message["type"] !== "message" || !Array.isArray(message["content"])) {
    return Result.fail(malformed("not a message of Anthropic's"))
  }
  const parts: Array<Response.PartEncoded> = [metadataPart(message)]
  const unread = new Set<string>()
  for (const [index, value] of message["content"].entries()) {
    const block = Json.object(value)
    const part = blockPart(index, block)
    if (typeof part === "string") return Result.fail(malformed(part))
    if (part === undefined) {
      unread.add(Json.string(block["type"]) ?? "unknown")
    } else {
      parts.push(part)
    }
  }
  parts.push(finishPart(Json.string(message["stop_reason"]), Json.object(message["usage"]), unread))
  return Result.succeed(parts)
}

const malformed = (detail: string): Reason.Reason => new Reason.MalformedResponse({ what: "json", detail })

/** Who answers, from a message or a `message_start`. */
export const metadataPart = (message: Json.Json): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  id: Json.string(message["id"]),
  modelId: Json.string(message["model"]),
  timestamp: undefined
})

/** The part for a block; none for one that is not passed on, a complaint for one that makes no sense. */
const blockPart = (index: number, block: Json.Json): Response.PartEncoded | string | undefined => {
  switch (block["type"]) {
    case "text":
      return { type: "text", text: Json.string(block["text"]) ?? "" }
    case "thinking":
      return {
        type: "reasoning",
        text: Json.string(block["thinking"]) ?? "",
        metadata: { anthropic: { signature: Json.string(block["signature"]) ?? null } }
      }
    case "redacted_thinking":
      return {
        type: "reasoning",
        text: "",
        metadata: { anthropic: { redactedData: Json.string(block["data"]) ?? null } }
      }
    case "tool_use": {
      const tool = toolOf(index, block)
      return typeof tool === "string" ? tool : { type: "tool-call", ...tool, params: block["input"] ?? {} }
    }
    default:
      return undefined
  }
}

/** Which tool a block calls, or a complaint if it does not say. */
export const toolOf = (index: number, block: Json.Json): { readonly id: string; readonly name: string } | string => {
  const name = Json.string(block["name"])
  return name ? { id: Json.string(block["id"]) || `toolu_${index}`, name } : "a tool call has no name"
}
