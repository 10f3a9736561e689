/** A file of a prompt: what it is, where its bytes are, and whether a model can be shown it. */
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import type { Modality } from "../../ProviderDefinition.ts"

/** A media type (RFC 6838) in small letters, without its parameters. */
export const bareType = (mediaType: string): string => (mediaType.split(";", 1)[0] ?? "").trim().toLowerCase()

/** What a file is, by its media type; nothing where that does not tell. */
export const modalityOf = (mediaType: string): Modality | undefined => {
  const [type = "", subtype = ""] = bareType(mediaType).split("/", 2)
  switch (type) {
    case "image":
    case "audio":
    case "video":
    case "text":
      return type
    case "application":
      return subtype === "pdf" ? "pdf" : textual.test(subtype) ? "text" : undefined
    default:
      return undefined
  }
}

const textual = /^(?:json|xml|yaml|x-yaml|javascript|.*\+(?:json|xml))$/

/** A file as errors name it. */
export const nameOf = ({ mediaType }: Pick<Prompt.FilePart, "mediaType">): string =>
  `a file of type ${mediaType.slice(0, 80)}`

/** What was expected of a file that a model cannot be shown; nothing where it can, or where that is not known. */
export const unseenBy = (
  model: string,
  input: ReadonlyArray<Modality> | undefined,
  modality: Modality
): string | undefined =>
  input === undefined || input.includes(modality) ? undefined : `${input.join(", ")}, which is what ${model} takes`

/** A file's bytes, as they are or in base64, or its URL. */
export type Source =
  | { readonly data: Uint8Array | string; readonly url?: undefined }
  | { readonly data?: undefined; readonly url: string }

/** Where a file's bytes are. */
export const sourceOf = ({ data }: Pick<Prompt.FilePart, "data">): Source => {
  if (data instanceof Uint8Array) return { data }
  const text = typeof data === "string" ? data : data.href
  const inline = /^data:[^,]*;base64,/i.exec(text)
  if (inline !== null) return { data: text.slice(inline[0].length) }
  return typeof data === "string" && !/^[a-z][a-z0-9+.-]*:/i.test(data) ? { data } : { url: text }
}

/** Bytes in base64. */
export const base64Of = (data: Uint8Array | string): string => (typeof data === "string" ? data : Base64.encode(data))

/** The URL that a provider reads; a data URL wants a type, `like` where the file's says no more than `image/*`. */
export const urlOf = (source: Source, { mediaType }: Pick<Prompt.FilePart, "mediaType">, like: string): string =>
  source.data === undefined
    ? source.url
    : `data:${mediaType.endsWith("/*") ? like : mediaType};base64,${base64Of(source.data)}`
