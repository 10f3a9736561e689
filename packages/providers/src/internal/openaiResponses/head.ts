/** Who answers. */
import type * as Response from "effect/ai/Response"
import * as Json from "../json.ts"

/** The first part of every answer. */
export const headPart = (response: Json.Json): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  id: Json.string(response["id"]),
  modelId: Json.string(response["model"]),
  timestamp: Json.timestamp(response["created_at"])
})
