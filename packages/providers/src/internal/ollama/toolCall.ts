/** A model's request to call a function, which Ollama gives out whole. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/**
 * The id of a call that has none, as most have: made of when its answer began and its place there, so that it is the same
 * whenever the answer is read, and no other answer's.
 */
export const idOf = (first: Json.Json, index: number): string => {
  const began = (Json.string(first["created_at"]) ?? "").replace(/\D/g, "").slice(0, 24)
  return began === "" ? `call_${index}` : `call_${began}_${index}`
}

/** The part for a call, or a complaint about one that makes no sense. */
export const toolCallPart = (call: Json.Json, madeId: string): Response.ToolCallPartEncoded | string => {
  const callee = Json.object(call["function"])
  const name = Json.string(callee["name"])
  if (!name) return "a tool call has no name"
  const params = paramsOf(callee["arguments"])
  if (params === undefined) return "the arguments of a tool call are no object"
  return { type: "tool-call", id: Json.string(call["id"]) || madeId, name, params }
}

/** Arguments are an object; some servers that speak like Ollama write it down as text. */
const paramsOf = (value: unknown): Json.Json | undefined => {
  if (value === undefined || value === null || value === "") return {}
  if (typeof value !== "string") return Json.isObject(value) ? value : undefined
  const parsed = Json.parse(value)
  return parsed._tag === "Success" && Json.isObject(parsed.success) ? parsed.success : undefined
}
