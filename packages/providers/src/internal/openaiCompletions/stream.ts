/** Chunks of a streamed chat completion as response parts. */
import type * as Response from "effect/ai/Response"
import type { Delta, Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { complete, malformed, plain, proceed } from "../../Codec.ts"
import { cutShort } from "../answer/cutShort.ts"
import * as Json from "../json.ts"
import type { Field } from "./decode.ts"
import { callsOf, errorIn, firstChoice, metadataPart, reasoningMetadata, thoughtIn } from "./decode.ts"
import { Details } from "./details.ts"
import { classifyInBand } from "./errors.ts"
import { Extras } from "./extras.ts"
import { finishPart, finishReason, givenUp, usageIn } from "./finish.ts"
import { saidIn } from "./said.ts"
import type { Run } from "./thinkTag.ts"
import { ThinkTag } from "./thinkTag.ts"
import { ToolCalls } from "./toolCalls.ts"

type Out = Array<Response.StreamPartEncoded>

/** A decoder for one stream. */
export const makeStreamDecoder = (reading: Reading = plain): StreamDecoder => new Decoder(reading)

/** Tool calls are held back until the end marker: a tool must not start on the word of an answer that then breaks off. */
class Decoder implements StreamDecoder {
  private readonly reading: Reading
  private readonly calls = new ToolCalls()
  private readonly details = new Details()
  private readonly extras = new Extras()
  private readonly tag = new ThinkTag()
  private begun = false
  private open: { readonly kind: "text" | "reasoning"; readonly id: string; readonly field: Field } | undefined
  private opened = 0
  private refused = false
  private said: string | undefined
  private native: string | undefined
  private serviceTier: string | undefined
  private usage: Json.Json | undefined
  /** The last chunk that lists what was found: some repeat the list in every one. */
  private listing: Json.Json = {}

  constructor(reading: Reading) {
    this.reading = reading
  }

  read({ data }: StreamEvent, out: Out): Step {
    if (data === "[DONE]") return this.finish(out)
    const parsed = Json.parse(data)
    if (parsed._tag === "Failure") return malformed("a chunk is not JSON")
    const chunk = Json.object(parsed.success)
    const error = errorIn(chunk)
    if (error !== undefined) return { _tag: "Failed", reason: classifyInBand(error, this.reading) }
    if (!this.begun && chunk["id"] !== undefined) this.begin(chunk, out)
    if (chunk["search_results"] !== undefined || chunk["citations"] !== undefined) this.listing = chunk
    const choice = firstChoice(chunk)
    this.usage = usageIn(chunk, choice) ?? this.usage
    this.serviceTier = Json.string(chunk["service_tier"]) ?? this.serviceTier
    const step = this.choice(choice, out)
    return step._tag === "Continue" ? { _tag: "Continue", delta: this.deltaOf(choice) } : step
  }

  /** The piece of text or of a tool call's arguments that a choice is, if it is nothing besides. */
  private deltaOf(choice: Json.Json): Delta | undefined {
    const text = textAlone(choice)
    if (text !== undefined) return { member: "content", text, read: this.moreText }
    const piece = argumentsAlone(choice)
    if (piece === undefined) return undefined
    const read = (text: string, out: Out) =>
      this.toolCalls({ tool_calls: [{ index: piece.index, function: { arguments: text } }] }, out)
    return { member: "arguments", text: piece.text, read }
  }

  private readonly moreText = (text: string, out: Out): void => {
    if (text !== "") this.text(text, out)
  }

  private begin(chunk: Json.Json, out: Out): void {
    this.begun = true
    this.calls.answer = Json.string(chunk["id"])
    out.push(metadataPart(chunk))
  }

  private choice(choice: Json.Json, out: Out): Step {
    // One that comes whole stands where a message does.
    const delta = Json.object(choice["delta"] ?? choice["message"])
    this.thought(delta, out)
    const content = delta["content"]
    if (typeof content === "string") {
      if (content !== "") this.text(content, out)
    } else if (Array.isArray(content)) {
      this.parts(content, out)
    }
    const refusal = Json.string(delta["refusal"])
    if (refusal) this.refuse(refusal, out)
    if (delta["tool_calls"] !== undefined || delta["function_call"] !== undefined) this.toolCalls(delta, out)
    this.rest(delta, out)
    if (choice["logprobs"] !== null) this.extras.readLogprobs(choice["logprobs"])
    const said = Json.string(choice["finish_reason"])
    return said === undefined ? proceed : this.finished(said, choice, out)
  }

  private thought(delta: Json.Json, out: Out): void {
    if (
      delta["reasoning_content"] === undefined &&
      delta["reasoning"] === undefined &&
      delta["reasoning_details"] === undefined
    ) {
      return
    }
    const { details, field, text } = thoughtIn(delta)
    if (details !== undefined) this.details.add(details)
    if (text === "") return
    this.endTag(out)
    this.content("reasoning", field, text, out)
  }

  private text(text: string, out: Out): void {
    if (this.tag.isOver) return this.content("text", "think", text, out)
    const runs: Array<Run> = []
    this.tag.read(text, runs)
    for (const run of runs) this.content(run.kind, "think", run.text, out)
  }

  private endTag(out: Out): void {
    if (this.tag.isOver) return
    const runs: Array<Run> = []
    this.tag.end(runs)
    for (const run of runs) this.content(run.kind, "think", run.text, out)
  }

  private parts(content: ReadonlyArray<unknown>, out: Out): void {
    const { reasoning, text } = saidIn(content)
    if (reasoning !== "") this.content("reasoning", "reasoning", reasoning, out)
    if (text !== "") this.text(text, out)
  }

  private refuse(refusal: string, out: Out): void {
    this.refused = true
    this.endTag(out)
    this.content("text", "think", refusal, out)
  }

  private rest(delta: Json.Json, out: Out): void {
    if (
      delta["annotations"] === undefined &&
      delta["images"] === undefined &&
      delta["executed_tools"] === undefined &&
      delta["audio"] === undefined
    ) {
      return
    }
    const transcript = Json.string(Json.object(delta["audio"])["transcript"])
    if (transcript) this.text(transcript, out)
    this.extras.read(delta, out)
  }

  private content(kind: "text" | "reasoning", field: Field, delta: string, out: Out): void {
    if (this.open?.kind !== kind) {
      this.close(out)
      this.open = { kind, id: String(this.opened++), field }
      out.push({ type: `${kind}-start`, id: this.open.id })
    }
    out.push({ type: `${kind}-delta`, id: this.open.id, delta })
  }

  private close(out: Out): void {
    const { open } = this
    this.open = undefined
    if (open?.kind === "text") out.push({ type: "text-end", id: open.id })
    else if (open !== undefined) {
      out.push({
        type: "reasoning-end",
        id: open.id,
        metadata: reasoningMetadata(open.field, this.details.take())
      })
    }
  }

  private toolCalls(delta: Json.Json, out: Out): void {
    for (const [place, change] of callsOf(delta).entries()) {
      const call = this.calls.begin(change, place)
      if (call.isNew) {
        this.endTag(out)
        this.close(out)
        out.push({ type: "tool-params-start", id: call.id, name: call.name })
      }
      const fragment = this.calls.add(change, call)
      if (fragment !== "") out.push({ type: "tool-params-delta", id: call.id, delta: fragment })
    }
  }

  private finished(said: string, choice: Json.Json, out: Out): Step {
    const failed = givenUp(said, this.reading)
    if (failed !== undefined) return { _tag: "Failed", reason: failed }
    this.endTag(out)
    this.close(out)
    if (this.said === undefined) for (const { id } of this.calls.all) out.push({ type: "tool-params-end", id })
    this.said = said
    this.native = Json.string(choice["native_finish_reason"]) ?? this.native
    return proceed
  }

  private finish(out: Out): Step {
    // Nothing came before the end marker, or no choice was finished: the answer is not whole.
    if (this.said === undefined) return malformed("the stream says it is done and no choice has finished")
    this.close(out)
    this.unseen(out)
    this.extras.finish(this.listing, out)
    const problem = this.calls.finish(cutShort(finishReason(this.said)), out)
    if (problem !== undefined) return malformed(problem)
    out.push(
      finishPart({
        said: this.said,
        native: this.native,
        serviceTier: this.serviceTier,
        refused: this.refused,
        usage: this.usage ?? {},
        more: this.extras.metadata()
      })
    )
    return complete
  }

  /** Encrypted reasoning that no thought carries is one of its own, to be seen again by the provider alone. */
  private unseen(out: Out): void {
    const details = this.details.take()
    if (details.length === 0) return
    const id = String(this.opened++)
    out.push({ type: "reasoning-start", id })
    out.push({ type: "reasoning-end", id, metadata: reasoningMetadata("reasoning", details) })
  }
}

/** The text of a choice that says nothing else. What its chunk says besides holds however often it is said. */
const textAlone = (choice: Json.Json): string | undefined => {
  const delta = deltaAlone(choice, beside)
  return delta === undefined ? undefined : Json.string(delta["content"])
}

/** The arguments of a choice that adds to one tool call and says nothing else. */
const argumentsAlone = (choice: Json.Json): { readonly index: unknown; readonly text: string } | undefined => {
  const calls = deltaAlone(choice, besideCalls)?.["tool_calls"]
  if (!Array.isArray(calls) || calls.length !== 1) return undefined
  const call = Json.object(calls[0])
  const callee = Json.object(call["function"])
  const text = Json.string(callee["arguments"])
  const alone = onlyKnown(call, besideFunction) && onlyKnown(callee, besideArguments)
  return alone && text !== undefined ? { index: call["index"], text } : undefined
}

/** What a choice adds, if that has no fields but these, and the choice none besides. */
const deltaAlone = ({ delta, ...choice }: Json.Json, known: ReadonlySet<string>): Json.Json | undefined =>
  Json.isObject(delta) && onlyKnown(delta, known) && onlyKnown(choice, besideDelta) ? delta : undefined

const onlyKnown = (fields: Json.Json, known: ReadonlySet<string>): boolean => {
  for (const name in fields) if (fields[name] !== null && !known.has(name)) return false
  return true
}

const beside: ReadonlySet<string> = new Set(["content", "role"])
const besideCalls: ReadonlySet<string> = new Set(["tool_calls", "role"])
const besideFunction: ReadonlySet<string> = new Set(["index", "function"])
const besideArguments: ReadonlySet<string> = new Set(["arguments"])
const besideDelta: ReadonlySet<string> = new Set(["index"])
