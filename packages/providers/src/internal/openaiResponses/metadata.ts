/**
 * What a part says of the item it was part of, under `openai`: enough to give the item back in a later request.
 *
 * The API takes an item back only in the company that it had: reasoning before what followed it, what followed it behind
 * its reasoning. So each part knows its item's id and place in the output.
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** Values of JSON; what is undefined is left out. */
export type Metadata = Readonly<Record<string, unknown>>

/** The fields as a part's metadata. */
export const toMetadata = (fields: Metadata): Response.ProviderMetadata => {
  const openai: Record<string, unknown> = {}
  for (const key in fields) if (fields[key] !== undefined) openai[key] = fields[key]
  // What came out of JSON can go into it.
  return { openai } as Response.ProviderMetadata
}

/** Where a part comes from. */
export interface Source {
  readonly itemId: string
  /** The item's place in the output. */
  readonly index: number
  /** The rest of what was said. */
  readonly said: Json.Json
}

/** Where a part of a prompt comes from, if it comes from a response. */
export const sourceOf = ({ options }: Prompt.Part): Source | undefined => {
  const said = Json.object(options["openai"])
  const itemId = Json.string(said["itemId"])
  const index = Json.int(said["index"])
  return itemId === undefined || index === undefined ? undefined : { itemId, index, said }
}
