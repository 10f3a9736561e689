/** A whole answer of Ollama's as response parts. */
import type * as Reason from "@holdfast/core/Reason"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import * as Json from "../json.ts"
import { classifyInBand } from "./errors.ts"
import { finishPart } from "./finish.ts"
import { idOf, toolCallPart } from "./toolCall.ts"

/** The parts of an answer, or why it is none. */
export const decode = (
  body: unknown,
  reading: Reading = plain
): Result.Result<Array<Response.PartEncoded>, Reason.Reason> => {
  const answer = Json.object(body)
  if (Json.isError(answer)) return Result.fail(classifyInBand(answer, reading))
  const message = answer["message"]
  if (!Json.isObject(message) || answer["done"] !== true)
    return Result.fail(Json.malformed("not a chat answer of Ollama's"))
  const parts: Array<Response.PartEncoded> = [metadataPart(answer)]
  const thought = Json.string(message["thinking"])
  if (thought) parts.push({ type: "reasoning", text: thought })
  const text = Json.string(message["content"])
  if (text) parts.push({ type: "text", text })
  const calls = Json.array(message["tool_calls"])
  for (const [index, value] of calls.entries()) {
    const part = toolCallPart(Json.object(value), idOf(answer, index))
    if (typeof part === "string") return Result.fail(Json.malformed(part))
    parts.push(part)
  }
  parts.push(finishPart(answer, calls.length > 0, unreadOf(message)))
  return Result.succeed(parts)
}

/** What a message holds that is not passed on. */
export const unreadOf = (message: Json.Json): ReadonlySet<string> =>
  Json.array(message["images"]).length === 0 ? nothing : images

const nothing: ReadonlySet<string> = new Set()
const images: ReadonlySet<string> = new Set(["images"])

/** Who answers, from an answer or the first line of one. Ollama gives answers no ids. */
export const metadataPart = (answer: Json.Json): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  id: undefined,
  modelId: Json.string(answer["model"]),
  timestamp: Json.timestamp(answer["created_at"])
})
