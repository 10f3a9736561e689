/** Events of a streamed response as response parts (platform.openai.com/docs, "Streaming events"). */
import type * as Response from "effect/ai/Response"
import type { Reading, Step, StreamDecoder, StreamEvent } from "../../Codec.ts"
import { complete, malformed, plain, proceed } from "../../Codec.ts"
import * as Json from "../json.ts"
import { failureOf } from "./errors.ts"
import { finishPart } from "./finish.ts"
import { headPart } from "./head.ts"
import { Output } from "./output.ts"

type Out = Array<Response.StreamPartEncoded>

/** A decoder for one stream. */
export const makeStreamDecoder = (reading: Reading = plain): StreamDecoder => new Decoder(reading)

/** Reads the events of one response, or the whole of it. */
export class Decoder implements StreamDecoder {
  private readonly reading: Reading
  private readonly output = new Output()
  private begun = false

  constructor(reading: Reading) {
    this.reading = reading
  }

  read(event: StreamEvent, out: Out): Step {
    // Some servers add it; it ends nothing here.
    if (event.data === "[DONE]") return proceed
    const parsed = Json.parse(event.data)
    if (parsed._tag === "Failure") return malformed("an event is not JSON")
    const payload = Json.object(parsed.success)
    const type = Json.string(payload["type"]) ?? event.event
    switch (type) {
      case "response.output_text.delta":
        this.output.delta("message", payload, false, out)
        return proceed
      case "response.function_call_arguments.delta":
        this.output.fragment(payload, out)
        return proceed
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        this.output.delta("reasoning", payload, false, out)
        return proceed
      case "response.refusal.delta":
        this.output.delta("message", payload, true, out)
        return proceed
      case "response.output_text.annotation.added":
        this.output.annotation(payload, out)
        return proceed
      case "response.output_item.added":
        this.output.added(payload, out)
        return proceed
      case "response.output_item.done":
        this.output.done(payload, out)
        return proceed
      case "response.created":
      case "response.in_progress":
      case "response.queued":
        return this.begin(Json.object(payload["response"]), out)
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
      // ChatGPT's backend has this name for it, too.
      case "response.done":
        return this.end(type, payload, out)
      case "error":
        return { _tag: "Failed", reason: failureOf(payload, this.reading) }
      default:
        // A gateway's error has no type. The rest says what is said by other events as well, or is not known.
        return payload["type"] === undefined && Json.isError(payload)
          ? { _tag: "Failed", reason: failureOf(payload, this.reading) }
          : proceed
    }
  }

  private begin(response: Json.Json, out: Out): Step {
    if (this.begun) return proceed
    this.begun = true
    out.push(headPart(response))
    return proceed
  }

  private end(type: string, payload: Json.Json, out: Out): Step {
    const response = Json.object(payload["response"])
    const status = response["status"] ?? (type === "response.incomplete" ? "incomplete" : "completed")
    if (type === "response.failed" || status === "failed" || Json.isError(response)) {
      return { _tag: "Failed", reason: failureOf(response, this.reading) }
    }
    return this.whole({ ...response, status }, out)
  }

  /** The end of a response, or all of one. */
  whole(response: Json.Json, out: Out): Step {
    this.begin(response, out)
    this.output.rest(Json.array(response["output"]), out)
    if (this.output.broken && response["status"] !== "incomplete") {
      return malformed("the arguments of a tool call are not JSON, or it has no name")
    }
    this.output.release(out)
    out.push(finishPart(response, this.output.held))
    return complete
  }
}
