/** Files of a prompt as Anthropic's blocks: images, PDFs and documents of text (docs, "Vision", "PDF support"). */
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import type { Modality, ModelFacts } from "../../ProviderDefinition.ts"
import * as Json from "../json.ts"

/** Why a file cannot be said, in words for a problem. */
export interface Unsayable {
  readonly expected: string
  readonly found: string
}

/** The block for a file, or why there is none. */
export const blockOf = (part: Prompt.FilePart, facts: ModelFacts | undefined): Result.Result<Json.Json, Unsayable> => {
  const mediaType = bareType(part.mediaType)
  const kind = kindOf(mediaType)
  if (kind === undefined) return unsayable(expected, `a file of type ${mediaType.slice(0, 80)}`)
  if (facts?.input !== undefined && !facts.input.includes(kind)) {
    return unsayable(`what the model can be shown: ${facts.input.join(", ")}`, `a file of type ${mediaType}`)
  }
  const own = Json.object(part.options["anthropic"])
  return Result.map(sourceOf(kind, mediaType, part, own), (source) =>
    kind === "image" ? { type: "image", source } : { type: "document", source, ...documentFields(part, own) }
  )
}

const expected = "an image (JPEG, PNG, GIF, WebP), a PDF or text"

const unsayable = (wanted: string, found: string): Result.Result<never, Unsayable> =>
  Result.fail({ expected: wanted, found })

const bareType = (mediaType: string): string => {
  const [bare = ""] = mediaType.split(";")
  const type = bare.trim().toLowerCase()
  return type === "image/jpg" ? "image/jpeg" : type
}

const images = new Set(["image/jpeg", "image/png", "image/gif", "image/webp", "image/*"])

const texts = new Set(["application/json", "application/xml", "application/yaml", "application/javascript"])

/** What a model must be able to see for files of this type; nothing for types that no Claude can be shown. */
const kindOf = (mediaType: string): Modality | undefined => {
  if (images.has(mediaType)) return "image"
  if (mediaType === "application/pdf") return "pdf"
  return mediaType.startsWith("text/") || texts.has(mediaType) ? "text" : undefined
}

const sourceOf = (
  kind: Modality,
  mediaType: string,
  { data }: Prompt.FilePart,
  own: Json.Json
): Result.Result<Json.Json, Unsayable> => {
  // A file that was uploaded before.
  const fileId = Json.string(own["fileId"])
  if (fileId !== undefined) return Result.succeed({ type: "file", file_id: fileId })
  const url = urlOf(data)
  if (url !== undefined) {
    return kind === "text"
      ? unsayable("text itself, because Anthropic fetches images and PDFs alone", "the URL of a text")
      : Result.succeed({ type: "url", url })
  }
  const base64 = base64Of(data)
  if (kind === "text") {
    return Result.match(Base64.decodeString(base64), {
      onFailure: () => unsayable("text in base64", "something else"),
      onSuccess: (text) => Result.succeed({ type: "text", media_type: "text/plain", data: text })
    })
  }
  return mediaType === "image/*"
    ? unsayable("the image's own type", "image/*")
    : Result.succeed({ type: "base64", media_type: mediaType, data: base64 })
}

const urlOf = (data: Prompt.FilePart["data"]): string | undefined => {
  const text = data instanceof URL ? data.href : data
  return typeof text === "string" && /^https?:\/\//i.test(text) ? text : undefined
}

const base64Of = (data: Prompt.FilePart["data"]): string => {
  if (data instanceof Uint8Array) return Base64.encode(data)
  const text = typeof data === "string" ? data : data.href
  return text.startsWith("data:") ? text.slice(text.indexOf(",") + 1) : text
}

const documentFields = (part: Prompt.FilePart, own: Json.Json): Json.Json => {
  const title = Json.string(own["title"]) ?? part.fileName
  const context = Json.string(own["context"])
  return {
    ...(title === undefined ? undefined : { title }),
    ...(context === undefined ? undefined : { context }),
    ...(Json.isObject(own["citations"]) ? { citations: own["citations"] } : undefined)
  }
}
