/** A whole chat completion as response parts. */
import * as Reason from "@holdfast/core/Reason"
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import * as Json from "../json.ts"
import { cutShort } from "../cutShort.ts"
import { classifyInBand } from "./errors.ts"
import { finishPart, finishReason } from "./finish.ts"
import { toolCallPart } from "./toolCall.ts"

/** The parts of an answer, or why it is none. */
export const decode = (
  body: unknown,
  reading: Reading = plain
): Result.Result<Array<Response.PartEncoded>, Reason.Reason> => {
  const completion = Json.object(body)
  if (Json.isError(completion)) return Result.fail(classifyInBand(completion, reading))
  const choice = firstChoice(completion)
  const finish = Json.string(choice["finish_reason"])
  const message = choice["message"]
  // A filter may leave no message at all.
  if (!Json.isObject(message) && finish === undefined) return Result.fail(malformed("not a chat completion"))
  const parts: Array<Response.PartEncoded> = [metadataPart(completion)]
  const problem = messageParts(Json.object(message), cutShort(finishReason(finish)), parts)
  if (problem !== undefined) return Result.fail(malformed(problem))
  parts.push(finishPart(finish, Json.object(completion["usage"])))
  return Result.succeed(parts)
}

const malformed = (detail: string): Reason.Reason => new Reason.MalformedResponse({ what: "json", detail })

/** The only choice that is asked for. Parameters of the app's may ask for more, which nobody reads. */
export const firstChoice = (completion: Json.Json): Json.Json => {
  for (const value of Json.array(completion["choices"])) {
    const choice = Json.object(value)
    if ((Json.int(choice["index"]) ?? 0) === 0) return choice
  }
  return Json.object(undefined)
}

/** Appends the parts of a message, or says what is wrong with it. */
const messageParts = (message: Json.Json, cut: boolean, out: Array<Response.PartEncoded>): string | undefined => {
  const reasoning = Json.string(message["reasoning_content"]) ?? Json.string(message["reasoning"])
  if (reasoning) out.push({ type: "reasoning", text: reasoning })
  const text = Json.string(message["content"]) || Json.string(message["refusal"])
  if (text) out.push({ type: "text", text })
  for (const [index, call] of callsOf(message).entries()) {
    const callee = Json.object(call["function"])
    const id = Json.string(call["id"]) ?? `call_${index}`
    const name = Json.string(callee["name"]) ?? ""
    const part = toolCallPart({ id, name, text: Json.string(callee["arguments"]) ?? "" }, cut)
    if (typeof part === "string") return part
    if (part !== undefined) out.push(part)
  }
  return undefined
}

/** The tool calls of a message or a delta; `function_call` is how one was written before there were several. */
export const callsOf = (message: Json.Json): ReadonlyArray<Json.Json> => {
  const legacy = message["function_call"]
  return Json.isObject(legacy)
    ? [{ index: 0, function: legacy }]
    : Json.array(message["tool_calls"]).map((call) => Json.object(call))
}

/** Who answers, from a completion or a chunk of one. */
export const metadataPart = (completion: Json.Json): Response.ResponseMetadataPartEncoded => {
  const created = Json.int(completion["created"])
  return {
    type: "response-metadata",
    id: Json.string(completion["id"]),
    modelId: Json.string(completion["model"]),
    timestamp: created === undefined ? undefined : isoOf(created)
  }
}

const isoOf = (seconds: number): string | undefined =>
  Option.getOrUndefined(Option.map(DateTime.make(seconds * 1000), DateTime.formatIso))
