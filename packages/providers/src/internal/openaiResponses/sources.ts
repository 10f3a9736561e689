/** What an answer cites. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"
import { toMetadata } from "./metadata.ts"

/** The part for an annotation of a text; none for one that cites nothing that can be named. */
export const sourcePart = (
  annotation: Json.Json,
  id: string
): Response.UrlSourcePartEncoded | Response.DocumentSourcePartEncoded | undefined => {
  const metadata = toMetadata({ annotation })
  switch (annotation["type"]) {
    case "url_citation": {
      const url = Json.string(annotation["url"])
      if (url === undefined || !URL.canParse(url)) return undefined
      const title = Json.string(annotation["title"]) || url
      return { type: "source", sourceType: "url", id, url, title, metadata }
    }
    case "file_citation":
    case "container_file_citation":
    case "file_path": {
      const fileName = Json.string(annotation["filename"])
      const title = fileName ?? Json.string(annotation["file_id"])
      if (title === undefined) return undefined
      // What is searched is text; what a container holds may be anything.
      const mediaType = annotation["type"] === "file_citation" ? "text/plain" : "application/octet-stream"
      const name = fileName === undefined ? undefined : { fileName }
      return { type: "source", sourceType: "document", id, mediaType, title, ...name, metadata }
    }
    default:
      return undefined
  }
}
