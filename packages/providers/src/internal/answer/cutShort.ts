/** Whether an answer was cut short, so that its last tool call may be half written. */
import type * as Response from "effect/ai/Response"

/** Whether an answer that finished for this reason was cut short. */
export const cutShort = (reason: Response.FinishReason): boolean => reason === "length" || reason === "content-filter"
