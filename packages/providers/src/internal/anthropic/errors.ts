/** Errors in Anthropic's shape: `{"type":"error","error":{"type","message"},"request_id"}` (docs.claude.com/en/api/errors). */
import type { Format } from "../errors/errorAnswer.ts"
import { classifyAs, classifyInBandAs, notRunStatuses } from "../errors/errorAnswer.ts"
import { anthropicWords } from "../errors/anthropic.ts"
import * as Json from "../json.ts"

const format: Format = {
  speaker: "anthropic",
  words: anthropicWords,
  types: [],
  isOwn: (body) => body["type"] === "error" && Json.string(Json.object(body["error"])["type"]) !== undefined,
  isOwnId: (headers) => headers["request-id"] !== undefined,
  notRun: notRunStatuses
}

/** What an error answer of Anthropic's means. */
export const classify = classifyAs(format)

/** What an error event inside a stream, or an error object inside a 200, means. */
export const classifyInBand = classifyInBandAs(format)
