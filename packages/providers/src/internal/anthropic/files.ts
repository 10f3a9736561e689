/** Files of a prompt as Anthropic's blocks: images, PDFs and documents of text (docs, "Vision", "PDF support"). */
import * as Result from "effect/Result"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import type { Target } from "../../Codec.ts"
import type { Modality } from "../../ProviderDefinition.ts"
import * as Json from "../json.ts"
import { bareType, base64Of, modalityOf, nameOf, sourceOf, unseenBy } from "../prompt/file.ts"

/** Why a file cannot be said, in words for a problem. */
interface Unsayable {
  readonly expected: string
  readonly found: string
}

/** The block for a file, or why there is none. */
export const blockOf = (
  part: Prompt.FilePart,
  { facts, model }: Pick<Target, "facts" | "model">
): Result.Result<Json.Json, Unsayable> => {
  const mediaType = typeOf(part)
  const kind = kindOf(mediaType)
  if (kind === undefined) return unsayable(expected, nameOf(part))
  const seen = unseenBy(model, facts?.input, kind)
  if (seen !== undefined) return unsayable(seen, nameOf(part))
  const own = Json.object(part.options["anthropic"])
  return Result.map(blockSourceOf(kind, mediaType, part, own), (source) =>
    kind === "image" ? { type: "image", source } : { type: "document", source, ...documentFields(part, own) }
  )
}

const expected = "an image (JPEG, PNG, GIF, WebP), a PDF or text"

const unsayable = (wanted: string, found: string): Result.Result<never, Unsayable> =>
  Result.fail({ expected: wanted, found })

const typeOf = ({ mediaType }: Prompt.FilePart): string => {
  const type = bareType(mediaType)
  return type === "image/jpg" ? "image/jpeg" : type
}

const images = new Set(["image/jpeg", "image/png", "image/gif", "image/webp", "image/*"])

/** What a model must be able to see for files of this type; nothing for types that no Claude can be shown. */
const kindOf = (mediaType: string): Modality | undefined => {
  const modality = modalityOf(mediaType)
  return modality === "pdf" || modality === "text" || images.has(mediaType) ? modality : undefined
}

const blockSourceOf = (
  kind: Modality,
  mediaType: string,
  part: Prompt.FilePart,
  own: Json.Json
): Result.Result<Json.Json, Unsayable> => {
  // A file that was uploaded before.
  const fileId = Json.string(own["fileId"])
  if (fileId !== undefined) return Result.succeed({ type: "file", file_id: fileId })
  const { data, url } = sourceOf(part)
  if (data === undefined) {
    if (!/^https?:/i.test(url)) return unsayable("the file's bytes in base64, or its https: URL", "another URL")
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

const documentFields = (part: Prompt.FilePart, own: Json.Json): Json.Json => {
  const title = Json.string(own["title"]) ?? part.fileName
  const context = Json.string(own["context"])
  return {
    ...(title === undefined ? undefined : { title }),
    ...(context === undefined ? undefined : { context }),
    ...(Json.isObject(own["citations"]) ? { citations: own["citations"] } : undefined)
  }
}
