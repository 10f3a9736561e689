/** The parts of a stream as those of a whole answer. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

interface Open {
  readonly at: number
  readonly pieces: Array<string>
  metadata: Response.ProviderMetadata | undefined
}

/** Text and reasoning in one piece each, where they began; tool calls without their fragments. */
export const wholeOf = (parts: Iterable<Response.StreamPartEncoded>): Array<Response.PartEncoded> => {
  const whole: Array<Response.PartEncoded> = []
  const open = new Map<string, Open>()
  const begin = (part: Response.TextStartPartEncoded | Response.ReasoningStartPartEncoded) => {
    open.set(part.id, { at: whole.length, pieces: [], metadata: part.metadata })
    whole.push({ type: part.type === "text-start" ? "text" : "reasoning", text: "" })
  }
  const end = (id: string) => {
    const { at, metadata, pieces } = open.get(id) ?? {}
    open.delete(id)
    const began = at === undefined ? undefined : whole[at]
    if (at === undefined || (began?.type !== "text" && began?.type !== "reasoning")) return
    whole[at] = { ...began, text: pieces?.join("") ?? "", ...(metadata === undefined ? undefined : { metadata }) }
  }
  for (const part of parts) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        begin(part)
        break
      case "text-delta":
      case "reasoning-delta": {
        const block = open.get(part.id)
        block?.pieces.push(part.delta)
        if (block !== undefined && part.metadata !== undefined) block.metadata = merged(block.metadata, part.metadata)
        break
      }
      case "text-end":
      case "reasoning-end": {
        const block = open.get(part.id)
        if (block !== undefined && part.metadata !== undefined) block.metadata = merged(block.metadata, part.metadata)
        end(part.id)
        break
      }
      case "tool-params-start":
      case "tool-params-delta":
      case "tool-params-end":
      case "error":
        break
      default:
        whole.push(part)
    }
  }
  for (const id of open.keys()) end(id)
  return whole
}

/** As `Prompt.fromResponseParts` merges them: what comes later counts, provider by provider. */
const merged = (
  earlier: Response.ProviderMetadata | undefined,
  later: Response.ProviderMetadata
): Response.ProviderMetadata => {
  if (earlier === undefined) return later
  const both: Record<string, Response.ProviderMetadata[string]> = { ...earlier }
  for (const [provider, said] of Object.entries(later)) {
    const before = both[provider]
    both[provider] = isRecord(before) && isRecord(said) ? { ...before, ...said } : said
  }
  return both
}

const isRecord = (value: unknown): value is Record<string, Response.ProviderMetadata[string]> => Json.isObject(value)
