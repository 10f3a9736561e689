/** Files of a prompt as parts of a user message's content. */
import type { Problem } from "@holdfast/core/InvalidInput"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import type { Carriage, Carried } from "../../CompletionsDialect.ts"
import { openaiCarries } from "../../CompletionsDialect.ts"
import type { Modality } from "../../ProviderDefinition.ts"
import * as Json from "../json.ts"
import * as Params from "../prompt/params.ts"
import type { Source } from "../prompt/file.ts"
import { bareType, base64Of, modalityOf, nameOf, sourceOf, unseenBy, urlOf } from "../prompt/file.ts"

/** What is known of who reads the files. */
export interface Reader {
  readonly model: string
  readonly carries?: Carried
  /** What the model can be shown, where that is known. */
  readonly input: ReadonlyArray<Modality> | undefined
}

/** A file as a part of a user message, or what is wrong with it. */
export const fileOf = (
  part: Prompt.FilePart,
  place: string,
  { carries, input, model }: Reader
): Json.Json | Problem => {
  const modality = modalityOf(part.mediaType)
  if (modality === undefined) return Params.unsupported(place, "text, an image, audio, video or a PDF", nameOf(part))
  const expected = unseenBy(model, input, modality)
  if (expected !== undefined) return Params.unsupported(place, expected, nameOf(part))
  const source = sourceOf(part)
  const way = carries ?? openaiCarries
  switch (modality) {
    case "text": {
      const text = source.data === undefined ? undefined : textOf(source.data)
      return text === undefined
        ? Params.unsupported(place, "a text in the prompt itself", "no text that can be read")
        : { type: "text", text }
    }
    case "image":
      return (
        refused(way.image, source, part, place) ?? {
          type: "image_url",
          image_url: { url: urlOf(source, part, "image/jpeg"), ...detailOf(part) }
        }
      )
    case "video":
      return (
        refused(way.video, source, part, place) ?? {
          type: "video_url",
          video_url: { url: urlOf(source, part, "video/mp4") }
        }
      )
    case "pdf":
      return (
        refused(way.pdf, source, part, place) ?? {
          type: "file",
          file: {
            // The format wants a name.
            filename: part.fileName ?? "document.pdf",
            file_data: urlOf(source, part, "application/pdf")
          }
        }
      )
    case "audio": {
      const format = audioFormat(part.mediaType)
      if (way.audio === undefined) return Params.unsupported(place, "content that the provider takes", nameOf(part))
      if (source.data === undefined || !way.audio.includes(format)) {
        const expected = `audio in the prompt itself, as ${way.audio.join(" or ")}`
        return Params.unsupported(place, expected, source.data === undefined ? "the URL of one" : nameOf(part))
      }
      return { type: "input_audio", input_audio: { data: base64Of(source.data), format } }
    }
  }
}

/** Whether it is what is wrong with a file. */
export const isProblem = (value: Json.Json | Problem): value is Problem => "kind" in value

const refused = (
  carriage: Carriage | undefined,
  { data, url }: Source,
  part: Prompt.FilePart,
  place: string
): Problem | undefined => {
  if (carriage === undefined) return Params.unsupported(place, "content that the provider takes", nameOf(part))
  // A URL of its own is no file elsewhere.
  if (carriage === "data" && url !== undefined && /^https?:/i.test(url)) {
    return Params.unsupported(
      place,
      "the file's bytes, because the provider fetches none",
      `the URL of ${nameOf(part)}`
    )
  }
  if (carriage === "url" && data !== undefined) {
    return Params.unsupported(
      place,
      "the file's URL, because the provider takes no bytes",
      `the bytes of ${nameOf(part)}`
    )
  }
  return undefined
}

const textOf = (data: Uint8Array | string): string | undefined =>
  typeof data === "string" ? Result.getOrUndefined(Base64.decodeString(data)) : new TextDecoder().decode(data)

const detailOf = ({ options }: Prompt.FilePart): { readonly detail: string } | undefined => {
  const detail = Json.string(Json.object(options["openai"])["imageDetail"])
  return detail === undefined ? undefined : { detail }
}

/** The name that the format has for a kind of audio. */
const audioFormat = (mediaType: string): string => {
  const subtype = bareType(mediaType).slice("audio/".length)
  switch (subtype) {
    case "mpeg":
    case "mpeg3":
    case "x-mp3":
      return "mp3"
    case "wave":
    case "x-wav":
    case "vnd.wave":
      return "wav"
    case "mp4":
    case "x-m4a":
      return "m4a"
    case "x-flac":
      return "flac"
    default:
      return subtype
  }
}
