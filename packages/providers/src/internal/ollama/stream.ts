/** The lines of a streamed answer of Ollama's as response parts. */
import type * as Response from "effect/ai/Response"
import type { Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { complete, malformed, plain, proceed } from "../../Codec.ts"
import * as Json from "../json.ts"
import { metadataPart, unreadOf } from "./decode.ts"
import { classifyInBand } from "./errors.ts"
import { finishPart } from "./finish.ts"
import { idOf, toolCallPart } from "./toolCall.ts"

type Out = Array<Response.StreamPartEncoded>

/** A decoder for one stream. */
export const makeStreamDecoder = (reading: Reading = plain): StreamDecoder => new Decoder(reading)

/** Tool calls are held back until the end marker: a tool must not start on the word of an answer that then breaks off. */
class Decoder implements StreamDecoder {
  private readonly reading: Reading
  private readonly calls: Out = []
  private unread: ReadonlySet<string> = new Set()
  private first: Json.Json | undefined
  private open: { readonly kind: "text" | "reasoning"; readonly id: string } | undefined
  private opened = 0

  constructor(reading: Reading) {
    this.reading = reading
  }

  read(event: StreamEvent, out: Out): Step {
    const parsed = Json.parse(event.data)
    if (parsed._tag === "Failure") return malformed("a line is not JSON")
    const line = Json.object(parsed.success)
    if (Json.isError(line)) return { _tag: "Failed", reason: classifyInBand(line, this.reading) }
    if (this.first === undefined) {
      if (!Json.isObject(line["message"])) return malformed("a line is no part of a chat answer of Ollama's")
      this.first = line
      out.push(metadataPart(line))
    }
    const message = Json.object(line["message"])
    const thought = Json.string(message["thinking"])
    if (thought) this.content("reasoning", thought, out)
    const said = Json.string(message["content"])
    if (said) this.content("text", said, out)
    for (const call of Json.array(message["tool_calls"])) {
      const complaint = this.toolCall(this.first, Json.object(call), out)
      if (complaint !== undefined) return malformed(complaint)
    }
    if (unreadOf(message).size > 0) this.unread = unreadOf(message)
    return line["done"] === true ? this.finish(line, out) : proceed
  }

  private content(kind: "text" | "reasoning", delta: string, out: Out): void {
    if (this.open?.kind !== kind) {
      this.close(out)
      this.open = { kind, id: String(this.opened++) }
      out.push({ type: `${kind}-start`, id: this.open.id })
    }
    out.push({ type: `${kind}-delta`, id: this.open.id, delta })
  }

  private close(out: Out): void {
    if (this.open !== undefined) out.push({ type: `${this.open.kind}-end`, id: this.open.id })
    this.open = undefined
  }

  private toolCall(first: Json.Json, call: Json.Json, out: Out): string | undefined {
    const part = toolCallPart(call, idOf(first, this.calls.length))
    if (typeof part === "string") return part
    this.close(out)
    const { id, name, params } = part
    out.push(
      { type: "tool-params-start", id, name },
      { type: "tool-params-delta", id, delta: JSON.stringify(params) },
      { type: "tool-params-end", id }
    )
    this.calls.push(part)
    return undefined
  }

  private finish(line: Json.Json, out: Out): Step {
    this.close(out)
    for (const call of this.calls) out.push(call)
    out.push(finishPart(line, this.calls.length > 0, this.unread))
    return complete
  }
}
