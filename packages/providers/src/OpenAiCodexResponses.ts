/** The wire format of ChatGPT's backend for Codex: the Responses API, streamed always, kept never. */
import type { Codec } from "./Codec.ts"
import { encode } from "./internal/openaiResponses/codex.ts"
import { withDetail } from "./internal/openaiResponses/errors.ts"
import * as OpenAiResponses from "./OpenAiResponses.ts"

/** The wire format of ChatGPT's backend for Codex. */
export const codec: Codec = {
  ...OpenAiResponses.codec,
  api: "openai-codex-responses",
  path: "/codex/responses",
  alwaysStreams: true,
  encode,
  classify: (answer, reading) => OpenAiResponses.codec.classify(withDetail(answer), reading)
}
