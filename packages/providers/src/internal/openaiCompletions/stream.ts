/** Chunks of a streamed chat completion as response parts. */
import type * as Response from "effect/ai/Response"
import type { Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { complete, malformed, plain, proceed } from "../../Codec.ts"
import { cutShort } from "../cutShort.ts"
import * as Json from "../json.ts"
import { callsOf, firstChoice, metadataPart } from "./decode.ts"
import { classifyInBand } from "./errors.ts"
import { finishPart, finishReason } from "./finish.ts"
import { toolCallPart } from "./toolCall.ts"

type Out = Array<Response.StreamPartEncoded>

interface Call {
  readonly id: string
  readonly name: string
  readonly fragments: Array<string>
}

/** A decoder for one stream. */
export const makeStreamDecoder = (reading: Reading = plain): StreamDecoder => new Decoder(reading)

/** Tool calls are held back until the end marker: a tool must not start on the word of an answer that then breaks off. */
class Decoder implements StreamDecoder {
  private readonly reading: Reading
  private readonly calls: Array<Call> = []
  private readonly latest = new Map<number, Call>()
  private begun = false
  private open: { readonly kind: "text" | "reasoning"; readonly id: string } | undefined
  private opened = 0
  private reason: string | undefined
  private usage: Json.Json = {}

  constructor(reading: Reading) {
    this.reading = reading
  }

  read(event: StreamEvent, out: Out): Step {
    if (event.data === "[DONE]") return this.finish(out)
    const parsed = Json.parse(event.data)
    if (parsed._tag === "Failure") return malformed("a chunk is not JSON")
    const chunk = Json.object(parsed.success)
    if (Json.isError(chunk)) return { _tag: "Failed", reason: classifyInBand(chunk, this.reading) }
    if (!this.begun && chunk["id"] !== undefined) {
      this.begun = true
      out.push(metadataPart(chunk))
    }
    if (Json.isObject(chunk["usage"])) this.usage = chunk["usage"]
    this.choice(firstChoice(chunk), out)
    return proceed
  }

  private choice(choice: Json.Json, out: Out): void {
    const delta = Json.object(choice["delta"])
    const thought = Json.string(delta["reasoning_content"]) || Json.string(delta["reasoning"])
    if (thought) this.content("reasoning", thought, out)
    const said = Json.string(delta["content"]) || Json.string(delta["refusal"])
    if (said) this.content("text", said, out)
    for (const [place, change] of callsOf(delta).entries()) this.toolCall(change, place, out)
    const reason = Json.string(choice["finish_reason"])
    if (reason !== undefined) this.finished(reason, out)
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

  private toolCall(change: Json.Json, place: number, out: Out): void {
    const index = Json.int(change["index"]) ?? place
    const callee = Json.object(change["function"])
    const id = Json.string(change["id"])
    const name = Json.string(callee["name"])
    let call = this.latest.get(index)
    // Some servers number every call of an answer 0; another id and a name begin another call.
    if (call === undefined || (id && id !== call.id && name)) {
      call = { id: id || `call_${this.calls.length}`, name: name ?? "", fragments: [] }
      this.latest.set(index, call)
      this.calls.push(call)
      this.close(out)
      out.push({ type: "tool-params-start", id: call.id, name: call.name })
    }
    const fragment = Json.string(callee["arguments"])
    if (!fragment) return
    call.fragments.push(fragment)
    out.push({ type: "tool-params-delta", id: call.id, delta: fragment })
  }

  private finished(reason: string, out: Out): void {
    this.close(out)
    if (this.reason === undefined) for (const { id } of this.calls) out.push({ type: "tool-params-end", id })
    this.reason = reason
  }

  private finish(out: Out): Step {
    // Nothing came before the end marker, or no choice was finished: the answer is not whole.
    if (this.reason === undefined) return malformed("the stream says it is done and no choice has finished")
    const cut = cutShort(finishReason(this.reason))
    for (const { fragments, ...call } of this.calls) {
      const part = toolCallPart({ ...call, text: fragments.join("") }, cut)
      if (typeof part === "string") return malformed(part)
      if (part !== undefined) out.push(part)
    }
    out.push(finishPart(this.reason, this.usage))
    return complete
  }
}
