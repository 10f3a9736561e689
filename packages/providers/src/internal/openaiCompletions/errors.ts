/**
 * Errors in OpenAI's shape, which many providers speak: `{"error":{"message","type","param","code"}}`
 * (platform.openai.com/docs, "Error codes").
 */
import type { Format } from "../errors/errorAnswer.ts"
import { classifyAs, classifyInBandAs, notRunStatuses } from "../errors/errorAnswer.ts"
import { openaiTypes, openaiWords } from "../errors/openai.ts"
import * as Json from "../json.ts"

const format: Format = {
  speaker: "openai",
  words: openaiWords,
  types: openaiTypes,
  isOwn: (body) => {
    const error = Json.object(body["error"])
    return Json.string(error["message"]) !== undefined && ("code" in error || "type" in error)
  },
  // Other servers send x-request-id as well; OpenAI's ids have a form of their own.
  isOwnId: (headers) => headers["x-request-id"]?.startsWith("req_") === true,
  notRun: notRunStatuses
}

/** What an error answer in OpenAI's shape means. */
export const classify = classifyAs(format)

/** What an error object inside a 200 or a stream means. */
export const classifyInBand = classifyInBandAs(format)
