/** What an answer says that it is. */
import type { HttpResponse } from "@holdfast/core/HttpTransport"
import type { Codec } from "../../Codec.ts"

/** The content type as it was sent. */
export const of = ({ headers }: HttpResponse): string | undefined => headers["content-type"]

/** Whether it is a stream in the format's framing. Some servers name no content type at all for one. */
export const isStream = ({ framing }: Pick<Codec, "framing">, response: HttpResponse): boolean => {
  const type = of(response)
  return type === undefined || streams[framing].test(type)
}

const streams = {
  sse: /^text\/event-stream\b/i,
  // Lines of JSON go by several names. One line alone is an answer that came whole, or an error.
  ndjson: /^application\/(x-ndjson|ndjson|x-jsonlines|jsonl|json)\b/i
}

/** Whether it is JSON, of whatever kind. */
export const isJson = (response: HttpResponse): boolean => /^application\/(.+\+)?json\b/i.test(of(response) ?? "")
