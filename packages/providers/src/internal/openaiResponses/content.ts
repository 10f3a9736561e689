/** Texts and files as the API takes them in (platform.openai.com/docs, "Images and vision", "File inputs"). */
import type * as Prompt from "effect/ai/Prompt"
import * as Result from "effect/Result"
import type { Problem } from "@holdfast/core/InvalidInput"
import type { Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../prompt/params.ts"
import { bareType, nameOf, sourceOf, unseenBy, urlOf } from "../prompt/file.ts"
import type { Modality } from "../../ProviderDefinition.ts"

/** A text of a request. */
export const textInput = (text: string): Json.Json => ({ type: "input_text", text })

/** A file of a request, or why it cannot be in one. */
export const fileInput = (part: Prompt.FilePart, target: Target, place: string): Result.Result<Json.Json, Problem> => {
  const modality = kindOf(bareType(part.mediaType))
  const expected =
    modality === undefined
      ? "images in PNG, JPEG, GIF or WebP, and documents"
      : unseenBy(target.model, target.facts?.input, modality)
  if (expected !== undefined) return Result.fail(Params.unsupported(place, expected, nameOf(part)))
  return Result.succeed(modality === "image" ? imageOf(part) : documentOf(part))
}

/** How the API is given files of a type. */
const kindOf = (mediaType: string): Modality | undefined => {
  const [type, subtype] = mediaType.split("/")
  switch (type) {
    case "image":
      return /^(png|jpe?g|gif|webp|\*)$/.test(subtype ?? "") ? "image" : undefined
    // What is no PDF is read as text (docs, "File inputs").
    case "text":
    case "application":
      return subtype === "pdf" ? "pdf" : "text"
    default:
      return undefined
  }
}

const imageOf = (part: Prompt.FilePart): Json.Json => {
  const detail = Json.string(Json.object(part.options["openai"])["detail"]) ?? "auto"
  const id = fileId(part)
  return {
    type: "input_image",
    detail,
    ...(id === undefined ? { image_url: urlOf(sourceOf(part), part, "image/png") } : { file_id: id })
  }
}

const documentOf = (part: Prompt.FilePart): Json.Json => {
  const id = fileId(part)
  if (id !== undefined) return { type: "input_file", file_id: id }
  const source = sourceOf(part)
  const url = urlOf(source, part, part.mediaType)
  if (source.data === undefined) return { type: "input_file", file_url: url }
  // The name tells the API how to read it.
  const filename = part.fileName ?? `file.${extensionOf(part.mediaType)}`
  return { type: "input_file", filename, file_data: url }
}

const extensionOf = (mediaType: string): string => {
  const subtype = bareType(mediaType).split("/")[1] ?? ""
  return /^[a-z0-9]+$/.test(subtype) && subtype !== "plain" ? subtype : "txt"
}

/** A file that OpenAI has already goes by its id, which is no base64. */
const fileId = ({ data }: Prompt.FilePart): string | undefined =>
  typeof data === "string" && /^file[-_]/.test(data) ? data : undefined
