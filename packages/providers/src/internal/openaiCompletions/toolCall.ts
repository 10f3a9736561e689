/** A model's request to call a function, whole or in pieces. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** A call as far as it has come. */
export interface Call {
  readonly id: string
  readonly name: string
  /** The text of the arguments, to its end or as far as it came. */
  readonly text: string
}

/** The part for a call; none for one that a cut answer left half written, a complaint for one that makes no sense. */
export const toolCallPart = (call: Call, cutShort: boolean): Response.ToolCallPartEncoded | string | undefined => {
  if (call.text === "" && cutShort) return undefined
  const params = Json.parse(call.text === "" ? "{}" : call.text)
  if (params._tag === "Failure") return cutShort ? undefined : "the arguments of a tool call are not JSON"
  if (call.name === "") return "a tool call has no name"
  return { type: "tool-call", id: call.id, name: call.name, params: params.success }
}

/** The text of arguments. Some servers send the object itself. */
export const argumentsOf = (callee: Json.Json): string => {
  const args = callee["arguments"]
  return typeof args === "string" ? args : Json.isObject(args) ? JSON.stringify(args) : ""
}

/** The id of a call that came without one: unlike those of other answers, which stand in the same conversation. */
export const idOf = (answer: string | undefined, place: number): string => `${answer || "call"}_${place}`
