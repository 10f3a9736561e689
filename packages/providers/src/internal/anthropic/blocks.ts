/** What both forms of an answer, whole and streamed, make of a block of content. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** What a part keeps for Anthropic, to be given back in a later turn. */
export type Kept = Response.ProviderMetadata[string]

/** A call of a tool. */
export interface Call {
  readonly id: string
  readonly name: string
  /** What came of the arguments at once. */
  readonly input: unknown
  /** Whether Anthropic ran it: a tool of its own, or one of an MCP server. */
  readonly hosted: boolean
  readonly kept: Readonly<Record<string, Kept>> | undefined
}

/** The fields of an object that are no objects themselves: short, and safe to keep whatever somebody sent. */
export const scalars = (raw: Json.Json): Record<string, Kept> => {
  const kept: Record<string, Kept> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === "string" || typeof value === "boolean" || value === null) kept[name] = value
    else if (typeof value === "number" && Number.isFinite(value)) kept[name] = value
  }
  return kept
}

/** Metadata of Anthropic's own, where there is any. */
export const metadata = (
  anthropic: Readonly<Record<string, Kept>> | undefined
): { readonly metadata: Response.ProviderMetadata } | undefined =>
  anthropic === undefined ? undefined : { metadata: { anthropic } }

/** The app's tool that a block calls; a complaint if it does not say which. */
export const callOf = (index: number, block: Json.Json): Call | string => {
  const name = Json.string(block["name"])
  if (!name) return "a tool call has no name"
  const kept = calledBy(block)
  return {
    id: Json.string(block["id"]) || `toolu_${index}`,
    name,
    input: block["input"] ?? {},
    hosted: false,
    kept: Object.keys(kept).length === 0 ? undefined : kept
  }
}

/** The tool that Anthropic itself ran, or had an MCP server run; nothing for a block that is no such call. */
export const hostedCallOf = (block: Json.Json): Call | undefined => {
  const type = Json.string(block["type"])
  const id = Json.string(block["id"])
  const name = Json.string(block["name"])
  if (!type?.endsWith("_tool_use") || !id || !name) return undefined
  const server = Json.string(block["server_name"])
  const kept = { block: type, ...calledBy(block), ...(server === undefined ? undefined : { server }) }
  return { id, name, input: block["input"] ?? {}, hosted: true, kept }
}

/** Code of Anthropic's may call tools as well, which it wants to hear again. */
const calledBy = (block: Json.Json): Record<string, Kept> => {
  const caller = Json.object(block["caller"])
  const toolset = Json.string(block["toolset_name"])
  return {
    ...(caller["type"] === undefined || caller["type"] === "direct" ? undefined : { caller: scalars(caller) }),
    ...(toolset === undefined ? undefined : { toolset })
  }
}

/** The part for a call whose arguments are known. */
export const callPart = (call: Call, params: unknown): Response.ToolCallPartEncoded => ({
  type: "tool-call",
  id: call.id,
  name: call.name,
  params,
  ...(call.hosted ? { providerExecuted: true } : undefined),
  ...metadata(call.kept)
})

/**
 * A call that code of Anthropic's made is answered inside the container in which the code waits, so that the call keeps
 * its id.
 */
export const inContainer = <P extends Response.ToolCallPartEncoded>(part: P, container: string | undefined): P => {
  const kept = part.metadata?.["anthropic"]
  if (container === undefined || !Json.isObject(kept) || kept["caller"] === undefined) return part
  return { ...part, metadata: { ...part.metadata, anthropic: { ...kept, container } } }
}

/** What came of a tool that Anthropic ran. Results do not name their tool; `names` tells it by the call's id. */
export const hostedResultOf = (
  block: Json.Json,
  names: ReadonlyMap<string, string>
): Response.ToolResultPartEncoded | undefined => {
  const type = Json.string(block["type"])
  const id = Json.string(block["tool_use_id"])
  if (!type?.endsWith(resultSuffix) || !id) return undefined
  const content = block["content"] ?? null
  return {
    type: "tool-result",
    id,
    name: names.get(id) ?? type.slice(0, -resultSuffix.length),
    result: content,
    isFailure: block["is_error"] === true || (Json.string(Json.object(content)["type"])?.endsWith("_error") ?? false),
    providerExecuted: true,
    metadata: { anthropic: { block: type, ...calledBy(block) } }
  }
}

const resultSuffix = "_tool_result"

/** Blocks that mean nothing to an app, and that Anthropic wants to see again as they were. */
export const isOpaque = (type: unknown): boolean =>
  type === "compaction" || type === "fallback" || type === "mcp_tool_listing" || type === "container_upload"

/** An opaque block as it is kept: its text, because it may be of any depth. */
export const opaque = (block: Json.Json): { readonly metadata: Response.ProviderMetadata } => ({
  metadata: { anthropic: { opaque: JSON.stringify(block) } }
})

/** The sources that an answer cites, each once. */
export class Sources {
  private readonly seen = new Set<string>()

  /** The part for a source that was not cited before. */
  of(citation: Json.Json): Response.DocumentSourcePartEncoded | Response.UrlSourcePartEncoded | undefined {
    const part = sourceOf(citation)
    if (part === undefined || this.seen.has(part.id)) return undefined
    this.seen.add(part.id)
    return part
  }
}

const sourceOf = (
  citation: Json.Json
): Response.DocumentSourcePartEncoded | Response.UrlSourcePartEncoded | undefined => {
  switch (citation["type"]) {
    case "web_search_result_location":
      return webSourceOf(Json.string(citation["url"]), citation)
    case "search_result_location": {
      // A search of the app's own, whose source is whatever it says.
      const source = Json.string(citation["source"])
      const place = `search-result-${Json.int(citation["search_result_index"]) ?? 0}`
      return (
        webSourceOf(source, citation) ??
        documentSource(source ?? place, "text/plain", Json.string(citation["title"]) ?? source ?? place)
      )
    }
    case "page_location":
      return documentOf(citation, "application/pdf")
    case "char_location":
    case "content_block_location":
      return documentOf(citation, "text/plain")
    default:
      return undefined
  }
}

const webSourceOf = (url: string | undefined, citation: Json.Json): Response.UrlSourcePartEncoded | undefined =>
  url === undefined || !URL.canParse(url)
    ? undefined
    : { type: "source", sourceType: "url", id: url, url, title: Json.string(citation["title"]) || url }

const documentOf = (citation: Json.Json, mediaType: string): Response.DocumentSourcePartEncoded => {
  const index = Json.int(citation["document_index"]) ?? 0
  const id = Json.string(citation["file_id"]) || `document-${index}`
  return documentSource(id, mediaType, Json.string(citation["document_title"]) || `Document ${index + 1}`)
}

const documentSource = (id: string, mediaType: string, title: string): Response.DocumentSourcePartEncoded => ({
  type: "source",
  sourceType: "document",
  id,
  mediaType,
  title
})
