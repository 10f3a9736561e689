/** The wire format of OpenAI's Responses API: `POST /responses` below the base URL. */
import type { Declaration } from "@holdfast/core/Declaration"
import type { Codec, ModelCall } from "./Codec.ts"
import { decode } from "./internal/openaiResponses/decode.ts"
import { encode } from "./internal/openaiResponses/request.ts"
import { makeStreamDecoder } from "./internal/openaiResponses/stream.ts"
import { isRunThere } from "./internal/prompt/providerTools.ts"
import * as Json from "./internal/json.ts"
import { classify } from "./internal/openaiCompletions/errors.ts"

// Research models search by themselves, as OpenRouter's `:online` and Perplexity's sonar do.
const runsTools = /deep-research|-search-(preview|api)|:online$|\bsonar\b/

/** Tools whose calls come to the app. */
const appsOwn: ReadonlySet<unknown> = new Set(["function", "custom"])

/**
 * What is stored, goes on in the background or adds to a conversation changes something at OpenAI; `previous_response_id`
 * stands on what was stored there. A stored prompt may bring tools of its own.
 */
export const declare = ({ params, tools }: ModelCall, model: string): Declaration => {
  if (params["store"] === true || params["background"] === true) return "changes-state"
  if (isSet(params["conversation"]) || isSet(params["previous_response_id"])) return "changes-state"
  const hosted = Json.array(params["tools"]).some((tool) => !appsOwn.has(Json.object(tool)["type"]))
  return hosted || tools.some(isRunThere) || isSet(params["prompt"]) || runsTools.test(model)
    ? "provider-tools"
    : "repeatable"
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null

/** The wire format of OpenAI's Responses API. */
export const codec: Codec = {
  api: "openai-responses",
  path: "/responses",
  framing: "sse",
  endMarker: "response.completed",
  declare,
  encode,
  decode,
  makeStreamDecoder,
  classify
}
