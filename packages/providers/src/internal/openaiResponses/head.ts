/** Who answers. */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** The first part of every answer. */
export const headPart = (response: Json.Json): Response.ResponseMetadataPartEncoded => {
  const created = Json.int(response["created_at"])
  return {
    type: "response-metadata",
    id: Json.string(response["id"]),
    modelId: Json.string(response["model"]),
    timestamp: created === undefined ? undefined : isoOf(created)
  }
}

const isoOf = (seconds: number): string | undefined =>
  Option.getOrUndefined(Option.map(DateTime.make(seconds * 1000), DateTime.formatIso))
