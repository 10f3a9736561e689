/** A whole Anthropic answer as response parts. */
import type * as Reason from "@holdfast/core/Reason"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Blocks from "./blocks.ts"
import { classifyInBand } from "./errors.ts"
import { endingOf, finishPart } from "./finish.ts"

/** The parts of an answer, or why it is none. */
export const decode = (
  body: unknown,
  reading: Reading = plain
): Result.Result<Array<Response.PartEncoded>, Reason.Reason> => {
  const message = Json.object(body)
  if (message["type"] === "error") return Result.fail(classifyInBand(message, reading))
  if (message["type"] !== "message" || !Array.isArray(message["content"])) {
    return Result.fail(Json.malformed("not a message of Anthropic's"))
  }
  const ending = endingOf(message)
  const content = new Content(ending.container?.id)
  for (const [index, value] of message["content"].entries()) {
    const complaint = content.add(index, Json.object(value))
    if (complaint !== undefined) return Result.fail(Json.malformed(complaint))
  }
  return Result.succeed([
    metadataPart(message),
    ...content.parts,
    finishPart(ending, Json.object(message["usage"]), content.unread)
  ])
}

/** Who answers, from a message or a `message_start`. */
export const metadataPart = (message: Json.Json): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  id: Json.string(message["id"]),
  modelId: Json.string(message["model"]),
  timestamp: undefined
})

/** The blocks of an answer, in order. */
class Content {
  readonly parts: Array<Response.PartEncoded> = []
  /** The kinds of blocks that are not passed on. */
  readonly unread = new Set<string>()
  private readonly container: string | undefined
  private readonly names = new Map<string, string>()
  private readonly sources = new Blocks.Sources()

  constructor(container: string | undefined) {
    this.container = container
  }

  /** Adds the parts for a block, or says why it makes no sense. */
  add(index: number, block: Json.Json): string | undefined {
    switch (block["type"]) {
      case "text":
        this.addText(block)
        return
      case "thinking":
        this.parts.push({
          type: "reasoning",
          text: Json.string(block["thinking"]) ?? "",
          metadata: { anthropic: { signature: Json.string(block["signature"]) ?? null } }
        })
        return
      case "redacted_thinking":
        this.parts.push({
          type: "reasoning",
          text: "",
          metadata: { anthropic: { redactedData: Json.string(block["data"]) ?? null } }
        })
        return
      case "tool_use": {
        const call = Blocks.callOf(index, block)
        if (typeof call === "string") return call
        this.parts.push(Blocks.inContainer(Blocks.callPart(call, call.input), this.container))
        return
      }
      default:
        this.addOther(block)
        return
    }
  }

  private addText(block: Json.Json): void {
    const citations = Json.array(block["citations"]).map(Json.object)
    this.parts.push({
      type: "text",
      text: Json.string(block["text"]) ?? "",
      ...(citations.length === 0 ? undefined : Blocks.metadata({ citations: citations.map(Blocks.scalars) }))
    })
    for (const citation of citations) {
      const source = this.sources.of(citation)
      if (source !== undefined) this.parts.push(source)
    }
  }

  private addOther(block: Json.Json): void {
    const call = Blocks.hostedCallOf(block)
    if (call !== undefined) {
      this.names.set(call.id, call.name)
      this.parts.push(Blocks.callPart(call, call.input))
      return
    }
    const result = Blocks.hostedResultOf(block, this.names)
    if (result !== undefined) this.parts.push(result)
    else if (Blocks.isOpaque(block["type"])) this.parts.push({ type: "reasoning", text: "", ...Blocks.opaque(block) })
    else this.unread.add(Json.string(block["type"]) ?? "unknown")
  }
}
