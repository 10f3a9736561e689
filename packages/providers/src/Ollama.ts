/** The wire format of Ollama's own API: `POST /api/chat`, whose streams are lines of JSON. */
import type { Declaration } from "@holdfast/core/Declaration"
import type { Codec } from "./Codec.ts"
import { decode } from "./internal/ollama/decode.ts"
import { classify } from "./internal/ollama/errors.ts"
import { encode } from "./internal/ollama/request.ts"
import { makeStreamDecoder } from "./internal/ollama/stream.ts"

// The server runs the model and nothing else, and keeps nothing of a conversation.
const declare = (): Declaration => "repeatable"

/** The wire format of Ollama's own API. */
export const codec: Codec = {
  api: "ollama",
  path: "/api/chat",
  framing: "ndjson",
  endMarker: '"done":true',
  declare,
  encode,
  decode,
  makeStreamDecoder,
  classify
}
