/** Texts cut into requests that a provider takes. */
import type { Batch } from "../../EmbeddingCodec.ts"

/** The smaller of each limit. */
export const smallest = (batches: ReadonlyArray<Batch>): Batch => {
  const bytes = batches.flatMap((batch) => (batch.bytes === undefined ? [] : [batch.bytes]))
  return {
    texts: Math.min(...batches.map(({ texts }) => texts)),
    ...(bytes.length === 0 ? undefined : { bytes: Math.min(...bytes) })
  }
}

/** The texts, in order, in as few batches as fit. A text that is larger than a batch stands alone. */
export const split = (texts: ReadonlyArray<string>, largest: Batch): ReadonlyArray<ReadonlyArray<string>> => {
  const batches: Array<ReadonlyArray<string>> = []
  let from = 0
  let bytes = 0
  for (const [at, text] of texts.entries()) {
    const size = largest.bytes === undefined ? 0 : sizeOf(text)
    if (at > from && (at - from >= largest.texts || bytes + size > (largest.bytes ?? 0))) {
      batches.push(texts.slice(from, at))
      from = at
      bytes = 0
    }
    bytes += size
  }
  if (from < texts.length) batches.push(texts.slice(from))
  return batches
}

const utf8 = new TextEncoder()

const sizeOf = (text: string): number => utf8.encode(text).length
