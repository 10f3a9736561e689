/** The output of a response, item by item, as response parts. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"
import type { Held } from "./finish.ts"
import { hostedParts, nameOf } from "./hosted.ts"
import type { Call, Item, Reasoning, Text } from "./item.ts"
import { contentPlace, itemOf, kindOf, summaryPlace } from "./item.ts"
import { toMetadata } from "./metadata.ts"
import { sourcePart } from "./sources.ts"

type Out = Array<Response.StreamPartEncoded>

/**
 * Items go by their place in the output: their ids change between events where a proxy makes them up.
 *
 * A tool call is held back until other content follows it or the response is complete: an answer may still break off.
 */
export class Output {
  private readonly items = new Map<number | string, Item>()
  /** The item that the last delta was for. */
  private latest: Text | Reasoning | undefined
  private opened = 0
  private calls: Out = []
  private called = false
  private refused = false
  /** Arguments that are no JSON came. They are a cut answer's if the response says so at its end. */
  broken = false

  /** What the output held, as far as it tells how the response finished. */
  get held(): Held {
    return { calls: this.called, refusal: this.refused }
  }

  /** A piece of a text or of a thought. */
  delta(kind: "message" | "reasoning", payload: Json.Json, refusal: boolean, out: Out): void {
    const delta = payload["delta"]
    if (typeof delta !== "string" || delta === "") return
    const place =
      kind === "reasoning" && payload["summary_index"] !== undefined
        ? summaryPlace(Json.int(payload["summary_index"]) ?? 0)
        : contentPlace(Json.int(payload["content_index"]) ?? 0)
    const item = this.contentItem(kind, payload)
    if (item.place !== place) this.open(item, place, refusal, out)
    out.push({ type: item.kind === "message" ? "text-delta" : "reasoning-delta", id: item.open, delta })
  }

  /** The item that an event is about; it begins here where no event said that it does. */
  private contentItem(kind: "message" | "reasoning", payload: Json.Json): Text | Reasoning {
    const key = keyOf(payload)
    if (this.latest?.key === key && this.latest.kind === kind) return this.latest
    const known = this.items.get(key)
    const item = known?.kind === kind ? known : this.make(key, { type: kind, id: payload["item_id"] })
    // Made of a type, it is of that kind.
    this.latest = item as Text | Reasoning
    return this.latest
  }

  private make(key: number | string, raw: Json.Json): Item {
    const item = itemOf(kindOf(raw), key, raw)
    this.items.set(key, item)
    return item
  }

  private open(item: Text | Reasoning, place: number, refusal: boolean, out: Out): void {
    this.close(item, out)
    this.release(out)
    item.place = place
    item.open = String(this.opened++)
    item.places.add(place)
    if (item.kind === "message") {
      if (refusal) this.refused = true
      const { id: itemId, phase } = item
      const said = { phase, refusal: refusal ? true : undefined }
      const metadata = toMetadata({ itemId, index: item.index, ...said })
      out.push({ type: "text-start", id: item.open, metadata })
    } else {
      const raw = place < 0 ? undefined : true
      const metadata = toMetadata({ itemId: item.id, index: item.index, raw })
      out.push({ type: "reasoning-start", id: item.open, metadata })
    }
  }

  /** Gives out the tool calls that were held back. */
  release(out: Out): void {
    for (const call of this.calls) out.push(call)
    this.calls = []
  }

  private close(item: Text | Reasoning, out: Out, metadata?: Response.ProviderMetadata): void {
    if (item.place === undefined) return
    const type = item.kind === "message" ? "text-end" : "reasoning-end"
    out.push({ type, id: item.open, ...(metadata === undefined ? undefined : { metadata }) })
    item.place = undefined
  }

  /** A piece of a call's arguments. */
  fragment(payload: Json.Json, out: Out): void {
    const delta = payload["delta"]
    const item = this.items.get(keyOf(payload))
    if (typeof delta !== "string" || delta === "" || item?.kind !== "call" || item.finished) return
    item.fragments.push(delta)
    out.push({ type: "tool-params-delta", id: item.callId, delta })
  }

  /** A source of a text. */
  annotation(payload: Json.Json, out: Out): void {
    const item = this.items.get(keyOf(payload))
    if (item?.kind !== "message") return
    const place = contentPlace(Json.int(payload["content_index"]) ?? 0)
    this.cite(item, place, Json.object(payload["annotation"]), out)
  }

  private cite(item: Text, place: number, annotation: Json.Json, out: Out): void {
    const nth = item.cited.get(place) ?? 0
    item.cited.set(place, nth + 1)
    const source = sourcePart(annotation, `${item.id ?? item.key}:${place}:${nth}`)
    if (source !== undefined) out.push(source)
  }

  /** An item begins. */
  added(payload: Json.Json, out: Out): void {
    const raw = Json.object(payload["item"])
    const key = keyOf(payload, raw)
    const before = this.items.get(key)
    // Some servers number every item 0.
    if (before !== undefined && !before.finished) this.settle(before, {}, out)
    this.start(this.make(key, raw), raw, out)
  }

  /** An item is whole. */
  done(payload: Json.Json, out: Out): void {
    const raw = Json.object(payload["item"])
    const key = keyOf(payload, raw)
    const known = this.items.get(key)
    if (known?.finished === true && known.id === raw["id"]) return
    const fresh = known === undefined || known.finished || known.kind !== kindOf(raw)
    const item = fresh ? this.make(key, raw) : known
    if (fresh) this.start(item, raw, out)
    this.settle(item, raw, out)
  }

  private start(item: Item, raw: Json.Json, out: Out): void {
    if (item.kind === "call") out.push({ type: "tool-params-start", id: item.callId, name: item.name })
    if (item.kind !== "hosted") return
    this.release(out)
    out.push({ type: "tool-params-start", id: hostedId(item), name: nameOf(raw), providerExecuted: true })
  }

  /** Gives out the rest of an item: what no delta brought, and what only its end tells. */
  private settle(item: Item, raw: Json.Json, out: Out): void {
    item.finished = true
    const id = Json.string(raw["id"])
    switch (item.kind) {
      case "message":
        return this.message(item, id, raw, out)
      case "reasoning":
        return this.reasoning(item, id, raw, out)
      case "call":
        return this.call(item, id, raw, out)
      case "image":
        return this.image(item, raw, out)
      case "hosted":
        return this.hosted(item, raw, out)
      case "opaque":
        return this.opaque(item, raw, out)
      case "input":
        return
    }
  }

  private message(item: Text, id: string | undefined, raw: Json.Json, out: Out): void {
    item.phase ??= Json.string(raw["phase"])
    for (const [index, value] of Json.array(raw["content"]).entries()) {
      const content = Json.object(value)
      const place = contentPlace(index)
      const refusal = content["type"] === "refusal"
      const text = Json.string(refusal ? content["refusal"] : content["text"])
      if (text && !item.places.has(place)) {
        this.open(item, place, refusal, out)
        out.push({ type: "text-delta", id: item.open, delta: text })
      }
      const annotations = Json.array(content["annotations"]).slice(item.cited.get(place) ?? 0)
      for (const annotation of annotations) this.cite(item, place, Json.object(annotation), out)
    }
    this.close(item, out, id === undefined || id === item.id ? undefined : toMetadata({ itemId: id }))
  }

  private reasoning(item: Reasoning, id: string | undefined, raw: Json.Json, out: Out): void {
    const encryptedContent = Json.string(raw["encrypted_content"])
    const rest = (place: number, value: unknown) => {
      const text = Json.string(Json.object(value)["text"])
      if (!text || item.places.has(place)) return
      this.open(item, place, false, out)
      out.push({ type: "reasoning-delta", id: item.open, delta: text })
    }
    for (const [index, value] of Json.array(raw["summary"]).entries()) rest(summaryPlace(index), value)
    for (const [index, value] of Json.array(raw["content"]).entries()) rest(contentPlace(index), value)
    // Without a summary it is still what the next request needs.
    if (encryptedContent !== undefined && item.place === undefined) this.open(item, summaryPlace(0), false, out)
    const itemId = id === item.id ? undefined : id
    this.close(item, out, (encryptedContent ?? itemId) ? toMetadata({ itemId, encryptedContent }) : undefined)
  }

  private call(item: Call, id: string | undefined, raw: Json.Json, out: Out): void {
    const { callId, fragments, index } = item
    const name = Json.string(raw["name"]) || item.name
    const text = Json.string(raw["arguments"]) || fragments.join("")
    if (fragments.length === 0 && text !== "") out.push({ type: "tool-params-delta", id: callId, delta: text })
    out.push({ type: "tool-params-end", id: callId })
    this.called = true
    const params = Json.parse(text === "" ? "{}" : text)
    // A call that was cut says so itself, or the response does at its end.
    if (raw["status"] === "incomplete") return
    if (params._tag === "Failure" || name === "") {
      this.broken = true
      return
    }
    const metadata = toMetadata({ itemId: id ?? item.id, index })
    this.calls.push({ type: "tool-call", id: callId, name, params: params.success, metadata })
  }

  private image(item: Item, raw: Json.Json, out: Out): void {
    const data = Json.string(raw["result"])
    if (!data) return
    this.release(out)
    const revisedPrompt = Json.string(raw["revised_prompt"])
    const metadata = toMetadata({ ...sourceOf(item, raw), revisedPrompt })
    out.push({ type: "file", mediaType: `image/${Json.string(raw["output_format"]) ?? "png"}`, data, metadata })
  }

  private hosted(item: Item, raw: Json.Json, out: Out): void {
    out.push({ type: "tool-params-end", id: hostedId(item) })
    // What began and did not end is not known.
    if (raw["type"] !== undefined) out.push(...hostedParts(raw, hostedId(item), sourceOf(item, raw)))
  }

  /** An empty thought that carries the item. */
  private opaque(item: Item, raw: Json.Json, out: Out): void {
    if (raw["type"] === undefined) return
    this.release(out)
    const id = String(this.opened++)
    out.push({ type: "reasoning-start", id })
    // As text, because it may be long and of any depth, and metadata is checked value by value.
    const metadata = toMetadata({ ...sourceOf(item, raw), opaque: JSON.stringify(raw) })
    out.push({ type: "reasoning-end", id, metadata })
  }

  /** What no event has told of the output, which the end of the response lists; of one that came whole, all of it. */
  rest(output: ReadonlyArray<unknown>, out: Out): void {
    if (this.items.size === 0) {
      for (const [index, item] of output.entries()) this.done({ output_index: index, item }, out)
    } else {
      for (const item of this.items.values()) {
        if (!item.finished) this.settle(item, Json.object(output[item.index ?? -1]), out)
      }
    }
  }
}

const hostedId = ({ id, key }: Item): string => id ?? `item_${key}`

const sourceOf = ({ id, index }: Item, raw: Json.Json) => ({ itemId: Json.string(raw["id"]) ?? id, index })

/** What an event says of its item: its place, or its id where a server numbers nothing. */
const keyOf = (payload: Json.Json, item?: Json.Json): number | string =>
  Json.int(payload["output_index"]) ?? Json.string(payload["item_id"] ?? item?.["id"]) ?? 0
