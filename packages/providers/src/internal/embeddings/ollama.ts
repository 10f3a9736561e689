/** Embeddings in Ollama's own format: `POST /api/embed` (github.com/ollama/ollama, docs/openapi.yaml). */
import * as Result from "effect/Result"
import type { EmbeddingCodec } from "../../EmbeddingCodec.ts"
import * as Json from "../json.ts"
import { classify, classifyInBand } from "../ollama/errors.ts"

/**
 * Ollama names no limit. All texts of a request are embedded before it answers; so many keep an answer within seconds on
 * a machine without a GPU.
 */
const texts = 512

/** Ollama's own format. */
export const ollama: EmbeddingCodec = {
  path: "/api/embed",
  largestBatch: () => ({ texts }),
  encode: ({ dimensions, model, params, texts }) => ({
    ...params,
    model,
    input: texts,
    ...(dimensions === undefined ? undefined : { dimensions })
  }),
  decode: (body, reading) => {
    const answer = Json.object(body)
    if (Json.isError(answer)) return Result.fail(classifyInBand(answer, reading))
    const vectors = answer["embeddings"]
    if (!Array.isArray(vectors)) {
      return Result.fail(Json.malformed("no embeddings of Ollama's"))
    }
    return Result.succeed({ vectors, inputTokens: Json.int(answer["prompt_eval_count"]) })
  },
  classify
}
