/** Texts and files as the API takes them in (platform.openai.com/docs, "Images and vision", "File inputs"). */
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"
import type { Problem } from "@holdfast/core/InvalidInput"
import type { Target } from "../../Codec.ts"
import * as Json from "../json.ts"
import * as Params from "../params.ts"
import type { Modality } from "../../ProviderDefinition.ts"

/** A text of a request. */
export const textInput = (text: string): Json.Json => ({ type: "input_text", text })

/** A file of a request, or why it cannot be in one. */
export const fileInput = (part: Prompt.FilePart, target: Target, place: string): Result.Result<Json.Json, Problem> => {
  const { mediaType } = part
  const modality = modalityOf(mediaType)
  const { input } = target.facts ?? {}
  if (modality === undefined) {
    const expected = "images in PNG, JPEG, GIF or WebP, and documents"
    return Result.fail(Params.unsupported(place, expected, `a file of type ${mediaType}`))
  }
  if (input !== undefined && !input.includes(modality)) {
    const expected = `${input.join(", ")}, which is what ${target.model} can be shown`
    return Result.fail(Params.unsupported(place, expected, `a file of type ${mediaType}`))
  }
  return Result.succeed(modality === "image" ? imageOf(part) : documentOf(part))
}

const modalityOf = (mediaType: string): Modality | undefined => {
  const [type, subtype] = mediaType.toLowerCase().split("/")
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
  return { type: "input_image", detail, ...(id === undefined ? { image_url: urlOf(part) } : { file_id: id }) }
}

const documentOf = (part: Prompt.FilePart): Json.Json => {
  const id = fileId(part)
  if (id !== undefined) return { type: "input_file", file_id: id }
  const url = urlOf(part)
  if (!url.startsWith("data:")) return { type: "input_file", file_url: url }
  // The name tells the API how to read it.
  const filename = part.fileName ?? `file.${extensionOf(part.mediaType)}`
  return { type: "input_file", filename, file_data: url }
}

const extensionOf = (mediaType: string): string => {
  const subtype = mediaType.split("/")[1] ?? ""
  return /^[a-z0-9]+$/.test(subtype) && subtype !== "plain" ? subtype : "txt"
}

/** A file that OpenAI has already goes by its id, which is no base64. */
const fileId = ({ data }: Prompt.FilePart): string | undefined =>
  typeof data === "string" && /^file[-_]/.test(data) ? data : undefined

const urlOf = ({ data, mediaType }: Prompt.FilePart): string => {
  if (data instanceof URL) return data.href
  if (typeof data === "string" && /^(https?|data):/.test(data)) return data
  const type = mediaType === "image/*" ? "image/png" : mediaType
  return `data:${type};base64,${typeof data === "string" ? data : Base64.encode(data)}`
}
