/** Errors that come inside a response or a stream. */
import type * as Reason from "@holdfast/core/Reason"
import type { ErrorAnswer, Reading } from "../../Codec.ts"
import * as Json from "../json.ts"
import { classifyInBand } from "../openaiCompletions/errors.ts"

/** What an `error` event, a failed response, or an object with an `error` means. */
export const failureOf = (payload: Json.Json, reading: Reading): Reason.Reason =>
  classifyInBand({ error: errorOf(payload) }, reading)

/**
 * The error itself: under `error`, or, as the documented `error` event has it, among the event's own fields. The status
 * that some servers write beside it goes with it.
 */
const errorOf = (payload: Json.Json): unknown => {
  const { error } = payload
  if (typeof error === "string") return { message: error }
  const status = Json.int(payload["status"]) ?? Json.int(payload["status_code"])
  const own = Json.isObject(error) ? error : flat(payload)
  return status === undefined || "status_code" in own ? own : { ...own, status_code: status }
}

const flat = ({ code, message, param, type }: Json.Json): Json.Json => ({
  // The event's name is no type of error.
  type: type === "error" || type === "response.failed" || type === undefined ? "server_error" : type,
  code,
  message,
  param
})

/** ChatGPT's backend says some errors as `{"detail": "..."}` only: the same answer in the shape of the others. */
export const withDetail = (answer: ErrorAnswer): ErrorAnswer => {
  const { detail, error } = Json.objectIn(answer.body)
  return typeof detail === "string" && error === undefined
    ? { ...answer, body: JSON.stringify({ error: { message: detail } }) }
    : answer
}
