/** What answers hold besides text, reasoning and tool calls: sources, files, tools that the provider ran. */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Response from "effect/ai/Response"
import * as Base64 from "effect/encoding/Base64"
import * as Json from "../json.ts"

/** Where parts go, of a stream or of a whole answer. */
interface Out {
  readonly push: (
    part:
      | Response.UrlSourcePartEncoded
      | Response.FilePartEncoded
      | Response.ToolCallPartEncoded
      | Response.ToolResultPartEncoded
  ) => unknown
}

/** Collects them from the messages or deltas of one answer. */
export class Extras {
  private sources = 0
  private readonly audio: Array<string> = []
  private heard = false
  private readonly executed = new Map<unknown, { readonly id: string; answered: boolean }>()
  private readonly annotations: Array<Json.Json> = []
  private readonly logprobs: Array<unknown> = []

  /** Reads a message or a delta. */
  read(message: Json.Json, out: Out): void {
    if (message["annotations"] !== undefined) this.annotated(Json.array(message["annotations"]), out)
    if (message["images"] !== undefined) this.images(Json.array(message["images"]), out)
    if (message["executed_tools"] !== undefined) this.ran(Json.array(message["executed_tools"]), out)
    const audio = message["audio"]
    if (Json.isObject(audio)) {
      const data = Json.string(audio["data"])
      if (data) this.audio.push(data)
      if (audio["transcript"]) this.heard = true
    }
  }

  /** Reads the probabilities that a choice names. */
  readLogprobs(logprobs: unknown): void {
    if (Json.isObject(logprobs)) this.logprobs.push(...Json.array(logprobs["content"]))
  }

  /** What can be told at the end alone: `answer` is the whole answer, or the last chunk that lists what was found. */
  finish(answer: Json.Json, out: Out): void {
    // Perplexity lists what it found beside the choices; xAI, URLs alone.
    const results = Json.array(answer["search_results"])
    for (const found of results) this.found(Json.object(found), out)
    if (results.length === 0) for (const url of Json.array(answer["citations"])) this.found({ url }, out)
    const file = audioOf(this.audio, this.heard)
    if (file !== undefined) out.push(file)
  }

  /** What has no part of its own. */
  metadata(): { readonly [name: string]: Schema.Json } {
    return {
      ...(this.annotations.length === 0 ? undefined : { annotations: json(this.annotations) }),
      ...(this.logprobs.length === 0 ? undefined : { logprobs: json(this.logprobs) })
    }
  }

  private annotated(annotations: ReadonlyArray<unknown>, out: Out): void {
    for (const value of annotations) {
      const annotation = Json.object(value)
      const citation = annotation["url_citation"]
      if (!Json.isObject(citation) || !this.found(citation, out)) this.annotations.push(annotation)
    }
  }

  private images(images: ReadonlyArray<unknown>, out: Out): void {
    for (const image of images) {
      const url = Json.string(Json.object(Json.object(image)["image_url"])["url"])
      const file = url === undefined ? undefined : fileOf(url)
      if (file !== undefined) out.push(file)
      else if (url !== undefined && /^https?:/i.test(url)) this.found({ url }, out)
    }
  }

  /** Tools that Groq's compound ran by itself. A stream tells of one when it begins, and again when it has ended. */
  private ran(tools: ReadonlyArray<unknown>, out: Out): void {
    for (const [place, value] of tools.entries()) {
      const { arguments: args, index, type, ...rest } = Json.object(value)
      const name = Json.string(type) ?? "tool"
      const key = Json.int(index) ?? place
      let run = this.executed.get(key)
      if (run === undefined) {
        run = { id: `executed_${key}`, answered: false }
        this.executed.set(key, run)
        out.push({ type: "tool-call", id: run.id, name, params: paramsOf(args), providerExecuted: true })
      }
      const sources = Json.array(Json.object(rest["search_results"])["results"])
      if (run.answered || (rest["output"] === undefined && sources.length === 0)) continue
      run.answered = true
      out.push({ type: "tool-result", id: run.id, name, result: rest, isFailure: false, providerExecuted: true })
      for (const source of sources) this.found(Json.object(source), out)
    }
  }

  private found(source: Json.Json, out: Out): boolean {
    const url = Json.string(source["url"])
    if (url === undefined || !URL.canParse(url)) return false
    const { content, end_index: endIndex, start_index: startIndex } = source
    out.push({
      type: "source",
      sourceType: "url",
      id: `source_${this.sources++}`,
      url,
      title: Json.string(source["title"]) ?? "",
      metadata: {
        openai: {
          ...(typeof startIndex === "number" ? { startIndex } : undefined),
          ...(typeof endIndex === "number" ? { endIndex } : undefined),
          ...(typeof content === "string" ? { content } : undefined)
        }
      }
    })
    return true
  }
}

// What was parsed from JSON is JSON.
const json = (value: ReadonlyArray<unknown>): Schema.Json => value as ReadonlyArray<Schema.Json>

const paramsOf = (args: unknown): unknown =>
  typeof args === "string" ? Result.getOrElse(Json.parse(args), () => args) : (args ?? {})

const fileOf = (url: string): Response.FilePartEncoded | undefined => {
  const head = /^data:([^;,]+);base64,/i.exec(url)
  const [whole, mediaType] = head ?? []
  if (whole === undefined || mediaType === undefined) return undefined
  const data = url.slice(whole.length)
  return Result.isSuccess(Base64.decode(data)) ? { type: "file", mediaType, data } : undefined
}

/** Spoken output. A stream brings it in fragments, each encoded for itself. */
const audioOf = (fragments: ReadonlyArray<string>, transcript: boolean): Response.FilePartEncoded | undefined => {
  const bytes: Array<Uint8Array> = []
  for (const fragment of fragments) {
    const decoded = Base64.decode(fragment)
    if (Result.isFailure(decoded)) return undefined
    bytes.push(decoded.success)
  }
  const [first] = bytes
  if (first === undefined) return undefined
  return {
    type: "file",
    mediaType: audioTypeOf(first),
    data: Base64.encode(concat(bytes)),
    metadata: { openai: { transcript } }
  }
}

const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** The answer does not name its format; the request did. Files tell by how they begin, and raw samples do not. */
const audioTypeOf = (bytes: Uint8Array): string => {
  const head = String.fromCharCode(...bytes.subarray(0, 4))
  if (head === "RIFF") return "audio/wav"
  if (head === "fLaC") return "audio/flac"
  if (head === "OggS") return "audio/ogg"
  if (head.startsWith("ID3") || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0)) return "audio/mpeg"
  return "audio/pcm"
}
