/**
 * An answer given back as the items that it was.
 *
 * The API refuses reasoning without the item that followed it, and an item that it knows by its id without its
 * reasoning. So reasoning waits until its follower comes, and ids are given only while the items of the answer come one
 * after another as they did; what stands otherwise is said anew, without an id.
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Json from "../json.ts"
import { hostedItem, isRepeatable } from "./hosted.ts"
import type { Source } from "./metadata.ts"
import { sourceOf } from "./metadata.ts"

/** The items of one assistant message. `reasons`: whether the model takes reasoning. */
export const assistantItems = (message: Prompt.AssistantMessage, reasons: boolean): ReadonlyArray<Json.Json> => {
  const items = new Items(reasons, message)
  for (const part of message.content) items.add(part)
  return items.out
}

interface Thought {
  readonly id: string
  readonly summary: Array<Json.Json>
  readonly content: Array<Json.Json>
  encrypted: string | undefined
}

/** The message that text is added to: an own one has contents, one that is said anew is a text. */
interface Message {
  readonly id: string | undefined
  readonly contents: Array<Json.Json>
  readonly anew: { content: string } | undefined
}

class Items {
  readonly out: Array<Json.Json> = []
  private readonly reasons: boolean
  private readonly whole: Prompt.AssistantMessage
  /** Reasoning, which waits for its follower. */
  private waiting: Array<Thought> = []
  private message: Message | undefined
  /** Which place in the answer's output comes next. */
  private next = 0
  private intact = true

  constructor(reasons: boolean, whole: Prompt.AssistantMessage) {
    this.reasons = reasons
    this.whole = whole
  }

  add(part: Prompt.AssistantMessagePart): void {
    const source = sourceOf(part)
    switch (part.type) {
      case "text":
        if (part.text !== "") this.text(part.text, source)
        return
      case "reasoning":
        if (source?.said["opaque"] !== undefined) this.opaque(source)
        else if (source !== undefined) this.reasoning(part.text, source)
        return
      case "tool-call":
        if (part.providerExecuted) this.hosted(part, source)
        else this.call(part, source)
        return
      case "file":
        this.file(part, source)
        return
      default:
        return
    }
  }

  private text(text: string, source: Source | undefined): void {
    if (source !== undefined && source.itemId === this.message?.id) {
      this.message.contents.push(contentOf(text, source))
      return
    }
    const id = this.follow(source)
    if (id !== undefined) {
      const content = [contentOf(text, source)]
      this.out.push({ type: "message", role: "assistant", id, status: "completed", content, ...phaseOf(source) })
      this.message = { id, contents: content, anew: undefined }
    } else if (this.message?.anew !== undefined) {
      this.message.anew.content += text
    } else {
      const anew = { role: "assistant", content: text, ...phaseOf(source) }
      this.out.push(anew)
      this.message = { id: undefined, contents: [], anew }
    }
  }

  private reasoning(text: string, source: Source): void {
    const last = this.waiting.at(-1)
    const thought = source.itemId === last?.id ? last : this.think(source)
    if (thought === undefined) return
    if (text !== "" && source.said["raw"] === true) thought.content.push({ type: "reasoning_text", text })
    else if (text !== "") thought.summary.push({ type: "summary_text", text })
    thought.encrypted ??= Json.string(source.said["encryptedContent"])
  }

  private think(source: Source): Thought | undefined {
    this.message = undefined
    if (!this.reasons || !this.follows(source)) {
      this.part()
      return undefined
    }
    const thought: Thought = { id: source.itemId, summary: [], content: [], encrypted: undefined }
    this.waiting.push(thought)
    this.next = source.index + 1
    return thought
  }

  /** What a provider ran by itself goes back as the item that it was, or not at all. */
  private hosted(call: Prompt.ToolCallPart, source: Source | undefined): void {
    const result = this.whole.content.find((part) => part.type === "tool-result" && part.id === call.id)
    const item = hostedItem(call, result?.type === "tool-result" ? result : undefined, source?.said["type"])
    this.item(item, source)
  }

  private opaque(source: Source): void {
    const item = Json.objectIn(String(source.said["opaque"]))
    this.item(isRepeatable(item) ? item : undefined, source)
  }

  private item(item: Json.Json | undefined, source: Source | undefined): void {
    this.message = undefined
    if (item === undefined) return this.part()
    const id = this.follow(source)
    if (id !== undefined) this.out.push({ ...item, id })
  }

  private call({ id: callId, name, params }: Prompt.ToolCallPart, source: Source | undefined): void {
    const id = this.follow(source)
    const own = id === undefined ? undefined : { id, status: "completed" }
    this.message = undefined
    this.out.push({ type: "function_call", ...own, call_id: callId, name, arguments: JSON.stringify(params) })
  }

  private file({ data, mediaType }: Prompt.FilePart, source: Source | undefined): void {
    const id = typeof data === "string" ? this.follow(source) : undefined
    if (id === undefined) return this.text(`[a file of type ${mediaType}]`, undefined)
    this.message = undefined
    this.out.push({ type: "image_generation_call", id, status: "completed", result: data })
  }

  /** The id that an item may have, its reasoning given out before it; none where it does not stand as it stood. */
  private follow(source: Source | undefined): string | undefined {
    if (source === undefined || !this.follows(source) || !this.waiting.every(isWhole)) {
      this.part()
      return undefined
    }
    for (const thought of this.waiting) this.out.push(itemOf(thought))
    this.waiting = []
    this.next = source.index + 1
    return source.itemId
  }

  private follows({ index }: Source): boolean {
    return this.intact && index === this.next
  }

  /** From here on the answer is not as it was: nothing of it has an id, and no reasoning goes back. */
  private part(): void {
    this.intact = false
    this.waiting = []
  }
}

/** Reasoning goes back encrypted, or raw where a model shows it so. A summary alone says nothing. */
const isWhole = ({ content, encrypted }: Thought): boolean => encrypted !== undefined || content.length > 0

const itemOf = ({ content, encrypted, id, summary }: Thought): Json.Json => ({
  type: "reasoning",
  id,
  summary,
  ...(content.length === 0 ? undefined : { content }),
  ...(encrypted === undefined ? undefined : { encrypted_content: encrypted })
})

const contentOf = (text: string, source: Source | undefined): Json.Json =>
  source?.said["refusal"] === true ? { type: "refusal", refusal: text } : { type: "output_text", text, annotations: [] }

const phaseOf = (source: Source | undefined): Json.Json | undefined => {
  const phase = Json.string(source?.said["phase"])
  return phase === undefined ? undefined : { phase }
}
