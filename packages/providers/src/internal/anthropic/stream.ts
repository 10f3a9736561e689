/** Anthropic's stream events as response parts. */
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { complete, malformed, plain, proceed } from "../../Codec.ts"
import { cutShort } from "../answer/cutShort.ts"
import * as Json from "../json.ts"
import * as Blocks from "./blocks.ts"
import { metadataPart } from "./decode.ts"
import { classifyInBand } from "./errors.ts"
import type { Ending } from "./finish.ts"
import { endingOf, finishPart, finishReason } from "./finish.ts"

type Part = Response.StreamPartEncoded
type Out = Array<Part>

type Block =
  | { readonly kind: "text"; readonly id: string; readonly citations: Array<Blocks.Kept> }
  | { readonly kind: "thinking"; readonly id: string; signature: string }
  | { readonly kind: "redacted"; readonly id: string; readonly data: string | null }
  | {
      readonly kind: "tool"
      readonly id: string
      readonly call: Blocks.Call
      /** Arguments that come in pieces replace what came at once. */
      readonly fragments: Array<string>
    }
  | { readonly kind: "opaque"; readonly id: string; raw: Json.Json }

/** Where each kind of piece has its text. */
const members: ReadonlyMap<string, string> = new Map([
  ["text_delta", "text"],
  ["thinking_delta", "thinking"],
  ["input_json_delta", "partial_json"]
])

/** A decoder for one stream. */
export const makeStreamDecoder = (reading: Reading = plain): StreamDecoder => new Decoder(reading)

/**
 * A call of the app's tools is held back until something else follows it or the message is complete: an answer may still
 * break off. What Anthropic ran by itself has been run.
 */
class Decoder implements StreamDecoder {
  private readonly reading: Reading
  private readonly blocks = new Map<number, Block>()
  private readonly unread = new Set<string>()
  private readonly names = new Map<string, string>()
  private readonly sources = new Blocks.Sources()
  private calls: Array<Response.ToolCallPartEncoded> = []
  /** Arguments that are no JSON came. They are a cut answer's if the message says so at its end. */
  private broken = false
  private usage: Json.Json = {}
  private ending: Ending = endingOf({})
  private begun = false

  constructor(reading: Reading) {
    this.reading = reading
  }

  read({ data }: StreamEvent, out: Out): Step {
    const parsed = Json.parse(data)
    if (parsed._tag === "Failure") return malformed("an event is not JSON")
    const payload = Json.object(parsed.success)
    switch (payload["type"]) {
      case "content_block_delta": {
        const index = indexOf(payload)
        const delta = Json.object(payload["delta"])
        this.append(this.blocks.get(index), delta, out)
        return this.step(index, delta)
      }
      case "message_start":
        return this.begin(Json.object(payload["message"]), out)
      case "content_block_start":
        return this.start(indexOf(payload), Json.object(payload["content_block"]), out)
      case "content_block_stop":
        return this.end(indexOf(payload), out)
      case "message_delta":
        this.ending = endingOf(Json.object(payload["delta"]), this.ending)
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

  /** What further pieces of the same text are read with. */
  private step(index: number, { type, ...change }: Json.Json): Step {
    const member = typeof type === "string" ? members.get(type) : undefined
    if (member === undefined) return proceed
    const read = (text: string, out: Out) => this.append(this.blocks.get(index), { type, [member]: text }, out)
    return { _tag: "Continue", delta: { member, text: Json.string(change[member]) ?? "", read } }
  }

  private begin(message: Json.Json, out: Out): Step {
    this.usage = Json.object(message["usage"])
    // Some gateways send it twice.
    if (this.begun) return proceed
    this.begun = true
    out.push(metadataPart(message))
    this.ending = endingOf(message)
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
      this.startOther(raw, out)
      return proceed
    }
    this.blocks.set(index, block)
    if (block.kind !== "tool" || block.call.hosted) this.release(out)
    if (block.kind === "tool" && block.call.hosted) this.names.set(block.call.id, block.call.name)
    open(block, raw, out)
    if (block.kind === "text") for (const citation of Json.array(raw["citations"])) this.cite(block, citation, out)
    return proceed
  }

  /** What came of a tool that Anthropic ran, which comes at once; else something that this version does not know. */
  private startOther(raw: Json.Json, out: Out): void {
    const result = Blocks.hostedResultOf(raw, this.names)
    if (result === undefined) {
      this.unread.add(Json.string(raw["type"]) ?? "unknown")
      return
    }
    this.release(out)
    out.push(result)
  }

  /** Adds what came of a block. */
  private append(block: Block | undefined, change: Json.Json, out: Out): void {
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
      case "citations_delta":
        if (block.kind === "text") this.cite(block, change["citation"], out)
        return
      case "compaction_delta":
        if (block.kind === "opaque") block.raw = merged(block.raw, { ...change, type: null })
        return
      default:
        return
    }
  }

  private cite(block: Extract<Block, { readonly kind: "text" }>, raw: unknown, out: Out): void {
    const citation = Json.object(raw)
    block.citations.push(Blocks.scalars(citation))
    const source = this.sources.of(citation)
    if (source !== undefined) out.push(source)
  }

  private end(index: number, out: Out): Step {
    const block = this.blocks.get(index)
    if (block === undefined) return proceed
    this.blocks.delete(index)
    out.push(closing(block))
    if (block.kind !== "tool") return proceed
    const text = block.fragments.join("")
    const params = text === "" ? Result.succeed(block.call.input) : Json.parse(text)
    if (Result.isFailure(params)) this.broken = true
    else if (block.call.hosted) out.push(Blocks.callPart(block.call, params.success))
    else this.calls.push(Blocks.callPart(block.call, params.success))
    return proceed
  }

  private finish(out: Out): Step {
    const { stop } = this.ending
    if (this.broken && !cutShort(finishReason(stop))) return malformed("the arguments of a tool call are not JSON")
    this.release(out)
    out.push(finishPart(this.ending, this.usage, this.unread))
    return complete
  }

  private release(out: Out): void {
    if (this.calls.length === 0) return
    for (const call of this.calls) out.push(Blocks.inContainer(call, this.ending.container?.id))
    this.calls = []
  }
}

const indexOf = (payload: Json.Json): number => Json.int(payload["index"]) ?? -1

/** A block that begins and goes on; a complaint for one that makes no sense. */
const blockOf = (index: number, raw: Json.Json): Block | string | undefined => {
  const id = String(index)
  switch (raw["type"]) {
    case "text":
      return { kind: "text", id, citations: [] }
    case "thinking":
      return { kind: "thinking", id, signature: Json.string(raw["signature"]) ?? "" }
    case "redacted_thinking":
      return { kind: "redacted", id, data: Json.string(raw["data"]) ?? null }
    case "tool_use": {
      const call = Blocks.callOf(index, raw)
      return typeof call === "string" ? call : { kind: "tool", id: call.id, call, fragments: [] }
    }
    default: {
      const call = Blocks.hostedCallOf(raw)
      if (call !== undefined) return { kind: "tool", id: call.id, call, fragments: [] }
      return Blocks.isOpaque(raw["type"]) ? { kind: "opaque", id, raw } : undefined
    }
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
    case "opaque":
      out.push({ type: "reasoning-start", id })
      return
    case "tool":
      out.push({
        type: "tool-params-start",
        id,
        name: block.call.name,
        ...(block.call.hosted ? { providerExecuted: true } : undefined)
      })
      return
  }
}

const closing = (block: Block): Part => {
  const { id } = block
  switch (block.kind) {
    case "text":
      return block.citations.length === 0
        ? { type: "text-end", id }
        : { type: "text-end", id, ...Blocks.metadata({ citations: block.citations }) }
    case "thinking":
      return { type: "reasoning-end", id, metadata: { anthropic: { signature: block.signature } } }
    case "redacted":
      return { type: "reasoning-end", id }
    case "opaque":
      return { type: "reasoning-end", id, ...Blocks.opaque(block.raw) }
    case "tool":
      return { type: "tool-params-end", id }
  }
}

/** The later counts replace the earlier; a count that is null there says nothing. */
const merged = (earlier: Json.Json, later: Json.Json): Json.Json => ({
  ...earlier,
  ...Object.fromEntries(Object.entries(later).filter(([, value]) => value !== null))
})
