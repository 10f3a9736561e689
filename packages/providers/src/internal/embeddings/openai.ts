/** Embeddings in OpenAI's format: `POST /embeddings`, which many providers speak. */
import * as Result from "effect/Result"
import type { Batch, EmbeddingCodec } from "../../EmbeddingCodec.ts"
import * as Json from "../json.ts"
import { classify, classifyInBand } from "../openaiCompletions/errors.ts"

interface Options {
  readonly largestBatch: (model: string) => Batch
  /** Whether a model can be told how long its vectors are to be. */
  readonly takesDimensions: (model: string) => boolean
}

const make = ({ largestBatch, takesDimensions }: Options): EmbeddingCodec => ({
  path: "/embeddings",
  largestBatch,
  encode: ({ dimensions, model, params: { encoding_format: _encoding, ...params }, texts }) => ({
    ...params,
    model,
    input: texts,
    ...(dimensions === undefined || !takesDimensions(model) ? undefined : { dimensions })
  }),
  decode: (body, reading) => {
    const answer = Json.object(body)
    if (Json.isError(answer)) return Result.fail(classifyInBand(answer, reading))
    const data = answer["data"]
    if (!Array.isArray(data)) return Result.fail(Json.malformed("no list of embeddings"))
    const vectors = inOrder(data.map(Json.object))
    if (vectors === undefined) return Result.fail(Json.malformed("the embeddings are not numbered one after another"))
    return Result.succeed({ vectors, inputTokens: Json.int(Json.object(answer["usage"])["prompt_tokens"]) })
  },
  classify
})

/** The vectors by their `index`; as they came where none has one; nothing where the numbers are no order. */
const inOrder = (items: ReadonlyArray<Json.Json>): ReadonlyArray<unknown> | undefined => {
  if (items.every((item) => item["index"] === undefined)) return items.map((item) => item["embedding"])
  const vectors = new Map<number, unknown>()
  for (const item of items) {
    const index = Json.int(item["index"])
    if (index === undefined || index < 0 || index >= items.length || vectors.has(index)) return undefined
    vectors.set(index, item["embedding"])
  }
  return items.map((_, index) => vectors.get(index))
}

/**
 * 2048 texts and 300,000 tokens (platform.openai.com/docs, "Create embeddings"). No token is shorter than a byte, so that
 * as many bytes always fit.
 */
const openaiBatch: Batch = { texts: 2048, bytes: 300_000 }

/** OpenAI's own. `dimensions` came with the third generation. */
export const openai: EmbeddingCodec = make({
  largestBatch: () => openaiBatch,
  takesDimensions: (model) => !model.startsWith("text-embedding-ada")
})

/** OpenRouter hands on to several makers (openrouter.ai/docs, "Embeddings"), of whom OpenAI's limits are known. */
export const openrouter: EmbeddingCodec = make({
  largestBatch: () => openaiBatch,
  takesDimensions: (model) => !model.includes("text-embedding-ada")
})

/** 16 texts, of `tao-8k` one; the length of vectors cannot be chosen (cloud.baidu.com/doc/qianfan-api, "Embeddings"). */
export const qianfan: EmbeddingCodec = make({
  largestBatch: (model) => ({ texts: model === "tao-8k" ? 1 : 16 }),
  takesDimensions: () => false
})

/**
 * 64 texts (docs.bigmodel.cn, "Text embedding"). That is the maker's platform in China, which has the same paths; what it
 * says of embeddings is not said of api.z.ai.
 */
export const zai: EmbeddingCodec = make({
  largestBatch: () => ({ texts: 64 }),
  takesDimensions: (model) => model !== "embedding-2"
})
