/** What the parts of an answer say of who gave it, and what they give out. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Exposure } from "@holdfast/core/Exposure"
import type { Answered } from "@holdfast/core/Failover"
import * as ModelRef from "@holdfast/core/ModelRef"
import type * as Response from "effect/ai/Response"
import type { Price } from "../../ProviderDefinition.ts"
import { costOf } from "./cost.ts"

type Metadata = Response.ProviderMetadata

/**
 * Every content part says which model wrote it, and which was asked; it survives into the prompt of a later call, where a
 * turn is read from it, and whose thoughts and ids a prompt holds. The last part says what the answer cost, where that is
 * known.
 */
export const marker = (
  requested: Candidate,
  answered: Candidate,
  price?: Price
): (<P extends Response.StreamPartEncoded | Response.PartEncoded>(part: P) => P) => {
  const holdfast: Metadata = { holdfast: said(requested, answered) }
  return (part) => {
    switch (part.type) {
      case "text":
      case "text-start":
      case "reasoning":
      case "reasoning-start":
      case "tool-call":
      case "tool-result":
      case "file":
        return { ...part, metadata: { ...part.metadata, ...holdfast } }
      case "finish": {
        const cost = costOf(part, price)
        return cost === undefined ? part : { ...part, metadata: { ...part.metadata, holdfast: { cost } } }
      }
      default:
        return part
    }
  }
}

const said = (requested: Candidate, answered: Candidate) => ({
  requested: ModelRef.format(requested),
  answered: ModelRef.format(answered)
})

/** The parts of a whole answer, saying who gave it. */
export const mark = (
  parts: ReadonlyArray<Response.PartEncoded>,
  answered: Answered,
  price?: Price
): Array<Response.PartEncoded> => {
  const marked = parts.map(marker(answered.requested, answered.answered, price))
  const head = marked.find((part) => part.type === "response-metadata")
  if (head === undefined) return [headOf(answered, undefined), ...marked]
  return marked.map((part) => (part === head ? headOf(answered, head) : part))
}

/** Marks the parts of a stream that nobody else answers, the head of it as well. */
export const streamMarker = (
  answered: Answered,
  price?: Price
): ((part: Response.StreamPartEncoded) => Response.StreamPartEncoded) => {
  const mark = marker(answered.requested, answered.answered, price)
  return (part) => (part.type === "response-metadata" ? headOf(answered, part) : mark(part))
}

/** The parts held back until the first content, with who answers said before it. */
export const announce = (
  answered: Answered,
  held: ReadonlyArray<Response.StreamPartEncoded>
): ReadonlyArray<Response.StreamPartEncoded> => {
  const head = held.find((part) => part.type === "response-metadata")
  return [headOf(answered, head), ...held.filter((part) => part !== head)]
}

const headOf = (
  answered: Answered,
  own: Response.ResponseMetadataPartEncoded | undefined
): Response.ResponseMetadataPartEncoded => ({
  ...own,
  type: "response-metadata",
  metadata: {
    ...own?.metadata,
    holdfast: {
      ...said(answered.requested, answered.answered),
      ...(answered.swap === undefined ? undefined : { swap: answered.swap.why })
    }
  }
})

/** About how much of memory a part takes, in bytes: its text is most of it. */
export const size = (part: Response.StreamPartEncoded): number => {
  switch (part.type) {
    case "text-delta":
    case "reasoning-delta":
    case "tool-params-delta":
      return part.delta.length
    case "file":
      return part.data.length
    case "tool-call":
    case "tool-result":
      return JSON.stringify(part)?.length ?? 0
    default:
      return 0
  }
}

/** What a part gives out to the app. */
export const exposure = (part: Response.StreamPartEncoded): Exposure => {
  switch (part.type) {
    case "text-delta":
    case "reasoning-delta":
      return part.delta === "" ? "nothing" : "output"
    case "tool-params-start":
    case "tool-params-delta":
    case "tool-params-end":
      return "output"
    case "tool-call":
      return part.providerExecuted === true ? "provider-tool" : "tool-call"
    case "file":
    case "source":
    case "tool-result":
    case "tool-approval-request":
      return "output"
    case "text-start":
    case "text-end":
    case "reasoning-start":
    case "reasoning-end":
    case "response-metadata":
    case "finish":
    case "error":
      return "nothing"
  }
}
