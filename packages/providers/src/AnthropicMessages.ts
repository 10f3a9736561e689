/**
 * The wire format of Anthropic's Messages API: `POST /v1/messages`.
 *
 * Besides the request's own fields, `params` may hold `betas`, the trial features to ask for. Tools that Anthropic runs
 * come in through `params.tools` or, to see their calls as parts, as `Tool.providerDefined` whose id is
 * `anthropic.<type>` and whose arguments are named as Anthropic names them.
 */
import type { Declaration } from "@holdfast/core/Declaration"
import type { Codec, ModelCall } from "./Codec.ts"
import { decode } from "./internal/anthropic/decode.ts"
import { classify } from "./internal/anthropic/errors.ts"
import { encode } from "./internal/anthropic/request.ts"
import { makeStreamDecoder } from "./internal/anthropic/stream.ts"
import { isRunThere } from "./internal/prompt/providerTools.ts"

// Messages leaves nothing behind at Anthropic; tools of Anthropic's own come in through these fields, or in a toolkit.
const declare = ({ params, tools }: ModelCall): Declaration =>
  "tools" in params || "mcp_servers" in params || "container" in params || tools.some(isRunThere)
    ? "provider-tools"
    : "repeatable"

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
