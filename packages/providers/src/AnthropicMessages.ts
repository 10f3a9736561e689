/** The wire format of Anthropic's Messages API: `POST /v1/messages`. */
import type { Declaration } from "@holdfast/core/Declaration"
import type { Codec, ModelCall } from "./Codec.ts"
import { decode } from "./internal/anthropic/decode.ts"
import { classify } from "./internal/anthropic/errors.ts"
import { encode } from "./internal/anthropic/request.ts"
import { makeStreamDecoder } from "./internal/anthropic/stream.ts"

// Messages leaves nothing behind at Anthropic; tools of Anthropic's own come in through these fields alone.
const declare = ({ params }: ModelCall): Declaration =>
  "tools" in params || "mcp_servers" in params || "container" in params ? "provider-tools" : "repeatable"

/** The wire format of Anthropic's Messages API. */
export const codec: Codec = {
  api: "anthropic-messages",
  path: "/v1/messages",
  framing: "sse",
  endMarker: "message_stop",
  declare,
  encode,
  decode,
  makeStreamDecoder,
  classify
}
