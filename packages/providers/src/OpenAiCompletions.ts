/** The wire format of OpenAI's Chat Completions, spoken by many: `POST /chat/completions` below the base URL. */
import type { Declaration } from "@holdfast/core/Declaration"
import type { Codec, ModelCall } from "./Codec.ts"
import { decode } from "./internal/openaiCompletions/decode.ts"
import { classify } from "./internal/openaiCompletions/errors.ts"
import { encode } from "./internal/openaiCompletions/request.ts"
import { makeStreamDecoder } from "./internal/openaiCompletions/stream.ts"

// These models search or run code by themselves: Groq's compound, OpenAI's search previews, OpenRouter's `:online`,
// Perplexity's sonar.
const runsTools = /\bcompound\b|-search-(preview|api)|:online$|\bsonar\b/

// `store` keeps the completion at OpenAI; tools of a provider's own come in through the other fields, or with the model.
const declare = ({ params }: ModelCall, model: string): Declaration => {
  if (params["store"] === true) return "changes-state"
  const asked = ["tools", "web_search_options", "plugins"].some((field) => field in params)
  return asked || runsTools.test(model) ? "provider-tools" : "repeatable"
}

/** The wire format of OpenAI's Chat Completions. */
export const codec: Codec = {
  api: "openai-completions",
  path: "/chat/completions",
  framing: "sse",
  endMarker: "[DONE]",
  declare,
  encode,
  decode,
  makeStreamDecoder,
  classify
}
