/** Errors of Ollama's own API: `{"error":"<text>"}` (github.com/ollama/ollama, docs/api.md, "Errors"). */
import type { Format } from "../errors/errorAnswer.ts"
import { classifyAs, classifyInBandAs } from "../errors/errorAnswer.ts"
import { ollamaErrors } from "../errors/ollama.ts"
import { openaiTypes, openaiWords } from "../errors/openai.ts"
import * as Json from "../json.ts"

const fields: ReadonlySet<string> = new Set(["error", "signin_url"])

const format: Format = {
  speaker: "ollama",
  words: [...ollamaErrors, ...openaiWords],
  types: openaiTypes,
  // A sentence and nothing else: others say "unauthorized" in this place.
  isOwn: (body) => /\s/.test(Json.string(body["error"]) ?? "") && Object.keys(body).every((name) => fields.has(name)),
  isOwnId: () => false,
  // What it answers before a model is asked. Others share the shape, so no status of a proxy's is among them.
  notRun: new Set([400, 404])
}

/** What an error answer of Ollama's means. */
export const classify = classifyAs(format)

/** What an error line inside a stream, or an error inside a 200, means. */
export const classifyInBand = classifyInBandAs(format)
