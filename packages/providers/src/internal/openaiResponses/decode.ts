/** A whole response as response parts. */
import type * as Reason from "@holdfast/core/Reason"
import * as Result from "effect/Result"
import type * as Response from "effect/ai/Response"
import type { Reading } from "../../Codec.ts"
import { plain } from "../../Codec.ts"
import * as Json from "../json.ts"
import { wholeOf } from "../answer/wholeOf.ts"
import { failureOf } from "./errors.ts"
import { Decoder } from "./stream.ts"

/** The parts of an answer, or why it is none. */
export const decode = (
  body: unknown,
  reading: Reading = plain
): Result.Result<Array<Response.PartEncoded>, Reason.Reason> => {
  const response = Json.object(body)
  if (Json.isError(response) || response["status"] === "failed") return Result.fail(failureOf(response, reading))
  if (!Array.isArray(response["output"])) return Result.fail(Json.malformed("not a response: it has no output"))
  // What no event brought is what a stream's decoder gives out at the end.
  const parts: Array<Response.StreamPartEncoded> = []
  const step = new Decoder(reading).whole(response, parts)
  return step._tag === "Failed" ? Result.fail(step.reason) : Result.succeed(wholeOf(parts))
}
