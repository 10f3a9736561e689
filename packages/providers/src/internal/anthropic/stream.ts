/** Anthropic's stream events as response parts. */
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { complete, malformed, plain, proceed } from "../../Codec.ts"
import { cutShort } from "../cutShort.ts"
import * as Json from "../json.ts"
import { metadataPart, toolOf } from "./decode.ts"
import { classifyInBand } from "./errors.ts"
import { finishPart, finishReason } from "./finish.ts"

type Part = Response.StreamPartEncoded
type Out = Array<Part>

type Block =
  | { readonly kind: "text"; readonly id: string }
  | { readonly kind: "thinking"; readonly id: string; signature: string }
  | { readonly kind: "redacted"; readonly id: string; readonly data: string | null }
  | {
      readonly kind: "tool"
      readonly id: string
      readonly name: string
      /** What came at once; arguments that come in pieces replace it. */
      readonly input: unknown
      readonly fragments: Array<string>
    }

/** A decoder for one stream. */
export const makeStreamDecoder = (reading: Reading = plain): StreamDecoder => new Decoder(reading)

/** A tool call is held back until text follows it or the message is complete: an answer may still break off. */
class Decoder implements StreamDecoder {
  private readonly reading: Reading
  private readonly blocks = new Map<number, Block>()
  private readonly unread = new Set<string>()
  private calls: Out = []
  /** Arguments that are no JSON came. They are a cut answer's if the message says so at its end. */
  private broken = false
  private usage: Json.Json = {}
  private stop: string | undefined
  private begun = false

  constructor(reading: Reading) {
    this.reading = reading
  }

  read(event: StreamEvent, out: Out): Step {
    const parsed = Json.parse(event.data)
    if (parsed._tag === "Failure") return malformed("an event is not JSON")
    const payload = Json.object(parsed.success)
    const index = Json.int(payload["index"]) ?? -1
    switch (payload["type"]) {
      case "message_start":
        return this.begin(Json.object(payload["message"]), out)
      case "content_block_start":
        return this.start(index, Json.object(payload["content_block"]), out)
      case "content_block_delta":
        append(this.blocks.get(index), Json.object(payload["delta"]), out)
        return proceed
      case "content_block_stop":
        return this.end(index, out)
      case "message_delta":
        this.stop = Json.string(Json.object(payload["delta"])["stop_reason"]) ?? this.stop
        this.usage = merged(this.usage, Json.object(payload["usage"]))
        return proceed
      case "message_stop":
        return this.finish(out)
      case "error":
        return { _tag: "Failed", reason: classifyInBand(payload, this.reading) }
      default:
        // `ping`, and events this version does not know.
        return proceed
    }
  }

  private begin(message: Json.Json, out: Out): Step {
    this.usage = Json.object(message["usage"])
    // Some gateways send it twice.
    if (this.begun) return proceed
    this.begun = true
    out.push(metadataPart(message))
    this.stop = Json.string(message["stop_reason"])
    // A message that goes on after code of Anthropic's called a tool begins with what it already holds.
    for (const [index, block] of Json.array(message["content"]).entries()) {
      const step = this.start(index, Json.object(block), out)
      if (step._tag !== "Continue") return step
      this.end(index, out)
    }
    return proceed
  }

  private start(index: number, raw: Json.Json, out: Out): Step {
    const block = blockOf(index, raw)
    if (typeof block === "string") return malformed(block)
    if (block === undefined) {
      // What provider-run tools did, mostly.
      this.unread.add(Json.string(raw["type"]) ?? "unknown")
      return proceed
    }
    this.blocks.set(index, block)
    if (block.kind !== "tool") this.release(out)
    open(block, raw, out)
    return proceed
  }

  private end(index: number, out: Out): Step {
    const block = this.blocks.get(index)
    if (block === undefined) return proceed
    this.blocks.delete(index)
    out.push(closing(block))
    if (block.kind !== "tool") return proceed
    const text = block.fragments.join("")
    const params = text === "" ? Result.succeed(block.input) : Json.parse(text)
    if (Result.isFailure(params)) this.broken = true
    else this.calls.push({ type: "tool-call", id: block.id, name: block.name, params: params.success })
    return proceed
  }

  private finish(out: Out): Step {
    if (this.broken && !cutShort(finishReason(this.stop))) return malformed("the arguments of a tool call are not JSON")
    this.release(out)
    out.push(finishPart(this.stop, this.usage, this.unread))
    return complete
  }

  private release(out: Out): void {
    for (const call of this.calls) out.push(call)
    this.calls = []
  }
}

/** A block that begins; none for one that is not passed on, a complaint for one that makes no sense. */
const blockOf = (index: number, raw: Json.Json): Block | string | undefined => {
  const id = String(index)
  switch (raw["type"]) {
    case "text":
      return { kind: "text", id }
    case "thinking":
      return { kind: "thinking", id, signature: Json.string(raw["signature"]) ?? "" }
    case "redacted_thinking":
      return { kind: "redacted", id, data: Json.string(raw["data"]) ?? null }
    case "tool_use": {
      const tool = toolOf(index, raw)
      return typeof tool === "string" ? tool : { kind: "tool", ...tool, input: raw["input"] ?? {}, fragments: [] }
    }
    default:
      return undefined
  }
}

/** Gives out how a block begins, with what came of it at once. */
const open = (block: Block, raw: Json.Json, out: Out): void => {
  const { id } = block
  switch (block.kind) {
    case "text": {
      const text = Json.string(raw["text"])
      out.push({ type: "text-start", id })
      if (text) out.push({ type: "text-delta", id, delta: text })
      return
    }
    case "thinking": {
      const thinking = Json.string(raw["thinking"])
      out.push({ type: "reasoning-start", id })
      if (thinking) out.push({ type: "reasoning-delta", id, delta: thinking })
      return
    }
    case "redacted":
      out.push({ type: "reasoning-start", id, metadata: { anthropic: { redactedData: block.data } } })
      return
    case "tool":
      out.push({ type: "tool-params-start", id, name: block.name })
      return
  }
}

/** Adds what came of a block. */
const append = (block: Block | undefined, change: Json.Json, out: Out): void => {
  if (block === undefined) return
  switch (change["type"]) {
    case "text_delta":
      out.push({ type: "text-delta", id: block.id, delta: Json.string(change["text"]) ?? "" })
      return
    case "thinking_delta":
      out.push({ type: "reasoning-delta", id: block.id, delta: Json.string(change["thinking"]) ?? "" })
      return
    case "signature_delta":
      if (block.kind === "thinking") block.signature += Json.string(change["signature"]) ?? ""
      return
    case "input_json_delta": {
      if (block.kind !== "tool") return
      const fragment = Json.string(change["partial_json"]) ?? ""
      block.fragments.push(fragment)
      out.push({ type: "tool-params-delta", id: block.id, delta: fragment })
      return
    }
    default:
      return
  }
}

const closing = (block: Block): Part => {
  const { id } = block
  switch (block.kind) {
    case "text":
      return { type: "text-end", id }
    case "thinking":
      return { type: "reasoning-end", id, metadata: { anthropic: { signature: block.signature } } }
    case "redacted":
      return { type: "reasoning-end", id }
    case "tool":
      return { type: "tool-params-end", id }
  }
}

/** The later counts replace the earlier; a count that is null there says nothing. */
const merged = (earlier: Json.Json, later: Json.Json): Json.Json => ({
  ...earlier,
  ...Object.fromEntries(Object.entries(later).filter(([, value]) => value !== null))
})
