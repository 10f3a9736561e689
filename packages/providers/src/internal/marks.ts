/** What the parts of an answer say of who gave it, and what they give out. */
import type { Candidate } from "@holdfast/core/Candidate"
import type { Exposure } from "@holdfast/core/Exposure"
import type { Answered } from "@holdfast/core/Failover"
import * as ModelRef from "@holdfast/core/ModelRef"
import type * as Response from "effect/ai/Response"

type Metadata = Response.ProviderMetadata

/**
 * Every content part says which model wrote it, and which was asked; it survives into the prompt of a later call, where a
 * turn is read from it.
 */
export const marker = (
  requested: Candidate,
  answered: Candidate
): (<P extends Response.StreamPartEncoded | Response.PartEncoded>(part: P) => P) => {
  const holdfast: Metadata = { holdfast: said(requested, answered) }
  return (part) => {
    switch (part.type) {
      case "text":
      case "text-start":
      case "reasoning":
      case "reasoning-start":
      case "tool-call":
      case "file":
        return { ...part, metadata: { ...part.metadata, ...holdfast } }
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
export const mark = (parts: ReadonlyArray<Response.PartEncoded>, answered: Answered): Array<Response.PartEncoded> => {
  const marked = parts.map(marker(answered.requested, answered.answered))
  const head = marked.find((part) => part.type === "response-metadata")
  if (head === undefined) return [headOf(answered, undefined), ...marked]
  return marked.map((part) => (part === head ? headOf(answered, head) : part))
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
